"""Answers of two runs side by side: what changed from one to the other, API by API.

Of a hundred thousand answers only what changed is held in memory; all else of a row is made when it is written.
"""

import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, overload

from markupsafe import Markup

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.cells import EMPTY
from apigauge.reports.data_files import shortened
from apigauge.reports.rendering import pretty_json
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
        chips: which outcomes changed, for the line that is always seen.
        remark: what changed where no outcome did.
        scores: for each metric that either has: its name, both values and the change.
        sides: both answers.
    """

    question: ItemView
    chips: tuple[Chip, ...]
    remark: str
    scores: tuple[tuple[str, str, str, Change], ...]
    sides: tuple[Side, Side]


class Outcome(NamedTuple):
    """What changed: for each metric, in the order of the columns; and whether nothing differs at all."""

    changes: tuple[Change, ...]
    is_alike: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """The metrics compared, and the names of those whose scores are all zeros and ones."""

    infos: Sequence[MetricInfo]
    binary: Collection[str]


class Rows(Sequence[Row]):
    """Rows of pairs, each made when it is looked at."""

    def __init__(self, pairs: Sequence[PairView], places: Sequence[int], columns: Columns) -> None:
        self._pairs, self._places, self._columns = pairs, places, columns

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> "Rows": ...

    def __getitem__(self, at: int | slice) -> "Row | Rows":
        if isinstance(at, slice):
            return Rows(self._pairs, self._places[at], self._columns)
        return _row(self._pairs[self._places[at]], self._columns)

    def __iter__(self) -> Iterator[Row]:
        return (_row(self._pairs[place], self._columns) for place in self._places)


@dataclass(frozen=True, slots=True)
class Group:
    """The questions that ask for one API, the worst first.

    Attributes:
        api: its key.
        domain: its domain.
        rows: the questions, each with both answers.
        outcomes: what changed in each row.
        worse: how many got worse by the first metric.
        better: how many got better.
    """

    api: str
    domain: str
    rows: Rows
    outcomes: tuple[Outcome, ...]
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
    outcomes_seen: dict[Outcome, Outcome] = {}
    domains: dict[str, str] = {}
    by_api: dict[str, tuple[array[int], list[Outcome]]] = {}
    for at, pair in enumerate(pairs):
        outcome = _outcome(pair, columns)
        domains.setdefault(pair.api, pair.a.domain)
        places, outcomes = by_api.setdefault(pair.api, (array("q"), []))
        places.append(at)
        outcomes.append(outcomes_seen.setdefault(outcome, outcome))
    made = Columns(columns, binary)
    groups = []
    for api, (places, outcomes) in by_api.items():
        order = sorted(range(len(outcomes)), key=lambda at: _badness(outcomes[at]))
        first = [(outcome.changes or ".")[0] for outcome in outcomes]
        rows = Rows(pairs, array("q", [places[at] for at in order]), made)
        ordered = tuple(outcomes[at] for at in order)
        groups.append(Group(api, domains[api], rows, ordered, first.count("-"), first.count("+")))
    return tuple(sorted(groups, key=_place))


def _badness(outcome: Outcome) -> tuple[int, bool]:
    return "-+=.".index((outcome.changes or ".")[0]), outcome.is_alike


def _place(group: Group) -> tuple[int, int, str]:
    net = group.better - group.worse
    if net < 0:
        return 0, net, group.api
    if group.better:
        return 1, -net, group.api
    return 2 + all(outcome.is_alike for outcome in group.outcomes), 0, group.api


def _outcome(pair: PairView, columns: Sequence[MetricInfo]) -> Outcome:
    changes = tuple(_change(pair.a, pair.b, column) for column in columns)
    return Outcome(changes, _content(pair.a) == _content(pair.b))


def _row(pair: PairView, columns: Columns) -> Row:
    a, b = pair.a, pair.b
    changes, is_alike = _outcome(pair, columns.infos)
    changed = [(column.name, change) for column, change in zip(columns.infos, changes, strict=True)]
    chips = tuple(
        chip
        for name, change in changed
        if (name in columns.binary or name in a.labels or name in b.labels) and (chip := _chip(a, b, name, change))
    )
    calls = (
        marked(a.call, b.call) if a.call and b.call else [shown(item.call) if item.call else None for item in (a, b)]
    )
    return Row(
        question=a,
        chips=chips,
        remark="" if chips else "no change" if is_alike else _remark(a, b, changes),
        scores=tuple(
            (name, _plain(a.metrics.get(name)), _plain(b.metrics.get(name)), change)
            for name, change in changed
            if name in a.metrics or name in b.metrics
        ),
        sides=(_side(a, calls[0], columns.infos), _side(b, calls[1], columns.infos)),
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


def _content(item: ItemView) -> tuple[Any, ...]:
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
