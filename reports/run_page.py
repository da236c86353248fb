"""The page of one run: its numbers, what went wrong how often, and every answer with its scores.

The items travel once, as JSON, and the page's script builds the fifty in view; a browser stays quick with thousands.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import EMPTY, Cell, interval_texts, run_cell
from apigauge.reports.provenance import facts, warnings
from apigauge.reports.rendering import json_block, pretty_json, render_page
from apigauge.reports.tables import Page, badges
from apigauge.reports.views import ItemView, RunView, section

BAR_LENGTH = 240
# Of a text in a verdict's evidence (the end of a program's output) so many last characters go onto the page.
EVIDENCE_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the run's summary: a metric, its cell, and what ``summary.json`` and the manifest record of it."""

    column: MetricInfo
    cell: Cell
    ends: tuple[str, str]
    entry: dict[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How often a label occurred; ``at`` numbers it on the page, ``length`` is in pixels of ``BAR_LENGTH`` for all."""

    at: int
    label: str
    count: int
    share: float
    length: float


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """A metric's labels, most frequent first."""

    metric: str
    bars: tuple[Bar, ...]


def render_run(page: Page) -> bytes:
    """The page of a run as UTF-8 bytes."""
    run = page.run
    columns, labels = infos_for(run.metric_names), label_counts(run)
    options = [(group.metric, bar.label) for group in labels for bar in group.bars]
    return render_page(
        "run.html",
        styles=("run.css",),
        script="run.js",
        page=page,
        run=run,
        badges=badges(run, {}),
        warnings=warnings([run], {}),
        measures=[_measure(run, column) for column in columns],
        labels=labels,
        bar_length=BAR_LENGTH,
        facts=facts(run),
        manifest=pretty_json(run.manifest),
        data=json_block(item_data(run.rows) | {"options": options}),
    )


def label_counts(run: RunView) -> tuple[LabelCounts, ...]:
    """Counts per metric as the summary records them; counted from the rows for a metric it leaves out."""
    counts: dict[str, dict[str, int]] = {}
    for row in run.rows:
        for metric, label in row.labels.items():
            counts.setdefault(metric, Counter())[label] += 1
    counts.update(section(run.summary, "labels"))
    ordered = [column.name for column in infos_for(counts)]
    numbers = itertools.count()
    return tuple(LabelCounts(metric, _bars(counts[metric], numbers)) for metric in ordered if counts[metric])


def item_data(rows: Sequence[ItemView]) -> dict[str, Any]:
    """What the page's script reads: names once, then a list per item in the order ``run.js`` takes it apart."""
    metrics = [column.name for column in infos_for(name for row in rows for name in row.metrics)]
    labels = [column.name for column in infos_for(name for row in rows for name in row.labels)]
    lower = [column.name for column in infos_for(metrics) if column.lower_is_better]
    return {
        "metrics": metrics,
        "labels": labels,
        "lower": lower,
        "items": [_item(row, metrics, labels) for row in rows],
    }


def _item(row: ItemView, metrics: Sequence[str], labels: Sequence[str]) -> list[Any]:
    return [
        row.id,
        row.sample,
        row.instruction,
        row.domain,
        row.reference_call,
        row.reference_program,
        row.text,
        row.call,
        row.program,
        row.how,
        [row.metrics.get(name) for name in metrics],
        [row.labels.get(name) for name in labels],
        row.messages,
        shortened(row.verdict),
        row.unfinished,
        row.reasoning,
    ]


def shortened(evidence: Any) -> Any:
    """A verdict without the beginnings of long texts: what a program wrote last says why it ended."""
    if isinstance(evidence, dict):
        return {key: shortened(value) for key, value in evidence.items()}
    if isinstance(evidence, list):
        return [shortened(value) for value in evidence]
    if isinstance(evidence, str) and len(evidence) > EVIDENCE_LENGTH:
        return f"[the beginning is in scores.jsonl] {evidence[-EVIDENCE_LENGTH:]}"
    return evidence


def _measure(run: RunView, column: MetricInfo) -> Measure:
    entry = section(section(run.summary, "metrics"), column.name)
    version = column.version(section(run.manifest, "metrics"))
    cell = run_cell(run, column)
    ends = (EMPTY, EMPTY) if cell.value is None else interval_texts(entry, column)
    return Measure(column, cell, ends, entry, version)


def _bars(counts: dict[str, int], numbers: Iterator[int]) -> tuple[Bar, ...]:
    total = sum(counts.values()) or 1
    return tuple(
        Bar(next(numbers), label, count, count / total, round(BAR_LENGTH * count / total, 2))
        for label, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    )
