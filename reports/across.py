"""Pages across runs: who beats whom, one question in all runs, and any two runs side by side.

They read two more files of each benchmark's ``data/benchmarks/KEY/``:

- ``pairs.js``: ``runs``, the file names of the runs compared, and ``metrics``, for each metric its ``name``, ``order``
  (places in ``runs``, best first), ``ranks`` and ``values`` of these as printed, and ``pairs``: columns ``a``, ``b``
  (places in ``order``) and, as printed for b minus a, ``difference``, ``low``, ``high``, ``p``, ``adjusted``, ``n``;
  ``winner`` is ``a`` or ``b`` where they can be told apart, else empty.
- ``right.js``: ``metrics``, for each metric of zeros and ones its ``name``, and by question how many runs answered it
  (``answered``) and in how many the first answer is right (``right``).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.build_cache import NO_CACHE, BuildCache
from apigauge.reports.cells import format_difference, format_p, run_cell
from apigauge.reports.data_files import Files, Layout, column, scripts
from apigauge.reports.file_names import page_names
from apigauge.reports.ranking import Contrast, Ranking, rank
from apigauge.reports.rendering import json_block, render_page
from apigauge.reports.tables import DEFAULT_SORT, Page

PAGES = ("matrix/*.html", "compare.html", "question.html")
Layouts = Mapping[tuple[str, str], Layout]
# By benchmark and metric.
Rankings = Mapping[str, Mapping[str, Ranking]]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that answered the same questions."""

    benchmark: str
    layout: Layout
    pages: tuple[Page, ...]


def rank_all(pages: Sequence[Page], cache: BuildCache = NO_CACHE) -> Rankings:
    """The rankings of each benchmark, by its name."""
    names = sorted({page.run.benchmark for page in pages})
    return {name: rank([page for page in pages if page.run.benchmark == name], cache) for name in names}


def across_files(pages: Sequence[Page], of: Layouts, rankings: Rankings) -> Files:
    """What makes each page across runs, and its data, by its path in the site."""
    groups = [
        Group(name, layout, tuple(page for page in pages if (page.run.benchmark, page.run.digest) == (name, digest)))
        for (name, digest), layout in sorted(of.items())
    ]
    files: Files = {}
    for group in groups:
        folder = f"benchmarks/{group.layout.key}"
        ranked = _rankings_of(group, rankings)
        if ranked:
            files |= scripts({f"{folder}/pairs": functools.partial(_pairs, group, ranked)}, group.layout)
        files |= scripts({f"{folder}/right": functools.partial(_right, group)}, group.layout)
    for name, file in zip(rankings, page_names(rankings), strict=True):
        compared = [group for group in groups if group.benchmark == name and _rankings_of(group, rankings)]
        files |= {f"matrix/{file}.html": functools.partial(_matrix, group, rankings[name]) for group in compared}
    if any(len(group.pages) > 1 for group in groups):
        files["compare.html"] = functools.partial(_compare, groups, rankings)
    if groups:
        files["question.html"] = functools.partial(_question, groups)
    return files


def _rankings_of(group: Group, rankings: Rankings) -> Mapping[str, Ranking]:
    """Those of a benchmark whose runs are in the group."""
    ranked = rankings[group.benchmark]
    files = {page.file for page in group.pages}
    return ranked if any(page.file in files for one in ranked.values() for page in one.pages) else {}


def _pairs(group: Group, rankings: Mapping[str, Ranking]) -> dict[str, Any]:
    places = {page.file: place for place, page in enumerate(group.pages)}
    return {
        "runs": [page.file for page in group.pages],
        "metrics": [_metric(name, ranking, places) for name, ranking in rankings.items()],
    }


def _metric(name: str, ranking: Ranking, places: Mapping[str, int]) -> dict[str, Any]:
    info, contrasts = ranking.column, ranking.contrasts
    return {
        "name": name,
        "order": [places[page.file] for page in ranking.pages],
        "ranks": [ranking.text(page) for page in ranking.pages],
        "values": [run_cell(page.run, info).text for page in ranking.pages],
        "pairs": {
            "a": column([one.a for one in contrasts]),
            "b": column([one.b for one in contrasts]),
            "difference": column([format_difference(one.difference, info) for one in contrasts]),
            "low": column([format_difference(one.low, info, 1) for one in contrasts]),
            "high": column([format_difference(one.high, info, 1) for one in contrasts]),
            "p": column([format_p(one.p) for one in contrasts]),
            "adjusted": column([format_p(one.p_adjusted) for one in contrasts]),
            "n": column([one.n for one in contrasts]),
            "winner": column([_winner(one, info) for one in contrasts]),
        },
    }


