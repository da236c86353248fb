"""One number with its interval: as printed, as drawn, and as read by a screen reader."""

import math
from dataclasses import dataclass, replace
from typing import Any

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.views import RunView, section

EMPTY = "\u2013"
# Smaller p-values are printed as below this.
_LEAST_P = 1e-4


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in the table.

    Attributes:
        value: the metric's value; None where there is none, and then ``text`` says why.
        text: what is printed, in percent for shares.
        exact: the value, its interval and how that was made, in words.
        place: where the dot stands on the axis, from 0 to 1.
        whisker: where the interval begins and ends on it; None without one.
        ceiling: the score of the benchmark's reference answers, and the share of it reached here; empty if unknown.
        answers: how many answers the value is over, if not all of the run's have the metric; else empty.
        interval: both ends; None without one.
        most: the score of the benchmark's reference answers; None if unknown.
    """

    column: MetricInfo
    value: float | None
    text: str
    exact: str
    place: float = 0.0
    whisker: tuple[float, float] | None = None
    ceiling: str = ""
    answers: str = ""
    interval: tuple[float, float] | None = None
    most: float | None = None

    @property
    def ends(self) -> str:
        """The interval as printed, with the decimals of the value; empty without one."""
        return "\u2013".join(format_value(end, self.column) for end in self.interval or ())


def run_cell(run: RunView, column: MetricInfo) -> Cell:
    """The cell of a run's metric."""
    if column.name in run.withheld:
        rate = f"{run.infra_error_rate:.1%} of the programs could not be run because the sandbox failed"
        return Cell(column, None, "withheld", f"withheld: {rate}")
    entry = section(section(run.summary, "metrics"), column.name)
    cell = measured_cell(entry, column)
    value = cell.value
    if value is None:
        is_left_out = column.name.startswith("exec.") and not run.is_executed
        return replace(cell, exact="not executed") if is_left_out else cell
    exact = cell.exact
    if unfinished := run.unfinished:
        count, answers = entry.get("unfinished", unfinished.count), entry.get("n", unfinished.answers)
        exact += f"; {count} of {answers} answers unfinished"
    answers = max(
        (count for each in section(run.summary, "metrics").values() if (count := _number(each.get("n")))), default=0
    )
    n = _number(entry.get("n")) or answers
    cell = replace(cell, exact=exact, answers=f"n {n:.0f}" if n < answers else "")
    ceiling = _number(section(run.summary, "ceilings").get(column.name))
    if ceiling is None or not (ceiling or column.lower_is_better):
        return cell
    exact += f"; the benchmark's reference answers reach {ceiling:.6g} in the same sandbox"
    if column.lower_is_better:
        text = f"references {format_value(ceiling, column)}"
    else:
        text = f"{value / ceiling * 100:.0f} % of {format_value(ceiling, column)}"
    return replace(cell, exact=exact, ceiling=text, most=ceiling)


def measured_cell(entry: dict[str, Any], column: MetricInfo) -> Cell:
    """The cell of a value, its ``low`` and ``high``, and how they were made, as in a summary; all may be missing."""
    value = _number(entry.get("value"))
    if value is None:
        return Cell(column, None, EMPTY, "no value")
    interval = _interval(entry)
    exact = f"{column.name} = {value:.6g}{_interval_words(entry, interval)}"
    whisker = (_place(interval[0], column), _place(interval[1], column)) if interval else None
    text = format_value(value, column)
    return Cell(column, value, text, exact, _place(value, column), whisker, interval=interval)


def format_value(value: float, column: MetricInfo, further: int = 0) -> str:
    """Percent with one decimal for a share, two decimals for a mean rung; ``further`` decimals on top of that."""
    return f"{value * 100:.{1 + further}f}" if column.is_share else f"{value:.{2 + further}f}"


def format_difference(value: float, column: MetricInfo, further: int = 0) -> str:
    """A difference, printed as ``format_value`` does, with its sign unless it is zero as printed."""
    text = format_value(abs(value), column, further)
    sign = "" if float(text) == 0 else "+" if value > 0 else "\u2212"
    return sign + text


def place_around_zero(value: float, column: MetricInfo, reach: float) -> float:
    """Where a difference stands in a drawing from ``-reach`` to ``reach``, as shares of the metric's top: 0 to 1."""
    return 0.5 + 0.5 * min(1.0, max(-1.0, value / column.top / reach))


def format_p(value: float) -> str:
    """A p-value with two digits."""
    return f"< {_LEAST_P:g}" if value < _LEAST_P else f"{value:.2g}"


def interval_texts(entry: dict[str, Any], column: MetricInfo) -> tuple[str, str]:
    """Both ends of the interval in a summary's entry, printed with one decimal more than the value."""
    interval = _interval(entry)
    if interval is None:
        return EMPTY, EMPTY
    return format_value(interval[0], column, further=1), format_value(interval[1], column, further=1)


def _interval(entry: dict[str, Any]) -> tuple[float, float] | None:
    low, high = _number(entry.get("low")), _number(entry.get("high"))
    return None if low is None or high is None else (low, high)


def _interval_words(entry: dict[str, Any], interval: tuple[float, float] | None) -> str:
    words = f", 95 % interval {interval[0]:.4g} to {interval[1]:.4g}" if interval else ", no interval"
    facts = [
        f"{key} {entry[key]}"
        for key in ("n", "clusters", "effective_clusters", "method", "seed")
        if entry.get(key) is not None
    ]
    return f"{words} ({', '.join(facts)})" if facts else words


def _number(value: Any) -> float | None:
    """A finite number, or None: a page must not fail on what an older or broken run wrote."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _place(value: float, column: MetricInfo) -> float:
    return min(1.0, max(0.0, value / column.top))
