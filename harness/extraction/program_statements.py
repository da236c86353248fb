"""Statements of a program that is followed: which way control goes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.program_comprehensions import MAX_UNROLLED
from apigauge.harness.extraction.program_exceptions import Exceptions
from apigauge.harness.extraction.program_state import AbruptError, OutOfBudgetError, Target
from apigauge.harness.extraction.program_values import (
    UNKNOWN,
    Builtin,
    Deferred,
    Scope,
    truth,
)
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_NESTING: Final = 40


class Statements(Exceptions):
    """Runs statements. Each returns whether control comes to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: list[tuple[Target, Target]] = []  # where ``break`` and ``continue`` of each loop lead
        self.nesting = 0

    def body(self, node: "Node", scope: Scope) -> bool:
        """Runs a block; whether control comes to its end."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise OutOfBudgetError
        try:
            return all(self.statement(child, scope) for child in node.named_children)
        finally:
            self.nesting -= 1

    def statement(self, node: "Node", scope: Scope) -> bool:
        """Runs a statement; whether control comes to its end."""
        self.step()
        method = _STATEMENTS.get(node.type)
        try:
            return bool(getattr(self, method)(node, scope)) if method else True
        except AbruptError:
            return False

    def _expression(self, node: "Node", scope: Scope) -> bool:
        for child in node.named_children:
            if child.type == "assignment":
                self._assignment(child, scope)
            elif child.type == "augmented_assignment":
                self.augment(child, scope)
            elif child.type != "comment":
                value = self.evaluate(child, scope)
                if isinstance(value, Deferred) and child.type == "await":
                    self.settle_deferred(value, certain=True)
        return True

    def _assignment(self, node: "Node", scope: Scope) -> Any:
        targets: list[Node] = []
        value: Node | None = node
        while value is not None and value.type == "assignment":
            target, value = value.child_by_field_name("left"), value.child_by_field_name("right")
            targets += [target] if target is not None else []
        if not targets or value is None:
            return UNKNOWN  # ``x: int`` binds nothing
        held = self.evaluate(value, scope)
        for target in targets:  # from left to right: ``a, b = b, a = 1, 2``
            self.assign(target, held, scope)
        return held

    def _import(self, node: "Node", scope: Scope) -> bool:
        if node.type == "import_statement":
            self.import_names(node, scope)
        elif node.type == "import_from_statement":
            self.import_from(node, scope)
        return True

    def _define(self, node: "Node", scope: Scope) -> bool:
        self.define(node, scope)
        return True

    def _delete(self, node: "Node", scope: Scope) -> bool:
        self.delete(node, scope)
        return True

    def _outer(self, node: "Node", scope: Scope) -> bool:
        for child in node.named_children:
            scope.outer[text_of(child)] = node.type.removesuffix("_statement")
        return True

    def _evaluated(self, node: "Node", scope: Scope) -> bool:
        for child in node.named_children:
            self.evaluate(child, scope)
        return True

    # Leaving

    def _return(self, node: "Node", scope: Scope) -> bool:
        value = self.evaluate(node.named_children[0], scope) if node.named_child_count else None
        if self.returns is not None:
            self.arrive(self.returns, value)
        return False

    def _break(self, node: "Node", _scope: Scope) -> bool:
        if self.loops:
            self.arrive(self.loops[-1][0 if node.type == "break_statement" else 1])
        return False

    def _raise(self, node: "Node", scope: Scope) -> bool:
        value = self.evaluate(node.named_children[0], scope) if node.named_child_count else UNKNOWN
        name = self._dotted(value) or (value.name if isinstance(value, Builtin) else "")
        if not name and node.named_child_count:  # ``raise ValueError('x')``
            callee = node.named_children[0].child_by_field_name("function")
            name = text_of(callee) if callee is not None else ""
        self.leave(name, value)
        return False

    def _assert(self, node: "Node", scope: Scope) -> bool:
        values = [self.evaluate(child, scope) for child in node.named_children[:1]]
        if values and truth(values[0]) is False:
            self.leave("AssertionError")
            return False
        return True

    # Branches

    def _if(self, node: "Node", scope: Scope) -> bool:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        return self._alternatives(condition, then, list(node.children_by_field_name("alternative")), scope)

    def _alternatives(self, condition: "Node | None", then: "Node | None", others: "list[Node]", scope: Scope) -> bool:
        is_true = truth(self.evaluate(condition, scope)) if condition is not None else None

        def first() -> bool:
            return self.body(then, scope) if then is not None else True

        def second() -> bool:
            if not others:
                return True
            if others[0].type == "elif_clause":
                clause = others[0]
                inner = clause.child_by_field_name("consequence")
                return self._alternatives(clause.child_by_field_name("condition"), inner, others[1:], scope)
            body = others[0].child_by_field_name("body")
            return self.body(body, scope) if body is not None else True

        if is_true is None:
            return self.branch([first, second])
        return first() if is_true else second()

    # Loops

    def _for(self, node: "Node", scope: Scope) -> bool:
        target, source = node.child_by_field_name("left"), node.child_by_field_name("right")
        body = node.child_by_field_name("body")
        if target is None or source is None or body is None:
            return True
        items = self.items_of(self.evaluate(source, scope))

        def once(item: Any) -> bool:
            self.assign(target, item, scope)
            return self.body(body, scope)

        return self._loop(node, scope, once, items)

    def _while(self, node: "Node", scope: Scope) -> bool:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            return True
        is_true = truth(self.evaluate(condition, scope))
        if is_true is False:
            return self._otherwise(node, scope)

        def once(_item: Any) -> bool:
            self.evaluate(condition, scope)
            return self.body(body, scope)

        is_endless = is_true and condition.type in ("true", "integer", "parenthesized_expression")
        return self._loop(node, scope, once, None, is_endless=bool(is_endless))

    def _otherwise(self, node: "Node", scope: Scope) -> bool:
        clause = node.child_by_field_name("alternative")
        body = clause.child_by_field_name("body") if clause is not None else None
        return self.body(body, scope) if body is not None else True

    def _loop(
        self,
        node: "Node",
        scope: Scope,
        once: Callable[[Any], bool],
        items: list[Any] | None,
        *,
        is_endless: bool = False,
    ) -> bool:
        end, again = Target(len(self.journal)), Target(0)
        self.targets += [end, again]
        self.loops.append((end, again))
        before = self.uncertain

        def iteration(item: Any) -> bool:
            again.mark, again.arrivals = len(self.journal), []
            ended = once(item)
            deltas = [delta for _, delta in again.arrivals] + ([self.delta(again.mark)] if ended else [])
            again.arrivals = []
            self.settle(again.mark, deltas)
            return bool(deltas)

        try:
            ended = True
            if items is not None and len(items) <= MAX_UNROLLED:
                for item in items:
                    ended = iteration(item)
                    if not ended:
                        break
                    if end.arrivals:
                        self.uncertain = before + 1
            else:
                self.repeat(lambda: iteration(UNKNOWN), end)
        finally:
            self.uncertain = before
            self.loops.pop()
            del self.targets[-2:]
        ended = ended and not is_endless and self._otherwise(node, scope)
        deltas = [delta for _, delta in end.arrivals] + ([self.delta(end.mark)] if ended else [])
        self.settle(end.mark, deltas)
        return bool(deltas)


_STATEMENTS: Final = {
    "expression_statement": "_expression",
    "import_statement": "_import",
    "import_from_statement": "_import",
    "function_definition": "_define",
    "class_definition": "_define",
    "decorated_definition": "_define",
    "delete_statement": "_delete",
    "global_statement": "_outer",
    "nonlocal_statement": "_outer",
    "return_statement": "_return",
    "break_statement": "_break",
    "continue_statement": "_break",
    "raise_statement": "_raise",
    "assert_statement": "_assert",
    "if_statement": "_if",
    "for_statement": "_for",
    "while_statement": "_while",
    "try_statement": "_try",
    "with_statement": "_with",
    "match_statement": "_match",
    "print_statement": "_evaluated",
    "exec_statement": "_evaluated",
}
