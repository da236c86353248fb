"""What kinds of answers a run gives: the labels of a metric, as shares of its answers."""

from collections import Counter
from collections.abc import Sequence

from apigauge.reports.charts.matrix import Cell, matrix
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    listed,
    name_entry,
    names,
    partial_note,
    percent,
    share_entry,
)
from apigauge.reports.tables import Page
from apigauge.reports.views import section

# By metric: the title, and the label of what scores 1.
_CHARTS = {
    "ast.exact": ("What answers call", "exact"),
    "exec.rate": ("How programs end", "passed"),
}


def labels(pages: Sequence[Page]) -> list[Chart | Missing]:
    """A chart for each metric whose labels are categories of failure."""
    return [_chart(metric, pages) for metric in _CHARTS]


def _chart(metric: str, pages: Sequence[Page]) -> Chart | Missing:
    title, success = _CHARTS[metric]
    counts = {page.file: _counts(page, metric) for page in pages}
    drawn = [page for page in pages if counts[page.file]]
    if not drawn:
        return Missing(title, f"no run has labels of {metric}")
    total = sum(map(Counter, (counts[page.file] for page in drawn)), Counter[str]())
    columns = sorted(total, key=lambda name: (name != success, -total[name], name))
    failures = [name for name in columns if name != success]
    finding = _finding(metric, total, failures)

    def cell(row: int, column: int) -> Cell | None:
        own = counts[drawn[row].file]
        count, answers = own.get(columns[column], 0), sum(own.values())
        return (count / answers, f"{percent(count / answers)} %", f"{count:,}") if count else None

    svg, size = matrix(names(drawn), columns, cell)
    others = [page for page in pages if not counts[page.file]]
    return Chart(
        f"labels-{metric.replace('.', '-')}",
        title,
        finding,
        svg,
        size,
        ("run", *(f"{name}{unit}" for name in columns for unit in ("", ", %")), "answers"),
        tuple(_row(page, counts[page.file], columns) for page in drawn),
        notes=(
            f"Labels of {metric}: share of a run's answers, and below it their number; a dash is no answer.",
            f"The most frequent come first, after {success}, which scores 1.",
            *partial_note(drawn),
        ),
        left_out=(f"{listed(others)}: no labels of {metric}.",) if others else (),
    )


def _counts(page: Page, metric: str) -> dict[str, int]:
    if metric in page.run.withheld:
        return {}
    return {str(name): count for name, count in section(section(page.run.summary, "labels"), metric).items() if count}


def _row(page: Page, counts: dict[str, int], columns: Sequence[str]) -> tuple[Entry, ...]:
    answers = sum(counts.values())
    cells = [
        entry
        for name in columns
        for count in [counts.get(name, 0)]
        for entry in (Entry(f"{count:,}", count), share_entry(count, answers))
    ]
    return (name_entry(page), *cells, Entry(f"{answers:,}", answers))


def _finding(metric: str, total: Counter[str], failures: Sequence[str]) -> str:
    answers = total.total()
    if not failures:
        return f"All {answers:,} answers of all runs are labelled {', '.join(sorted(total))} by {metric}."
    most = ", ".join(f"{name} ({percent(total[name] / answers)} %)" for name in failures[:3])
    return f"Of {answers:,} answers of all runs, the most frequent failures by {metric} are {most}."
