"""What is judged: metrics with their margins, on the whole benchmark and on its slices."""

from collections.abc import Sequence

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError, UsageError
from apigauge.harness.gate import slices
from apigauge.harness.gate.criterion import MARGIN, Criterion
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.metrics.table import NAMES, TOP


def criteria_for(
    baseline: Outcomes, metrics: Sequence[str], kinds: Sequence[str], benchmark: Benchmark
) -> list[Criterion]:
    """The criteria that a run is judged by: everything that its baseline has, unless metrics are named.

    Args:
        baseline: its metrics are judged where none are named; slices without an answer in it are left out.
        metrics: each NAME or NAME:MARGIN.
        kinds: of slices to judge as well.
        benchmark: what both answer.

    Raises:
        RunError: the baseline has no metric, or one of a later version.
        UsageError: a metric or a kind of slice makes no sense.
    """
    criteria = parse_criteria(metrics) if metrics else default_criteria(baseline)
    answered = {item for item, _ in baseline.rows}
    members = {name: items for name, items in slices.split(benchmark, kinds).items() if items & answered}
    return slices.with_slices(criteria, members)


def default_criteria(baseline: Outcomes) -> list[Criterion]:
    """All metrics that a baseline has.

    Raises:
        RunError: it has none, or one of a later version.
    """
    names = baseline.metrics
    if not names:
        raise RunError(f"{baseline.path}: it has no metric to judge; score it again")
    if unknown := [name for name in names if name not in NAMES]:
        raise RunError(
            f"{baseline.path}: it has {unknown[0]}, which this version of apigauge does not know; name with --metric "
            "what is to be judged"
        )
    return [Criterion(name, _margin(name)) for name in names]


def parse_criteria(metrics: Sequence[str]) -> list[Criterion]:
    """Criteria written as NAME or NAME:MARGIN.

    Raises:
        UsageError: one is not of that form, is no metric, or is given twice.
    """
    criteria = []
    for metric in metrics:
        name, colon, margin = metric.partition(":")
        try:
            criteria.append(Criterion(name, float(margin) if colon else _margin(name)))
        except ValueError:
            raise UsageError(f"metric {metric}: the form is NAME or NAME:MARGIN, such as ast.exact:0.02") from None
        if not 0 < criteria[-1].margin < TOP.get(name, 1.0):
            raise UsageError(
                f"metric {metric}: the margin must be above 0 and below {TOP.get(name, 1.0):g}, the metric's range"
            )
    if len({one.name for one in criteria}) < len(criteria):
        raise UsageError("one metric is given twice")
    return criteria


def _margin(name: str) -> float:
    """The default margin, in the metric's own unit."""
    return MARGIN * TOP.get(name, 1.0)
