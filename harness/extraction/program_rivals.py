"""Calls of one function that stand side by side, so that an answer which makes them proposes none of them alone."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apigauge.harness.extraction.program_values import Evaluation

if TYPE_CHECKING:
    from tree_sitter import Node


def side_by_side(trace: list[Evaluation]) -> Iterator[tuple[Evaluation, Evaluation]]:
    """Calls of one function of which none is put before the others: in one list."""
    firsts: dict[tuple[str, int], Evaluation] = {}
    counts = Counter(call.function.dotted for call in trace if call.is_api)
    for call in trace:
        if counts[call.function.dotted] > 1 and (place := _display(call.node)) is not None:
            first = firsts.setdefault((call.function.dotted, place.id), call)
            if first is not call:
                yield first, call


def _display(node: "Node") -> "Node | None":
    """The list, tuple, set or dictionary that a call is an element of."""
    parent = node.parent
    if parent is not None and parent.type == "pair":
        parent = parent.parent
    if parent is None or parent.type in ("list", "tuple", "set", "dictionary"):
        return parent
    if parent.type == "expression_list":  # the elements of ``a, b = f(1), f(2)`` have names of their own
        return parent if parent.parent is not None and parent.parent.type != "assignment" else None
    # ``f(1), f(2)`` alone is a statement of two expressions, by the grammar.
    return parent if parent.type == "expression_statement" and parent.named_child_count > 1 else None
