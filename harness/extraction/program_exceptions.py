"""Exceptions and context managers of a program that is followed."""

from typing import TYPE_CHECKING, Any

from apigauge.harness.extraction.program_comprehensions import Comprehensions
from apigauge.harness.extraction.program_state import Delta, Target
from apigauge.harness.extraction.program_values import UNKNOWN, Deferred, External, Instance, Result, Scope, plain
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node


class Exceptions(Comprehensions):
    """Runs handlers, and what stands in ``with``."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[Target] = []

    def leave(self, dotted: str, value: Any = UNKNOWN) -> None:
        """Control goes to the innermost handler."""
        if self.handlers:
            self.arrive(self.handlers[-1], (dotted, value))

    def _try(self, node: "Node", scope: Scope) -> bool:
        body = node.child_by_field_name("body")
        clauses = [child for child in node.named_children if child.type.startswith("except")]
        final = next((child for child in node.named_children if child.type == "finally_clause"), None)
        otherwise = next((child for child in node.named_children if child.type == "else_clause"), None)
        raised = Target(len(self.journal))
        self.targets.append(raised)
        if clauses:
            self.handlers.append(raised)
        before, self.uncertain = self.uncertain, self.uncertain + bool(clauses)
        try:
            ended = self.body(body, scope) if body is not None else True
        finally:
            self.uncertain = before
            self.targets.pop()
            if clauses:
                self.handlers.pop()
        anywhere = self.written(raised.mark)
        if ended and otherwise is not None and (block := otherwise.child_by_field_name("body")) is not None:
            ended = self.body(block, scope)
        good = [self.delta(raised.mark)] if ended else []
        self.rollback(raised.mark)
        is_alone = body is not None and [child.type for child in body.named_children] == ["raise_statement"]
        handled = self._handle(
            clauses, raised, anywhere, scope, is_sure=is_alone and not ended and bool(raised.arrivals)
        )
        self._settle_try(raised.mark, good, handled, is_explicit=bool(raised.arrivals))
        ended = bool(good or handled)
        if len(good) + len(handled) < 1 + len(clauses) and not is_alone:
            self.uncertain += 1  # one of the ways leaves what is around
        if final is not None:
            for block in final.named_children:
                ended = (self.body(block, scope) if block.type == "block" else True) and ended
        return ended

    def _handle(
        self, clauses: "list[Node]", raised: Target, anywhere: Delta, scope: Scope, *, is_sure: bool
    ) -> list[Delta]:
        """Runs the handlers that may get control; the states at their ends."""
        deltas: list[Delta] = []
        names = {name for (name, _), _ in raised.arrivals}
        values = [value for (_, value), _ in raised.arrivals]
        for clause in clauses:
            caught = _catches(clause, names) if is_sure else None
            if caught is False:
                continue
            states = [delta for _, delta in raised.arrivals] if is_sure else [anywhere]
            self.settle(raised.mark, states)
            rivals = len(self.rivals)
            before, self.uncertain = self.uncertain, self.uncertain + (0 if is_sure and caught else 1)
            try:
                if self._clause(clause, values[0] if is_sure and len(values) == 1 else UNKNOWN, scope):
                    deltas.append(self.delta(raised.mark))
            finally:
                self.uncertain = before
                del self.rivals[rivals:]  # what a handler does instead is no rival of what was tried
                self.rollback(raised.mark)
            if caught:
                break
        return deltas

    def _clause(self, clause: "Node", raised: Any, scope: Scope) -> bool:
        value = clause.child_by_field_name("value")
        alias = value.child_by_field_name("alias") if value is not None and value.type == "as_pattern" else None
        if alias is not None:
            self.assign(alias, raised, scope)
        blocks = [child for child in clause.named_children if child.type == "block"]
        return all(self.body(block, scope) for block in blocks)

    def _settle_try(self, mark: int, good: list[Delta], handled: list[Delta], *, is_explicit: bool) -> None:
        """Goes on in what stands for the body's end and the handlers' ends.

        An import that works is not undone by the handler for the case that it does not.
        """
        if good and handled and not is_explicit:
            for place, (cell, key, value) in good[0].items():
                if isinstance(value, External):
                    for delta in handled:
                        delta[place] = (cell, key, value)
        rivals = len(self.rivals)
        self.settle(mark, [*good, *handled])
        del self.rivals[rivals:]

    def _with(self, node: "Node", scope: Scope) -> bool:
        suppresses = False
        for item in [
            child for clause in node.named_children if clause.type == "with_clause" for child in clause.named_children
        ]:
            value = item.child_by_field_name("value") if item.type == "with_item" else None
            if value is None:
                continue
            alias = value.child_by_field_name("alias") if value.type == "as_pattern" else None
            manager = self.evaluate(value.named_children[0] if alias is not None else value, scope)
            entered, may_suppress = self._enter(manager, node, scope)
            suppresses = suppresses or may_suppress
            if alias is not None:
                self.assign(alias, entered, scope)
        body = node.child_by_field_name("body")
        if body is None:
            return True
        if not suppresses:
            return self.body(body, scope)
        raised = Target(len(self.journal))
        self.targets.append(raised)
        self.handlers.append(raised)
        try:
            ended = self.body(body, scope)
        finally:
            self.targets.pop()
            self.handlers.pop()
        self.settle(raised.mark, ([self.delta(raised.mark)] if ended else []) + [self.written(raised.mark)])
        return True

    def _enter(self, manager: Any, node: "Node", scope: Scope) -> tuple[Any, bool]:
        """What a context manager gives, and whether it may end the body's exceptions."""
        if isinstance(manager, Instance):
            function = self.get(manager, "__enter__")
            entered = self.invoke_any(function, [], node, scope) if function is not UNKNOWN else UNKNOWN
            return entered, True
        if isinstance(manager, Deferred):
            self.settle_deferred(manager, certain=True)
            return UNKNOWN, True
        if isinstance(manager, Result):
            dotted = manager.of.function.dotted
            self._patch(manager, dotted)
            if dotted.endswith("nullcontext"):
                return (manager.of.positional[0][0] if manager.of.positional else None), False
            return Result(manager.of, is_direct=False), dotted.endswith(("suppress", "raises", "assertRaises"))
        return UNKNOWN, False

    def _patch(self, manager: Result, dotted: str) -> None:
        """``mock.patch('torch.hub.load')`` and ``mock.patch.object(torch.hub, 'load')`` replace a function."""
        given = [value for value, _ in manager.of.positional]
        if dotted.endswith("mock.patch") and given and isinstance(plain(given[0]), str):
            self.write(self.patched, plain(given[0]), UNKNOWN)
        elif dotted.endswith("patch.object") and len(given) > 1 and isinstance(given[0], External):
            self.write(self.patched, f"{given[0].dotted}.{plain(given[1])}", UNKNOWN)


def _catches(clause: "Node", names: set[Any]) -> bool | None:
    """Whether a handler gets the exceptions of these names; None if that is open."""
    value = clause.child_by_field_name("value")
    ends = any(name in ("exit", "quit", "sys.exit", "SystemExit", "KeyboardInterrupt") for name in names)
    if value is None:
        return True
    if value.type == "as_pattern":
        value = value.named_children[0]
    caught = text_of(value).split(".")[-1]
    if names & {"os._exit", "os.abort"}:
        return False
    if caught == "BaseException" or names == {caught}:
        return True
    if caught == "Exception":
        return (not ends and "" not in names) or (None if len(names) > 1 or "" in names else False)
    return None
