"""The page of two runs: their differences and whether these are significant, then all answers of both, side by side.

Answers are grouped by API, and the APIs that lost most come first. The page holds all answers if there is room; else
the first ones, and files next to it hold the others, which its script loads when they are looked at.
"""

import functools
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from apigauge.errors import ApigaugeError
from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import EMPTY, format_difference, format_p, format_value, place_around_zero
from apigauge.reports.file_names import titles
from apigauge.reports.pages import write_pages
from apigauge.reports.pairing import Change, Group, grouped
from apigauge.reports.parts import Part, contents, script_of, split
from apigauge.reports.provenance import data_marks, facts, warnings
from apigauge.reports.rendering import json_block, pretty_json, render_page
from apigauge.reports.tables import badges
from apigauge.reports.views import ComparisonView, ContrastView

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """A metric's row in the table.

    Attributes:
        column: the metric.
        contrast: its numbers.
        verdict: "better" or "worse" if the second run is significantly so; else "open".
        a: the first run's mean, as printed; so are the others below, ends of intervals with one decimal more.
        b: the second run's.
        difference: b minus a.
        ends: of its 95 % interval.
        least: the minimum detectable difference where answers are lost one by one.
        least_apis: the same where all answers about an API are lost together.
        p: two-sided.
        p_adjusted: by Holm.
        mcnemar: McNemar's test.
        dot: where the difference stands in the drawing, from 0 to 1, no difference being 0.5.
        whisker: where the interval begins and ends in it.
        band: where the range of differences that are not detectable begins and ends; None if none is detectable.
        better: answers that are better in the second run.
        worse: answers that are worse.
    """

    column: MetricInfo
    contrast: ContrastView
    verdict: str
    a: str
    b: str
    difference: str
    ends: tuple[str, str]
    least: str
    least_apis: str
    p: str
    p_adjusted: str
    mcnemar: str
    dot: float
    whisker: tuple[float, float]
    band: tuple[float, float] | None
    better: int
    worse: int

    @property
    def mark(self) -> str:
        """Of a note, where the interval, which is not adjusted, includes zero and the test does not, or vice versa."""
        includes_zero = self.contrast.low <= 0 <= self.contrast.high
        return "" if includes_zero == (self.verdict == "open") else "\u2020" if includes_zero else "\u2021"


def write_comparison(view: ComparisonView, out: Path) -> Path:
    """Writes the page.

    Args:
        view: what to show.
        out: folder for ``index.html`` and, where there is much, ``answers/``; made if need be.

    Returns:
        Path of the page.

    Raises:
        ApigaugeError: the folder cannot be written.
    """
    runs = (view.a, view.b)
    columns = infos_for(view.contrasts)
    binary = {name for name, contrast in view.contrasts.items() if contrast.mcnemar is not None}
    groups = grouped(view.pairs, columns, binary)
    parts = split(groups, titles([run.name for run in runs]))
    first = next(parts)
    # The number of parts must be known before the first is written, and all of them may be larger than the memory.
    with _Spool() as spool:
        begins = [first.begin]
        files: dict[str, Callable[[], bytes]] = {}
        for at, part in enumerate(parts, 1):
            begins.append(part.begin)
            files[f"answers/part-{at}.js"] = spool.keep(script_of(at, part))
        page = _render(view, columns, groups, first, begins)
        write_pages(out, {**files, "index.html": lambda: page}, former=["answers/part-*.js"], what="page")
    return out / "index.html"


class _Spool:
    """Keeps texts in a temporary file."""

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keep(self, content: bytes) -> Callable[[], bytes]:
        """What reads it again.

        Raises:
            ApigaugeError: there is no room.
        """
        start = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(content)
            self._file.flush()
        except OSError as error:
            raise ApigaugeError(f"{tempfile.gettempdir()}: answers cannot be put there for a while: {error}") from error
        return functools.partial(self._read, start, len(content))

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)


def _render(
    view: ComparisonView, columns: Sequence[MetricInfo], groups: Sequence[Group], first: Part, begins: Sequence[int]
) -> bytes:
    runs = (view.a, view.b)
    lines = _lines(view, columns, groups)
    named = zip("AB", titles([run.name for run in runs]), runs, strict=True)
    domains = sorted({group.domain for group in groups})
    return render_page(
        "comparison.html",
        styles=("run.css", "comparison.css"),
        script="comparison.js",
        loads_parts=len(begins) > 1,
        view=view,
        sides=[(letter, title, run, badges(run, {}), facts(run)) for letter, title, run in named],
        warnings=warnings(runs, data_marks(runs)),
        manifests=[(name, _value(first), _value(second)) for name, first, second in view.manifests],
        lines=lines,
        count={verdict: sum(line.verdict == verdict for line in lines) for verdict in ("better", "worse", "open")},
        reach=format_difference(_reach(view, columns), columns[0]).lstrip("+") if columns else "",
        inline=first.html,
        parts=len(begins) > 1,
        data=json_block(contents(groups, begins, domains)),
        domains=domains,
    )


def _lines(view: ComparisonView, columns: Sequence[MetricInfo], groups: Sequence[Group]) -> list[Line]:
    outcomes = [outcome for group in groups for outcome in group.outcomes]
    reach = _reach(view, columns)
    return [
        _line(column, view.contrasts[column.name], reach, [outcome.changes[at] for outcome in outcomes])
        for at, column in enumerate(columns)
    ]


def _reach(view: ComparisonView, columns: Sequence[MetricInfo]) -> float:
    """The share that both ends of the drawing stand for, the same for all metrics."""
    shares = [
        abs(end) / column.top
        for column in columns
        for contrast in [view.contrasts[column.name]]
        for end in (contrast.low, contrast.high, contrast.minimum_detectable or 0.0)
    ]
    return max(shares, default=0.0) or 1.0


def _line(column: MetricInfo, contrast: ContrastView, reach: float, changes: Sequence[Change]) -> Line:
    place = functools.partial(place_around_zero, column=column, reach=reach)
    verdict = "open"
    if contrast.p_adjusted <= ALPHA:
        verdict = "better" if (contrast.difference > 0) != column.lower_is_better else "worse"
    least, least_apis = contrast.minimum_detectable, contrast.minimum_detectable_apis
    return Line(
        column=column,
        contrast=contrast,
        verdict=verdict,
        a=format_value(contrast.a, column),
        b=format_value(contrast.b, column),
        difference=format_difference(contrast.difference, column),
        ends=(format_difference(contrast.low, column, 1), format_difference(contrast.high, column, 1)),
        least=EMPTY if least is None else format_value(least, column, 1),
        least_apis=EMPTY if least_apis is None else format_value(least_apis, column, 1),
        p=format_p(contrast.p),
        p_adjusted=format_p(contrast.p_adjusted),
        mcnemar=EMPTY if contrast.mcnemar is None else format_p(contrast.mcnemar),
        dot=place(contrast.difference),
        whisker=(place(contrast.low), place(contrast.high)),
        band=None if least is None else (place(-least), place(least)),
        better=changes.count("+"),
        worse=changes.count("-"),
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else EMPTY if value is None else pretty_json(value)
