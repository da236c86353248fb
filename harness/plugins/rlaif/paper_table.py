"""The table of the paper: a model a row, and its scores by metric, as Markdown.

"Applying RLAIF for Code Generation with API-usage in Lightweight LLMs" (2024), arXiv 2406.20060, compares a fine-tuned
model, the same trained with AI feedback, and a larger one by ROUGE, CodeBLEU and executability.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apigauge.harness.metrics.table import METRICS as TABLE_OF_METRICS
from apigauge.harness.plugins.rlaif.results import METRICS

TABLE = "table.md"


def shown_metrics(modules: Sequence[str]) -> tuple[str, ...]:
    """The metrics of a report; with scoring modules besides the usual ones, ``exec.call`` and those of the modules."""
    if not modules:
        return METRICS
    return (*METRICS, "exec.call", *(info.name for info in TABLE_OF_METRICS if info.module in modules))


def table(means: Mapping[str, Mapping[str, Mapping[str, Any]]], metrics: Sequence[str]) -> str:
    """The table as Markdown.

    Args:
        means: model -> metric -> ``value``, ``low``, ``high`` and ``n``.
        metrics: the columns, in order.
    """
    cells = [("model", *(f"`{metric}`" for metric in metrics)), ("---", *("---:" for _ in metrics))]
    cells += [(name, *(_cell(row[metric]) for metric in metrics)) for name, row in means.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n\nMean and 95 % interval.\n"


def _cell(entry: Mapping[str, Any]) -> str:
    return f"{entry['value']:.4f} [{entry['low']:.4f}, {entry['high']:.4f}]"
