"""The leaderboard's tables: one per benchmark, a row per run, a cell per metric; printed figures apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import Cell, run_cell
from apigauge.reports.details import Detail, Value, details_of
from apigauge.reports.environments import environment_of, upgrades
from apigauge.reports.file_names import page_names
from apigauge.reports.provenance import data_marks, warnings
from apigauge.reports.published import BASELINE_ANSWERS, PrintedFigure, Published, released_answers
from apigauge.reports.views import RunView, section

Ranks = Mapping[str, Mapping[str, str]]
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
    """A line of a table.

    Attributes:
        kind: ``run``, ``baseline``, or ``released`` for Gorilla-7B's own answers.
        badges: what must be known at once; what the columns say is left to them.
        details: what each of the table's ``details`` says of the run.
        ranks: as printed, for each of the table's ``columns``; empty where the run is not ranked.
        is_partial: whether it has only some of the questions, and so comes after the whole ones whatever its scores.
    """

    kind: str
    page: Page
    badges: tuple[Badge, ...]
    cells: tuple[Cell, ...]
    details: tuple[Value, ...]
    ranks: tuple[str, ...]
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A benchmark's section.

    Attributes:
        anchor: names it in the page's address, and its files.
        sorted_by: the column whose values order the rows as rendered.
        floors: by metric the best of the baselines.
        released: by metric what Gorilla-7B's released answers score.
        printed: figures printed elsewhere, with their values by metric.
        upgrades: environments and files of two runs that hold the same answers.
    """

    benchmark: str
    anchor: str
    columns: tuple[MetricInfo, ...]
    details: tuple[Detail, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    sorted_by: MetricInfo | None
    floors: Mapping[str, float]
    released: Mapping[str, float]
    printed: tuple[PrintedFigure, ...]
    upgrades: tuple[tuple[tuple[str, str], tuple[str, str]], ...]

    @property
    def first_columns(self) -> set[str]:
        """The names of those shown at first."""
        names = [column.name for column in self.columns]
        return set(sorted(names, key=(*_PREFERRED, *names).index)[:FIRST_COLUMNS])

    @property
    def groups(self) -> tuple[tuple[bool, tuple[Row, ...]], ...]:
        """The whole rows, then the partial ones, each with whether they are partial; without empty groups."""
        parts = (
            (is_partial, tuple(r for r in self.rows if r.is_partial is is_partial)) for is_partial in (False, True)
        )
        return tuple((is_partial, rows) for is_partial, rows in parts if rows)

    @property
    def has_ranks(self) -> bool:
        """Whether a run is ranked in some metric."""
        return any(any(row.ranks) for row in self.rows)

    @property
    def has_ceilings(self) -> bool:
        """Whether a cell has the ceiling next to its value."""
        return any(cell.most is not None for row in self.rows for cell in row.cells)


def build_tables(pages: Sequence[Page], published: Published, ranks: Ranks) -> tuple[Table, ...]:
    """One table per benchmark that has a run, by name.

    Args:
        pages: the runs.
        published: figures printed elsewhere.
        ranks: as printed, by the run's file and the metric.
    """
    names = sorted({page.run.benchmark for page in pages})
    return tuple(
        _table(name, anchor, [page for page in pages if page.run.benchmark == name], published, ranks)
        for name, anchor in zip(names, page_names(names), strict=True)
    )


def _table(benchmark: str, anchor: str, pages: Sequence[Page], published: Published, ranks: Ranks) -> Table:
    runs = [page.run for page in pages]
    columns = infos_for({name for run in runs for name in run.metric_names})
    details = details_of(runs)
    sorted_by = _sort_column(columns)
    marks = data_marks(runs)
    rows = _ordered([_row(page, columns, details, marks, ranks) for page in pages], sorted_by)
    usual = [
        row for row in rows if not row.is_partial and row.page.run.digest == next(iter(marks), row.page.run.digest)
    ]
    return Table(
        benchmark=benchmark,
        anchor=anchor,
        columns=columns,
        details=details,
        rows=tuple(rows),
        warnings=warnings(runs, marks),
        sorted_by=sorted_by,
        floors=_best([row for row in usual if row.kind == "baseline"]),
        released=_best([row for row in usual if _released(row.page.run) == BASELINE_ANSWERS]),
        printed=published.on(benchmark),
        upgrades=tuple((_environment(pages[a]), _environment(pages[b])) for a, b in upgrades(runs)),
    )


def _environment(page: Page) -> tuple[str, str]:
    return environment_of(page.run), page.file


def _sort_column(columns: Sequence[MetricInfo]) -> MetricInfo | None:
    """``ast.exact`` where there is one, else the first column."""
    preferred = [column for column in columns if column.name == DEFAULT_SORT]
    return next(iter([*preferred, *columns]), None)


def _ordered(rows: list[Row], column: MetricInfo | None) -> list[Row]:
    """Whole rows, then partial ones; in each the best first, rows without a value last, equal ones by name.

    The page's script sorts by the same rule.
    """

    def place(row: Row) -> tuple[bool, bool, float, str]:
        value = next((cell.value for cell in row.cells if cell.column == column), None)
        if column is None or value is None:
            return row.is_partial, True, 0.0, row.page.title
        return row.is_partial, False, value if column.lower_is_better else -value, row.page.title

    return sorted(rows, key=place)


def _best(rows: Sequence[Row]) -> dict[str, float]:
    """By metric the best value of these rows."""
    best: dict[str, float] = {}
    for cell in (cell for row in rows for cell in row.cells):
        if cell.value is not None:
            choose = min if cell.column.lower_is_better else max
            best[cell.column.name] = choose(cell.value, best.get(cell.column.name, cell.value))
    return best


def _released(run: RunView) -> str:
    """Which of Gorilla-7B's released files the answers are from; empty if from none."""
    generator = section(run.manifest, "generator")
    return released_answers().get(str(generator.get("digest")), "") if generator.get("kind") == "replay" else ""


def _row(
    page: Page, columns: Sequence[MetricInfo], details: Sequence[Detail], marks: dict[str, str], ranks: Ranks
) -> Row:
    run = page.run
    released = _released(run)
    shown = [badge for badge in badges(run, marks) if badge.kind != "plain"]
    if released:
        shown.insert(0, Badge("released", f"Gorilla-7B, {released}", "answers that Gorilla's authors released"))
    return Row(
        kind="baseline" if run.is_baseline else "released" if released else "run",
        page=page,
        badges=tuple(shown),
        cells=tuple(run_cell(run, column) for column in columns),
        details=tuple(detail.read(run) for detail in details),
        ranks=tuple(ranks.get(page.file, {}).get(column.name, "") for column in columns),
        is_partial=run.missing_items is not None,
    )


def badges(run: RunView, marks: dict[str, str]) -> tuple[Badge, ...]:
    """What must be known before a run's numbers are read; ``marks`` is from ``data_marks``, the usual data first."""
    shown = []
    if run.is_baseline:
        shown.append(Badge("baseline", "baseline"))
    if run.is_open:
        count = "{} of {}".format(*(run.missing_items or 2 * (run.summary.get("items", 0),)))
        shown.append(Badge("warn", f"in progress: {count}", "more answers are being written; its scores will change"))
    elif run.missing_items:
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
        shown.append(Badge("data", f"data {mark}") if usual else Badge("warn", f"not comparable: data {mark}"))
    if not run.is_executed:
        shown.append(Badge("plain", "not executed"))
    elif run.sandbox_kind != TRUSTED_SANDBOX:
        shown.append(Badge("warn", f"{run.sandbox_kind} sandbox", "; ".join(run.caveats)))
    if hub := run.hub:
        kind = "plain" if hub.get("mode") == TRUSTED_HUB else "warn"
        shown.append(Badge(kind, f"{hub.get('mode')} hub", f"digest {hub.get('digest') or 'none: it may change'}"))
    return tuple(shown)
