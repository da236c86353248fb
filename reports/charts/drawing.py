"""Pictures as SVG by matplotlib: the same bytes for the same numbers, readable on light and dark paper.

Text stays text, in the reader's own font: a tenth of the size of drawn letters, and as sharp as the page around it. The
picture is laid out for DejaVu Sans, which is wider than the fonts that take its place, so nothing is cut off. Colours
are variables that a media query inside the picture sets, because a page's style does not reach into its images.
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.unseen import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A picture, and its width and height in pixels.
Drawn = tuple[bytes, tuple[int, int]]
# As in static/base.css. matplotlib is given the light ones.
INK, MUTED, FAINT, ACCENT, PAPER = "#1f1d1a", "#68635a", "#c9c3b7", "#1d5f82", "#fcfbf8"
_DARK = {INK: "#e7e4de", MUTED: "#a39d92", FAINT: "#55575e", ACCENT: "#83c0e0", PAPER: "#17181b"}
_NAMES = {INK: "ink", MUTED: "muted", FAINT: "faint", ACCENT: "accent", PAPER: "paper"}
_FONTS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
# Cells are shaded up to this, so that the numbers in them stay readable.
_DARKEST = 0.45
# Height of a row with a name, in pixels, and width of a name's letter.
ROW, _LETTER = 26, 7.2
# In a picture, and for nobody: who made it, the font it was laid out with, turns by nothing.
_NEEDLESS = re.compile(
    r"<metadata>.*?</metadata>\s*|<!DOCTYPE[^>]*>\s*| font-family: 'DejaVu Sans', sans-serif;?|"
    r' transform="rotate\(-0 [^"]*"',
    re.DOTALL,
)
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "apigauge",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12.0,
    # Names of runs and models are no formulas.
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 12.0,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class Picture:
    """A drawing under way: axes are placed in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.size = (width, height)
        self.figure: Figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """New axes."""
        whole_width, whole_height = self.size
        below = whole_height - top - height
        return self.figure.add_axes(
            (left / whole_width, below / whole_height, width / whole_width, height / whole_height)
        )

    def svg(self) -> bytes:
        """The picture as a file of its own."""
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            # A letter that DejaVu Sans lacks: the reader's fonts may have it.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
            self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        return _themed(buffer.getvalue().decode()).encode()


@contextmanager
def drawing() -> Iterator[None]:
    """In here matplotlib has our settings, whatever the user's are."""
    from matplotlib import style

    with style.context(["default", _SETTINGS]):
        yield


def label(text: str) -> str:
    """A text from outside, as a picture may hold it: on one line, unseen characters named."""
    return plain(" ".join(text.split()))


def names_width(texts: Sequence[str]) -> int:
    """Room for names at the left, in pixels."""
    return int(24 + _LETTER * max(len(label(text)) for text in texts))


def score_axis(axes: "Axes", column: MetricInfo) -> None:
    """A metric's share upright, from 0 to 100 %, and its name above."""
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(column.name + (", low is good" if column.lower_is_better else ""), loc="left", color=INK)


def rows_axis(axes: "Axes", texts: Sequence[str], show: bool = True) -> None:
    """One row for each text, the first on top."""
    axes.set_ylim(len(texts) - 0.5, -0.5)
    axes.set_yticks(range(len(texts)), [label(text) for text in texts] if show else [""] * len(texts))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def whisker(
    axes: "Axes", at: tuple[float, float], ends: tuple[float, float], *, upright: bool, hollow: bool = False
) -> None:
    """A value with its interval, drawn along x or, upright, along y; ``at`` is its place across that, and the value."""
    across, value = at
    low, high = ends
    line = ([across, across], [low, high]) if upright else ([low, high], [across, across])
    axes.plot(*line, color=ACCENT, linewidth=1.5, marker="_" if upright else "|", markersize=7)
    point = (across, value) if upright else (value, across)
    fill = PAPER if hollow else ACCENT
    axes.plot([point[0]], [point[1]], marker="o", markersize=7, color=ACCENT, markerfacecolor=fill)


def shaded(axes: "Axes", column: float, row: float, share: float) -> None:
    """A cell of a heat map, the darker the larger the share."""
    from matplotlib.patches import Rectangle

    alpha = round(_DARKEST * share, 3)
    axes.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=ACCENT, alpha=alpha, linewidth=0))


def _themed(svg: str) -> str:
    """The picture with variables for colours, the reader's fonts, its size in pixels, and without what says nothing."""
    for colour, name in _NAMES.items():
        svg = svg.replace(colour, f"var(--{name})")
    light, dark = (
        "".join(f"--{_NAMES[colour]}: {value}; " for colour, value in colours.items())
        for colours in ({colour: colour for colour in _NAMES}, _DARK)
    )
    css = f":root {{ {light}}} @media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }} "
    css += f"text {{ font-family: {_FONTS} }}"
    svg = svg.replace('<style type="text/css">', f'<style type="text/css">{css} ', 1)
    svg = re.sub(r' width="([\d.]+)pt" height="([\d.]+)pt"', r' width="\1" height="\2"', svg, count=1)
    return _NEEDLESS.sub("", svg)
