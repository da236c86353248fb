"""Lines over steps, as SVG: where they run, and round numbers at their axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# In the drawing's own units, about a pixel each; left of the axis stand its numbers, below it the steps.
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 32
_INTERVALS = 4
# Where all numbers at an axis are smaller, they are written with powers of ten.
_SMALL = 1e-3
# What differs by a smaller part of itself differs by rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Series:
    """A line to draw: its name, the number of its colour, its points, and which of them are to be seen as bad.

    Attributes:
        dotted: whether each point gets a dot; else only the last does.
    """

    name: str
    style: int
    steps: Sequence[float]
    values: Sequence[float]
    bad: frozenset[int] = frozenset()
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A number at an axis and where it stands on it."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A line as drawn; ``dots`` are x, y and whether that point is bad."""

    name: str
    style: int
    path: str
    dots: tuple[tuple[float, float, bool], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing.

    Attributes:
        title: what is drawn.
        unit: of its numbers; may be empty.
        description: the drawing in words: where each line begins and ends.
        width: of the drawing.
        height: of the drawing.
        x: the steps at the horizontal axis.
        y: the numbers at the vertical one, from the lowest to the highest.
        traces: the lines.
    """

    title: str
    unit: str
    description: str
    width: int
    height: int
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    traces: tuple[Trace, ...]

    @property
    def left(self) -> int:
        """Where the horizontal axis begins."""
        return LEFT

    @property
    def right(self) -> int:
        """Where it ends."""
        return self.width - RIGHT

    @property
    def bottom(self) -> int:
        """Where it lies."""
        return self.height - BOTTOM


def plot(
    title: str, unit: str, series: Sequence[Series], size: tuple[int, int], include: Sequence[float] = ()
) -> Plot | None:
    """Lines over steps, none of which leaves the drawing.

    Args:
        title: what is drawn.
        unit: of its numbers.
        series: the lines; those without a point are left out.
        size: width and height of the drawing.
        include: numbers that the vertical axis must reach.

    Returns:
        The drawing; None if no line has a point.
    """
    drawn = [one for one in series if one.values]
    if not drawn:
        return None
    width, height = size
    reached = [*include, *(value for one in drawn for value in one.values)]
    marks = round_numbers(min(reached), max(reached))
    steps = [step for one in drawn for step in one.steps]
    first, last = min(steps), max(steps)

    def x(step: float) -> float:
        share = (step - first) / (last - first) if last > first else 0.5
        return round(LEFT + share * (width - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        share = (value - marks[0]) / (marks[-1] - marks[0])
        return round(height - BOTTOM - share * (height - TOP - BOTTOM), 1)

    within = [step for step in round_numbers(first, last) if first <= step <= last and step == int(step)]
    return Plot(
        title=title,
        unit=unit,
        description=f"{title} by step. " + " ".join(map(_describe, drawn)),
        width=width,
        height=height,
        x=tuple(Tick(x(step), f"{step:.0f}") for step in within or [first]),
        y=tuple(Tick(y(mark), text) for mark, text in zip(marks, _texts(marks), strict=True)),
        traces=tuple(_trace(one, [(x(s), y(v)) for s, v in zip(one.steps, one.values, strict=True)]) for one in drawn),
    )


def round_numbers(low: float, high: float) -> list[float]:
    """Two or more numbers that reach from ``low`` to ``high``, apart by 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= _ROUNDING * max(abs(low), abs(high)):
        span = abs(high) or 1.0
    least = span / _INTERVALS
    power = 10.0 ** math.floor(math.log10(least))
    apart = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - _ROUNDING))
    first, last = math.floor(low / apart + _ROUNDING), math.ceil(high / apart - _ROUNDING)
    return [number * apart for number in range(first, max(last, first + 1) + 1)]


def _texts(marks: Sequence[float]) -> list[str]:
    apart = marks[1] - marks[0]
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    are_small = max(map(abs, marks)) < _SMALL
    texts = [f"{mark:.3g}" if are_small else f"{mark:.{decimals}f}" for mark in marks]
    return ["0" if float(text) == 0 else text.replace("-", "\u2212") for text in texts]


def _trace(series: Series, points: list[tuple[float, float]]) -> Trace:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    shown = range(len(points)) if series.dotted else [len(points) - 1]
    return Trace(series.name, series.style, path, tuple((*points[at], at in series.bad) for at in shown))


def _describe(series: Series) -> str:
    first, last = (f"{value:.3g}".replace("-", "\u2212") for value in (series.values[0], series.values[-1]))
    return f"{series.name}: from {first} at step {series.steps[0]:.0f} to {last} at step {series.steps[-1]:.0f}."