def _winner(contrast: Contrast, info: MetricInfo) -> str:
    if not contrast.is_significant:
        return ""
    return "b" if (contrast.difference > 0) != info.lower_is_better else "a"


def _right(group: Group) -> dict[str, Any]:
    import numpy as np

    numbers, runs = group.layout.numbers, [page.run.scored for page in group.pages]
    is_first = np.array([sample == 0 for run in runs for sample in run.samples], dtype=bool)
    questions = np.array([numbers[name] for run in runs for name in run.ids], dtype=int)[is_first]
    metrics = []
    for info in infos_for({name for run in runs for name in run.metrics}):
        columns = [run.metrics.get(info.name) or [None] * len(run) for run in runs]
        scores = np.concatenate([np.array(values, dtype=float) for values in columns])[is_first]
        has = ~np.isnan(scores)
        if not has.any() or not np.isin(scores[has], (0, 1)).all():
            continue
        right = has & (scores == (0 if info.lower_is_better else 1))
        counts = {
            name: column(np.bincount(questions[chosen], minlength=len(numbers)).tolist())
            for name, chosen in (("right", right), ("answered", has))
        }
        metrics.append({"name": info.name, **counts})
    return {"metrics": metrics}


def _infos(names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"name": info.name, "meaning": info.meaning, "unit": info.unit, "lower": info.lower_is_better}
        for info in infos_for(names)
    ]


def _named(pages: Sequence[Page]) -> list[dict[str, str]]:
    return [{"file": page.file, "title": page.title, "spec": page.run.spec} for page in pages]


def _first(names: Sequence[str]) -> str:
    return DEFAULT_SORT if DEFAULT_SORT in names else next(iter(names), "")


def _matrix(group: Group, rankings: Mapping[str, Ranking]) -> bytes:
    layout, names = group.layout, list(rankings)
    data = {"root": "../", "layout": layout.stamp, "key": layout.key, "runs": _named(group.pages)}
    return render_page(
        "matrix.html",
        styles=("across.css",),
        script="matrix.js",
        helpers=("data.js", "answer.js", "across.js"),
        loads_parts=True,
        benchmark=group.benchmark,
        columns=[ranking.column for ranking in rankings.values()],
        first=_first(names),
        count=len({page.file for ranking in rankings.values() for page in ranking.pages}),
        left_out=[page for page in group.pages if not any(page in ranking.pages for ranking in rankings.values())],
        data=json_block(data | {"first": _first(names), "metrics": _infos(names)}),
    )


def _compare(groups: Sequence[Group], rankings: Rankings) -> bytes:
    data = {
        "groups": [
            {
                "benchmark": group.benchmark,
                "key": group.layout.key,
                "layout": group.layout.stamp,
                "hasPairs": bool(_rankings_of(group, rankings)),
                "runs": _named(group.pages),
                "metrics": _infos(sorted({name for page in group.pages for name in _scored(page)})),
            }
            for group in groups
            if len(group.pages) > 1
        ]
    }
    return render_page(
        "compare.html",
        styles=("run.css", "across.css"),
        script="compare.js",
        helpers=("data.js", "answer.js", "across.js"),
        loads_parts=True,
        data=json_block(data),
    )


def _scored(page: Page) -> set[str]:
    return set(page.run.scored.metrics) - set(page.run.withheld)


def _question(groups: Sequence[Group]) -> bytes:
    data = {
        "groups": [
            {
                "benchmark": group.benchmark,
                "key": group.layout.key,
                "layout": group.layout.stamp,
                "runs": _named(group.pages),
                "metrics": _infos(sorted({name for page in group.pages for name in _scored(page)})),
            }
            for group in groups
        ]
    }
    return render_page(
        "question.html",
        styles=("run.css", "across.css"),
        script="question.js",
        helpers=("data.js", "answer.js", "across.js"),
        loads_parts=True,
        data=json_block(data),
    )
