"""The formats of ``apigauge report --export``: each writes runs into the report's folder and returns what it wrote."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apigauge.reports.views import RunView

Export = Callable[[Sequence["RunView"], Path], Path]

# By name, the module and the function.
_PLACES = {
    "csv": ("export", "write_csv"),
    "json": ("formats.tables", "write_json"),
    "parquet": ("formats.tables", "write_parquet"),
    "md": ("formats.documents", "write_markdown"),
    "tex": ("formats.documents", "write_latex"),
    "card": ("formats.documents", "write_cards"),
    "badge": ("formats.badge", "write_badges"),
    "every-eval-ever": ("formats.every_eval_ever", "write_evaluations"),
    "inspect": ("formats.inspect_log", "write_logs"),
    "dataset": ("formats.dataset", "write_datasets"),
}
NAMES = tuple(_PLACES)


def export(name: str) -> Export:
    """The function that writes a format of :data:`NAMES`."""
    module, function = _PLACES[name]
    loaded: Export = getattr(importlib.import_module(f"apigauge.reports.{module}"), function)
    return loaded
