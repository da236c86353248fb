"""The leaderboard's tables: one per benchmark, a row per run or printed figure, a cell per metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import Cell, printed_cell, run_cell
from apigauge.reports.provenance import Fact, data_marks, facts, warnings
from apigauge.reports.published import PrintedFigure, Published
from apigauge.reports.views import RunView

DEFAULT_SORT = "ast.exact"
# Shown at first, as many as there is room for on any screen; the others on demand.
FIRST_COLUMNS = 5
_PREFERRED = (
    DEFAULT_SORT,
    "exec.correct",
    "exec.rate",
    "hallucination",
    "exec.exact",
    "exec.deprecated",
    "ast.domain",
    "ast.gorilla",
    "hallucination.gorilla",
)
# Programs run in another one may have reached what they should not, and met limits that are not quite the same.
TRUSTED_SANDBOX = "docker"
# Any other is not the same for everyone.
TRUSTED_HUB = "stand-in"


@dataclass(frozen=True, slots=True)
class Page:
    """A run with the file name of its page and the name it is shown under."""

    run: RunView
    file: str
    title: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A word or two next to a name: ``kind`` is for the style, ``why`` explains the text."""

    kind: str
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; ``page`` is None for a figure printed elsewhere, and ``detail`` is then its source.

    ``items`` is how many questions were answered and scored, None if that is unknown; a partial row, of only some of
    the questions, comes after the whole ones whatever its scores.
    """

    kind: str
    title: str
    detail: str
    page: Page | None
    badges: tuple[Badge, ...]
    cells: tuple[Cell, ...]
    items: int | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Provenance:
    """The facts behind one row."""

    page: Page
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A benchmark's section.

    Attributes:
        sorted_by: the column whose values order the rows as rendered.
    """

    benchmark: str
    anchor: str
    columns: tuple[MetricInfo, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    provenance: tuple[Provenance, ...]
    sorted_by: MetricInfo | None

    @property
    def first_columns(self) -> set[str]:
        """The names of those shown at first."""
        names = [column.name for column in self.columns]
        return set(sorted(names, key=(*_PREFERRED, *names).index)[:FIRST_COLUMNS])

    @property
    def has_partial(self) -> bool:
        """Whether a run asks only some of the questions."""
        return any(row.is_partial for row in self.rows)

    @property
    def has_ceilings(self) -> bool:
        """Whether a cell says what share of the ceiling it reaches."""
        return any(cell.ceiling for row in self.rows for cell in row.cells)


def build_tables(pages: Sequence[Page], published: Published) -> tuple[Table, ...]:
    """One table per benchmark that has a run, by name."""
    names = sorted({page.run.benchmark for page in pages})
    return tuple(
        _table(name, f"benchmark-{number}", [page for page in pages if page.run.benchmark == name], published)
        for number, name in enumerate(names, start=1)
    )


def _table(benchmark: str, anchor: str, pages: Sequence[Page], published: Published) -> Table:
    runs = [page.run for page in pages]
    figures = published.on(benchmark)
    names = {name for run in runs for name in run.metric_names}
    columns = infos_for(names | {name for figure in figures for name in figure.values})
    sorted_by = _sort_column(columns)
    marks = data_marks(runs)
    rows = [_run_row(page, columns, marks) for page in pages] + [_printed_row(figure, columns) for figure in figures]
    return Table(
        benchmark=benchmark,
        anchor=anchor,
        columns=columns,
        rows=tuple(_ordered(rows, sorted_by)),
        warnings=warnings(runs, marks),
        provenance=tuple(Provenance(page, facts(page.run)) for page in pages),
        sorted_by=sorted_by,
    )


def _sort_column(columns: Sequence[MetricInfo]) -> MetricInfo | None:
    """``ast.exact`` where there is one, else the first column."""
    preferred = [column for column in columns if column.name == DEFAULT_SORT]
    return next(iter([*preferred, *columns]), None)


def _ordered(rows: list[Row], column: MetricInfo | None) -> list[Row]:
    """Best first, then partial rows, rows without a value last, equal ones by name.

    The page's script sorts by the same rule.
    """

    def place(row: Row) -> tuple[int, float, str]:
        value = next((cell.value for cell in row.cells if cell.column == column), None)
        if column is None or value is None:
            return 2, 0.0, row.title
        return int(row.is_partial), value if column.lower_is_better else -value, row.title

    return sorted(rows, key=place)


def _run_row(page: Page, columns: Sequence[MetricInfo], marks: dict[str, str]) -> Row:
    run = page.run
    kind = "baseline" if run.is_baseline else "run"
    cells = tuple(run_cell(run, column) for column in columns)
    is_partial = run.missing_items is not None
    return Row(kind, page.title, run.spec, page, badges(run, marks), cells, run.summary.get("items"), is_partial)


def badges(run: RunView, marks: dict[str, str]) -> tuple[Badge, ...]:
    """What must be known before a run's numbers are read; ``marks`` is from ``data_marks``, the usual data first."""
    shown = []
    if run.is_baseline:
        shown.append(Badge("baseline", "baseline"))
    if run.missing_items:
        why = "its scores are of other questions than those of a whole run, and are not ranked with them"
        shown.append(Badge("warn", "partial: {} of {}".format(*run.missing_items), why))
    if unfinished := run.unfinished:
        why = "their tokens ran out, or they end inside the reasoning"
        shown.append(Badge("warn" if unfinished.is_much else "plain", unfinished.text, why))
    if run.usage:
        shown.append(Badge("plain", run.usage, run.usage_details))
    if marks:
        mark = marks[run.digest]
        usual = mark == next(iter(marks.values()))
        shown.append(Badge("plain", f"data {mark}") if usual else Badge("warn", f"not comparable: data {mark}"))
    if not run.is_executed:
        shown.append(Badge("plain", "not executed"))
    elif run.sandbox_kind != TRUSTED_SANDBOX:
        shown.append(Badge("warn", f"{run.sandbox_kind} sandbox", "; ".join(run.caveats)))
    if hub := run.hub:
        kind = "plain" if hub.get("mode") == TRUSTED_HUB else "warn"
        shown.append(Badge(kind, f"{hub.get('mode')} hub", f"digest {hub.get('digest') or 'none: it may change'}"))
    return tuple(shown)


def _printed_row(figure: PrintedFigure, columns: Sequence[MetricInfo]) -> Row:
    cells = tuple(printed_cell(figure.values.get(column.name), column, figure.source) for column in columns)
    return Row("printed", figure.model, figure.source, None, (Badge("printed", "printed elsewhere"),), cells)
