"""Ranks by significance: runs that cannot be told apart share one, and runs that can share none.

Every pair of runs is tested as ``apigauge compare`` tests two, and p-values are adjusted by Holm over all pairs of the
metric. The ranks are a compact letter display (Piepho, "An algorithm for a letter-based representation of all-pairwise
comparisons", Journal of Computational and Graphical Statistics 13, 2004): maximal groups of runs of which no two differ
significantly, numbered from the best on. A run in several groups has several ranks.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.harness.statistics.all_pairs import Pair, all_pairs
from apigauge.harness.statistics.significance import ALPHA, holm
from apigauge.reports.build_cache import NO_CACHE, BuildCache, digest_of
from apigauge.reports.cells import run_cell
from apigauge.reports.provenance import data_marks
from apigauge.reports.tables import Page

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# An answer's question, and its number.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two runs of a ranking in its metric.

    Attributes:
        a: the first run's place in the ranking's ``pages``.
        b: the second run's, which comes after it: it is not better.
        n: answers that have the metric in both runs.
        difference: mean of b minus mean of a over these, in the metric's unit.
        low: lower end of its 95 % interval, not adjusted.
        high: upper end.
        p: two-sided p-value of the sign-flip test clustered by API, as ``apigauge compare`` prints it.
        p_adjusted: by Holm over all pairs of the ranking.
    """

    a: int
    b: int
    n: int
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float

    @property
    def is_significant(self) -> bool:
        """Whether the runs can be told apart."""
        return self.p_adjusted <= ALPHA


@dataclass(frozen=True, slots=True)
class Ranking:
    """The runs on one benchmark that can be compared, in one metric.

    Attributes:
        column: the metric.
        pages: the runs, the best mean first.
        contrasts: of all pairs that have answers in common.
        groups: places in ``pages`` of runs that cannot be told apart; the group with the best run first.
    """

    column: MetricInfo
    pages: tuple[Page, ...]
    contrasts: tuple[Contrast, ...]
    groups: tuple[tuple[int, ...], ...]

    def ranks(self, page: Page) -> tuple[int, ...]:
        """The numbers of the groups that a run is in, from 1; empty if it is not ranked."""
        places = [place for place, one in enumerate(self.pages) if one.file == page.file]
        return tuple(number for number, group in enumerate(self.groups, start=1) if set(places) & set(group))

    def text(self, page: Page) -> str:
        """A run's ranks as printed: those that follow each other as a span; empty if it is not ranked."""
        return ", ".join(
            str(first) if first == last else f"{first}\u2013{last}" for first, last in _spans(self.ranks(page))
        )


def rank(pages: Sequence[Page], cache: BuildCache = NO_CACHE) -> dict[str, Ranking]:
    """Ranks the runs on one benchmark, in each metric that two of them have.

    Left out: runs of only some of the questions, runs on other data than most, and in a metric the runs that lack it or
    whose sandbox failed too often. Without the questions nothing can be grouped by API, so runs of lost ones are left
    out as well.

    Args:
        pages: in any order.
        cache: of pairs that have been compared before.

    Returns:
        By the name of the metric, in the order of the table of metrics.
    """
    chosen = comparable(pages)
    if len(chosen) < 2:
        return {}
    keys, apis = _answers(chosen)
    places = {page.file: _places(page, keys) for page in chosen}
    del keys
    rankings = {}
    for column in infos_for({name for page in chosen for name in page.run.metric_names}):
        ranked = _best_first(chosen, column)
        if len(ranked) > 1:
            scores = _scores(ranked, places, len(apis), column.name)
            rankings[column.name] = _ranking(column, ranked, _pairs(column, scores, apis, cache))
    return rankings


def comparable(pages: Sequence[Page]) -> list[Page]:
    """The whole runs on the data that most of these runs answered."""
    whole = [page for page in pages if page.run.missing_items is None and not page.run.lost]
    usual = next(iter(data_marks([page.run for page in pages])), None)
    return [page for page in whole if usual in (None, page.run.digest)]


def groups(count: int, is_apart: Callable[[int, int], bool]) -> tuple[tuple[int, ...], ...]:
    """Maximal groups without two runs that are apart, which together hold every pair of runs that is not.

    There may be exponentially many maximal groups. So one is made for each pair that no earlier one holds, by adding
    the best run that fits until none does: where runs are apart if their means are, that gives all of them.

    Args:
        count: the runs, numbered from the best on.
        is_apart: whether two runs, the better one first, can be told apart.

    Returns:
        Each group in ascending order; the groups ordered as their runs are.
    """
    apart = {(a, b) for a, b in combinations(range(count), 2) if is_apart(a, b)}
    grouped: list[tuple[int, ...]] = []
    covered: set[tuple[int, int]] = set()
    for pair in combinations(range(count), 2):
        if pair not in covered and pair not in apart:
            grouped.append(_grown(pair, count, apart))
            covered |= set(combinations(grouped[-1], 2))
    alone = set(range(count)) - {run for group in grouped for run in group}
    return tuple(sorted([*grouped, *((run,) for run in alone)]))


