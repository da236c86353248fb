"""A badge: the first metric of a run as a static SVG picture, without a script, a font or a link to load."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import escape

from apigauge.harness.metrics.table import infos_for
from apigauge.reports.cells import EMPTY, interval_texts, run_cell
from apigauge.reports.file_names import run_pages
from apigauge.reports.formats.texts import one_line, write
from apigauge.reports.views import RunView, section

# Pixels a character at 11 px, and around a text.
_WIDTH, _SPACE = 7, 12
_MOST = 40


def write_badges(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``badges/PAGE.svg`` for each run."""
    for name, run in zip(run_pages(runs), runs, strict=True):
        write(out / "badges" / f"{name}.svg", badge(run))
    return out / "badges"


def badge(run: RunView) -> str:
    """The picture; its title says in words what it shows."""
    columns = infos_for(section(run.summary, "metrics"))
    label, value, words = f"apigauge {run.benchmark}", "no score", "no score"
    if columns:
        info = columns[0]
        shown = run_cell(run, info)
        low, high = interval_texts(section(section(run.summary, "metrics"), info.name), info)
        unit = " %" if info.is_share else f" {info.unit}"
        label = f"{run.benchmark} {info.name}"
        value = shown.text + unit
        words = value if low == EMPTY else f"{value}, 95 % interval {low} to {high}"
        if low != EMPTY:
            value = f"{shown.text}{unit} ({low}\u2013{high})"
    if run.missing_items:
        value, words = f"{value} partial", f"{words}; only a part of the questions"
    left, right = _short(label), _short(value)
    title = f"{one_line(run.spec)} on {one_line(label)}: {one_line(words)}"
    first, second = (len(text) * _WIDTH + _SPACE for text in (left, right))
    size = f'width="{first + second}" height="20"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t">
<title id="t">{escape(title)}</title>
<rect width="{first}" height="20" fill="#444"/>
<rect x="{first}" width="{second}" height="20" fill="#1f5fa8"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">
<text x="{first / 2}" y="14">{escape(left)}</text>
<text x="{first + second / 2}" y="14">{escape(right)}</text>
</g>
</svg>
"""


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}\u2026"
