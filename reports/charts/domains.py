"""Which domains a run is good at: its mean score by the domain of the question."""

from collections import defaultdict
from collections.abc import Sequence

from apigauge.reports.cells import EMPTY
from apigauge.reports.charts.matrix import Cell, matrix
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    listed,
    mean,
    name_entry,
    names,
    partial_note,
    percent,
)
from apigauge.reports.tables import Page

TITLE = "Which domains are hard"
METRIC = "ast.exact"
# Shares of fewer answers are marked.
FEW = 10
_MARK = "\u2020"

_Scores = dict[str, list[float]]


def domains(pages: Sequence[Page]) -> list[Chart | Missing]:
    """The chart; runs whose questions are not here are left out."""
    title = f"{TITLE}, by {METRIC}"
    scores = {page.file: _scores(page) for page in pages}
    drawn = [page for page in pages if scores[page.file]]
    columns = sorted({domain for page in drawn for domain in scores[page.file]})
    if len(columns) < 2:
        return [Missing(title, f"no run has {METRIC} on questions of several domains")]

    def cell(row: int, column: int) -> Cell | None:
        values = scores[drawn[row].file].get(columns[column])
        if not values:
            return None
        return mean(values), f"{percent(mean(values))}", f"n {len(values)}{_MARK if len(values) < FEW else ''}"

    svg, size = matrix(names(drawn), columns, cell)
    others = [page for page in pages if not scores[page.file]]
    left_out = f"{listed(others)}: without {METRIC}, or the questions' domains are not in the data here."
    return [
        Chart(
            "domains",
            title,
            _finding(scores, columns),
            svg,
            size,
            ("run", *(f"{domain}{unit}" for domain in columns for unit in (", %", ", n"))),
            tuple(_row(page, scores[page.file], columns) for page in drawn),
            notes=(
                f"Mean {METRIC} in percent, and the number of answers. {_MARK} Fewer than {FEW}, too few to compare.",
                *partial_note(drawn),
            ),
            left_out=(left_out,) if others else (),
        )
    ]


def _scores(page: Page) -> _Scores:
    scores: _Scores = defaultdict(list)
    scored = page.run.scored
    for domain, score in zip(scored.domains, scored.metrics.get(METRIC, ()), strict=False):
        if score is not None and domain:
            scores[domain].append(score)
    return scores


def _row(page: Page, scores: _Scores, columns: Sequence[str]) -> tuple[Entry, ...]:
    cells = []
    for domain in columns:
        values = scores.get(domain, [])
        cells += [
            Entry(percent(mean(values)), mean(values)) if values else Entry(EMPTY),
            Entry(f"{len(values)}", len(values)),
        ]
    return (name_entry(page), *cells)


def _finding(scores: dict[str, _Scores], columns: Sequence[str]) -> str:
    """The hardest and the easiest domain over all runs, of those with enough answers."""
    together = {domain: [value for one in scores.values() for value in one.get(domain, ())] for domain in columns}
    enough = {domain: mean(values) for domain, values in together.items() if len(values) >= FEW}
    if len(enough) < 2:
        return f"No two domains have {FEW} answers or more over all runs."
    ordered = sorted(enough, key=lambda domain: (enough[domain], domain))
    hard, easy = ordered[0], ordered[-1]
    return (
        f"By {METRIC} over all runs, the hardest domain is {hard} ({percent(enough[hard])} % of {len(together[hard])} "
        f"answers) and the easiest {easy} ({percent(enough[easy])} % of {len(together[easy])})."
    )
