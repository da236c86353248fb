"""Comprehensions, ``await`` and ``yield`` of a program that is followed."""

from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.program_patterns import Patterns
from apigauge.harness.extraction.program_state import Target
from apigauge.harness.extraction.program_values import UNKNOWN, Cell, Deferred, Scope, plain, truth

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_UNROLLED: Final = 40


class Comprehensions(Patterns):
    """Expressions in which control takes its own way."""

    def _comprehension(self, node: "Node", scope: Scope) -> Any:
        inner = Scope(
            Cell(holds_names=True), scope, "function", owner=scope.owner, receiver=scope.receiver, text=scope.text
        )
        body = node.child_by_field_name("body")
        clauses = [child for child in node.named_children if child.type in ("for_in_clause", "if_clause")]
        results: list[Any] = []
        if body is None:
            return UNKNOWN
        whole = self._clauses(clauses, body, inner, results)
        if node.type in ("list_comprehension", "generator_expression"):
            return self.new_list(tuple(results) if whole else UNKNOWN)
        if node.type == "dictionary_comprehension":
            keys = [plain(key) for key, _ in results]
            whole = whole and all(key is not UNKNOWN and not isinstance(key, list | dict) for key in keys)
            entries = {key: value for key, (_, value) in zip(keys, results, strict=True)} if whole else UNKNOWN
            return self.new_dict(entries)
        return UNKNOWN

    def _clauses(self, clauses: "list[Node]", body: "Node", scope: Scope, results: list[Any]) -> bool:
        """Evaluates what a comprehension yields; whether all of it is there."""
        self.step()
        if not clauses:
            if body.type == "pair":
                key, value = body.child_by_field_name("key"), body.child_by_field_name("value")
                pair = [self.evaluate(one, scope) if one is not None else UNKNOWN for one in (key, value)]
                results.append((pair[0], pair[1]))
            else:
                results.append(self.evaluate(body, scope))
            return True
        clause, rest = clauses[0], clauses[1:]
        if clause.type == "if_clause":
            is_true = truth(self.evaluate(clause.named_children[0], scope)) if clause.named_children else None
            if is_true is None:
                self.branch([lambda: self._clauses(rest, body, scope, results), lambda: True])
                return False
            return self._clauses(rest, body, scope, results) if is_true else True
        target, source = clause.child_by_field_name("left"), clause.child_by_field_name("right")
        if target is None or source is None:
            return False
        items = self.items_of(self.evaluate(source, scope))
        if items is None or len(items) > MAX_UNROLLED:

            def way() -> bool:
                self.assign(target, UNKNOWN, scope)
                return self._clauses(rest, body, scope, results) or True

            self.repeat(way, Target(len(self.journal)))
            return False
        whole = True
        for item in items:
            self.assign(target, item, scope)
            whole = self._clauses(rest, body, scope, results) and whole
        return whole

    def _await(self, node: "Node", scope: Scope) -> Any:
        value = self.evaluate(node.named_children[0], scope) if node.named_children else UNKNOWN
        return self.settle_deferred(value, certain=True) if isinstance(value, Deferred) else value

    def _yield(self, node: "Node", scope: Scope) -> Any:
        for child in node.named_children:
            value = self.evaluate(child, scope)
            if isinstance(value, Deferred):
                self.settle_deferred(value, certain=True)
        return UNKNOWN
