"""Answers of two runs side by side: what changed from one to the other, API by API."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.cells import EMPTY
from apigauge.reports.rendering import pretty_json
from apigauge.reports.run_page import shortened
from apigauge.reports.unseen import shown
from apigauge.reports.views import ItemView, PairView

# Of one answer's score from the first run to the second: better, worse, alike, or not in both.
Change = Literal["+", "-", "=", "."]


@dataclass(frozen=True, slots=True)
class Chip:
    """An outcome that is another one now; of labels if there are any, else of zeros and ones."""

    metric: str
    a: str
    b: str
    change: Change


@dataclass(frozen=True, slots=True)
class Side:
    """One run's answer.

    Attributes:
        item: the answer.
        call: its call, with what is another in the other run's marked.
        labels: for each metric that has one: its name, the label and a sentence on it.
        verdict: what happened when the program ran; empty if it did not.
        evidence: of that, as JSON.
    """

    item: ItemView
    call: Markup | None
    labels: tuple[tuple[str, str, str], ...]
    verdict: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Row:
    """A question and both answers.

    Attributes:
        question: what was asked for, the same in both.
        is_alike: whether nothing differs at all.
        changes: for each metric, in the order of the columns.
        chips: which outcomes changed, for the line that is always seen.
        remark: what changed where no outcome did.
        scores: for each metric that either has: its name, both values and the change.
        sides: both answers.
    """

    question: ItemView
    is_alike: bool
    changes: tuple[Change, ...]
    chips: tuple[Chip, ...]
    remark: str
    scores: tuple[tuple[str, str, str, Change], ...]
    sides: tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class Group:
    """The questions that ask for one API, the worst first; ``worse`` and ``better`` count by the first metric."""

    api: str
    domain: str
    rows: tuple[Row, ...]
    worse: int
    better: int


def grouped(pairs: Sequence[PairView], columns: Sequence[MetricInfo], binary: Collection[str]) -> tuple[Group, ...]:
    """The answers by API.

    First the APIs that lost answers in the first metric, those that lost most in front, then those that won some, then
    those with any other change, and those without one last.

    Args:
        pairs: in any order; equal ones keep it.
        columns: the metrics compared.
        binary: those whose scores are all zeros and ones.
    """
    rows_by_api: dict[str, list[Row]] = {}
    for pair in pairs:
        rows_by_api.setdefault(pair.api, []).append(_row(pair, columns, binary))
    return tuple(sorted((_group(api, rows) for api, rows in rows_by_api.items()), key=_place))


def _group(api: str, rows: list[Row]) -> Group:
    first = [row.changes[0] if row.changes else "." for row in rows]
    ordered = sorted(rows, key=lambda row: ("-+=.".index((row.changes or ".")[0]), row.is_alike))
    return Group(api, rows[0].question.domain, tuple(ordered), first.count("-"), first.count("+"))


def _place(group: Group) -> tuple[int, int, str]:
    net = group.better - group.worse
    if net < 0:
        return 0, net, group.api
    if group.better:
        return 1, -net, group.api
    return 2 + all(row.is_alike for row in group.rows), 0, group.api


def _row(pair: PairView, columns: Sequence[MetricInfo], binary: Collection[str]) -> Row:
    a, b = pair.a, pair.b
    changes = tuple(_change(a, b, column) for column in columns)
    changed = [(column.name, change) for column, change in zip(columns, changes, strict=True)]
    chips = tuple(
        chip
        for name, change in changed
        if (name in binary or name in a.labels or name in b.labels) and (chip := _chip(a, b, name, change))
    )
    is_alike = _outcome(a) == _outcome(b)
    calls = (
        marked(a.call, b.call) if a.call and b.call else [shown(item.call) if item.call else None for item in (a, b)]
    )
    return Row(
        question=a,
        is_alike=is_alike,
        changes=changes,
        chips=chips,
        remark="" if chips else "no change" if is_alike else _remark(a, b, changes),
        scores=tuple(
            (name, _plain(a.metrics.get(name)), _plain(b.metrics.get(name)), change)
            for name, change in changed
            if name in a.metrics or name in b.metrics
        ),
        sides=(_side(a, calls[0], columns), _side(b, calls[1], columns)),
    )


def _change(a: ItemView, b: ItemView, column: MetricInfo) -> Change:
    before, after = a.metrics.get(column.name), b.metrics.get(column.name)
    if before is None or after is None:
        return "."
    if before == after:
        return "="
    return "+" if (after > before) != column.lower_is_better else "-"


def _chip(a: ItemView, b: ItemView, name: str, change: Change) -> Chip | None:
    before, after = (item.labels.get(name) or _plain(item.metrics.get(name)) for item in (a, b))
    return Chip(name, before, after, change) if before != after else None


def _remark(a: ItemView, b: ItemView, changes: Sequence[Change]) -> str:
    if "+" in changes or "-" in changes:
        return "other scores"
    if a.call != b.call or a.program != b.program:
        return "another program, same scores"
    return "another text, same scores" if a.text != b.text else "another verdict, same scores"


def _outcome(item: ItemView) -> tuple[Any, ...]:
    """All that may differ between two answers; of a verdict not how long it took."""
    verdict = {key: (item.verdict or {}).get(key) for key in ("status", "category", "stage")}
    return item.text, item.call, item.program, item.metrics, item.labels, verdict


def _side(item: ItemView, call: Markup | None, columns: Sequence[MetricInfo]) -> Side:
    verdict = item.verdict or {}
    outcome = "/".join(str(verdict[key]) for key in ("status", "category") if verdict.get(key))
    if verdict.get("stage") is not None:
        outcome += f", stage {verdict['stage']} of 4"
    if verdict.get("reason"):
        outcome += f": {shortened(verdict['reason'])}"
    names = [column.name for column in columns if column.name in item.labels]
    labels = tuple((name, item.labels[name], item.messages.get(name, "")) for name in names)
    evidence = verdict.get("evidence")
    return Side(item, call, labels, outcome, pretty_json(shortened(evidence)) if evidence else "")


def _plain(value: float | None) -> str:
    return EMPTY if value is None else f"{value:.4g}"


def marked(one: str, other: str) -> tuple[Markup, Markup]:
    """Both texts with what is between their common beginning and end marked; nothing where they begin otherwise."""
    left, right = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (one, other))
    short = min(len(left), len(right))
    begin = next((at for at in range(short) if left[at] != right[at]), short)
    rest = short - begin
    end = next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)
    if not begin:
        return shown(one), shown(other)
    return _mark(left, begin, end), _mark(right, begin, end)


def _mark(pieces: Sequence[str], begin: int, end: int) -> Markup:
    until = len(pieces) - end
    before, middle, after = (shown("".join(part)) for part in (pieces[:begin], pieces[begin:until], pieces[until:]))
    return before + Markup("<mark>{}</mark>").format(middle) + after if middle else before + after
