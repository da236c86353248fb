"""``match`` statements of a program that is followed."""

from typing import TYPE_CHECKING, Any

from apigauge.harness.extraction import program_constants as constants
from apigauge.harness.extraction.program_definitions import Definitions
from apigauge.harness.extraction.program_values import UNKNOWN, Scope, plain, truth
from apigauge.harness.extraction.syntax import text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node


class Patterns(Definitions):
    """Runs the case that fits, or each that may."""

    def _match(self, node: "Node", scope: Scope) -> bool:
        subjects = [self.evaluate(child, scope) for child in node.children_by_field_name("subject")]
        subject = subjects[0] if len(subjects) == 1 else tuple(subjects)
        body = node.child_by_field_name("body")
        cases = [child for child in body.named_children if child.type == "case_clause"] if body is not None else []
        return self._cases(cases, subject, scope)

    def _cases(self, cases: "list[Node]", subject: Any, scope: Scope) -> bool:
        if not cases:
            return True
        case = cases[0]
        patterns = [child for child in case.named_children if child.type == "case_pattern"]
        guard, block = case.child_by_field_name("guard"), case.child_by_field_name("consequence")
        fits = self._fits(patterns[0], subject, scope) if len(patterns) == 1 else None
        if len(patterns) != 1:
            for pattern in patterns:
                self._capture(pattern, scope)

        def taken() -> bool:
            return self.body(block, scope) if block is not None else True

        if fits is not False and guard is not None and guard.named_children:
            holds = truth(self.evaluate(guard.named_children[0], scope))
            fits = None if holds is None or fits is None else holds
        if fits is None:
            return self.branch([taken, lambda: self._cases(cases[1:], subject, scope)])
        return taken() if fits else self._cases(cases[1:], subject, scope)

    def _fits(self, pattern: "Node", subject: Any, scope: Scope) -> bool | None:
        """Whether a pattern fits, its captures bound; None if that is open."""
        inner = pattern.named_children[0] if pattern.named_children else None
        if inner is None:
            return True if text_of(pattern) == "_" else None
        constant = plain(subject)
        if inner.type == "dotted_name" and "." not in text_of(inner):
            self.bind(scope, text_of(inner), subject)
            return True
        if inner.type == "union_pattern":
            outcomes = [self._equals(child, constant, scope) for child in inner.named_children]
            return True if True in outcomes else None if None in outcomes else False
        if inner.type in ("string", "integer", "float", "true", "false", "none", "concatenated_string", "dotted_name"):
            return self._equals(inner, constant, scope)
        self._capture(pattern, scope)
        return None

    def _equals(self, node: "Node", constant: Any, scope: Scope) -> bool | None:
        if node.type == "dotted_name":
            return None
        value = plain(self.evaluate(node, scope))
        outcome = UNKNOWN if UNKNOWN in (value, constant) else constants.compare("==", value, constant)
        return None if outcome is UNKNOWN else bool(outcome)

    def _capture(self, pattern: "Node", scope: Scope) -> None:
        """Binds every name that a pattern may capture to what is not known."""
        for node in walk(pattern):
            if node.type == "identifier":
                self.bind(scope, text_of(node), UNKNOWN)