def _grown(group: Sequence[int], count: int, apart: set[tuple[int, int]]) -> tuple[int, ...]:
    members = list(group)
    for run in range(count):
        if run not in members and not any((min(run, other), max(run, other)) in apart for other in members):
            members.append(run)
    return tuple(sorted(members))


def _answers(pages: Sequence[Page]) -> tuple[dict[str | Key, int], list[str]]:
    """The place of each answer of any run, and its API, in an order that does not depend on that of the runs."""
    apis: dict[str | Key, str] = {}
    for page in pages:
        apis.update(zip(_keys(page), page.run.scored.apis, strict=True))
    keys = sorted(apis, key=lambda key: (key, 0) if isinstance(key, str) else key)
    ordered = [apis[key] for key in keys]
    del apis
    return {key: place for place, key in enumerate(keys)}, ordered


def _keys(page: Page) -> Iterator[str | Key]:
    """The keys of a run's answers; of first ones, which most are, the id alone, since a million pairs take memory."""
    run = page.run.scored
    return ((name, sample) if sample else name for name, sample in zip(run.ids, run.samples, strict=True))


def _places(page: Page, keys: Mapping[str | Key, int]) -> "Array":
    import numpy as np

    return np.fromiter(map(keys.__getitem__, _keys(page)), dtype=int)


def _best_first(pages: Sequence[Page], column: MetricInfo) -> list[Page]:
    """Those with a value, by it; equal ones by title."""
    values = [(value, page) for page in pages if (value := run_cell(page.run, column).value) is not None]
    sign = 1 if column.lower_is_better else -1
    return [page for _, page in sorted(values, key=lambda one: (sign * one[0], one[1].title))]


def _scores(pages: Sequence[Page], places: Mapping[str, "Array"], answers: int, name: str) -> "Array":
    """The metric of every run's every answer; NaN where there is none.

    Args:
        pages: the runs.
        places: by run, where its answers stand.
        answers: how many there are of all runs.
        name: of the metric.
    """
    import numpy as np

    scores = np.full((len(pages), answers), np.nan)
    for at, page in enumerate(pages):
        if values := page.run.scored.metrics.get(name):
            # None becomes NaN.
            scores[at, places[page.file]] = np.array(values, dtype=float)
    return scores


def _pairs(column: MetricInfo, scores: "Array", apis: Sequence[str], cache: BuildCache) -> list[Pair]:
    """All pairs, of which those with the same scores of the same answers as before come from the cache."""
    digests = [hashlib.sha256(run.tobytes()).hexdigest() for run in scores]
    inputs = [column.name, column.top, digest_of(apis)]
    kept = cache.read("pairs", inputs) or {}
    names = {(a, b): f"{digests[a]} {digests[b]}" for a, b in combinations(range(len(scores)), 2)}
    compared = all_pairs(column.name, scores, apis, lambda a, b: names[a, b] not in kept)
    fresh = {names[pair.a, pair.b]: [pair.n, pair.difference, pair.low, pair.high, pair.p] for pair in compared}
    # Pairs without a common answer have no numbers.
    used: dict[str, Any] = {name: kept[name] if name in kept else fresh.get(name) for name in names.values()}
    if used != kept:
        cache.write("pairs", inputs, used)
    return [Pair(a, b, *numbers) for (a, b), name in names.items() if (numbers := used[name])]


def _ranking(column: MetricInfo, pages: Sequence[Page], pairs: Sequence[Pair]) -> Ranking:
    adjusted = holm([pair.p for pair in pairs])
    contrasts = tuple(
        Contrast(pair.a, pair.b, pair.n, pair.difference, pair.low, pair.high, pair.p, p)
        for pair, p in zip(pairs, adjusted, strict=True)
    )
    apart = {(one.a, one.b) for one in contrasts if one.is_significant}
    return Ranking(column, tuple(pages), contrasts, groups(len(pages), lambda a, b: (a, b) in apart))


def _spans(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each sequence of consecutive numbers."""
    start = 0
    for at, number in enumerate(numbers):
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield numbers[start], number
            start = at + 1
