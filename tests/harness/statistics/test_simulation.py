"""``make bench-statistics``: it simulates the benchmarks as they are, and notices intervals that are too narrow."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from apigauge.benchmarks import load_benchmark

sys.path.insert(0, str(Path(__file__).parents[2] / "performance"))

import bench_statistics as simulation


def sizes(benchmark):
    return Counter(Counter(item.api for item in benchmark.items).values())


def test_mini_has_the_simulated_sizes():
    assert sizes(load_benchmark("mini")) == simulation.DESIGNS["mini"]


@pytest.mark.apibench
@pytest.mark.parametrize("hub", ["torchhub", "tensorflowhub", "huggingface"])
def test_the_hubs_have_the_simulated_sizes(hub, data_dir):
    assert sizes(load_benchmark(f"apibench-{hub}", data_dir)) == simulation.DESIGNS[f"apibench-{hub}"]


def test_simulated_answers_have_the_share_the_correlation_and_the_loss_they_should():
    design = simulation.Design("10 x 10")
    right = design.right(0.3, 0.5, 4_000)
    means = design.totals(right) / 10
    assert right.mean() == pytest.approx(0.3, abs=0.01)
    # An API's mean has the variance p (1 - p) (1 + 9 r) / 10.
    assert means.var() == pytest.approx(0.3 * 0.7 * 5.5 / 10, rel=0.06)
    for loss in simulation.LOSSES:
        lost = right & ~design.lose(right, 0.2, loss)
        assert lost.sum() / right.sum() == pytest.approx(0.2, abs=0.01)
    some = design.totals(lost)[design.totals(right) > 0] / design.totals(right)[design.totals(right) > 0]
    assert set(np.unique(some)) == {0.0, 1.0}


def test_equal_clusters_are_counted_and_give_the_same_tails():
    design = simulation.Design("apibench-torchhub")
    totals = design.totals(design.right(0.8, 0.5, 30)) - design.totals(design.right(0.8, 0.5, 30))
    made = design.chances(simulation.chance_below, totals, design.sizes, -0.05, -1.0)
    shape = totals.shape
    plain = simulation.Clusters(
        totals / design.sizes, np.broadcast_to(design.sizes.astype(float), shape), np.ones(shape)
    )
    assert made == pytest.approx(simulation.chance_below(plain, -0.05, -1.0), rel=1e-6)


def test_what_is_out_of_bounds_is_named():
    good = {
        "single": [(0.94, "a")],
        "paired": [(0.95, "a")],
        "alarms": [(0.05, "a")],
        "sequential alarms": [(0.05, "a")],
    }
    good |= {f"{kind} {loss}": [(0.04, "a")] for kind in ("passes", "sequential") for loss in simulation.LOSSES}
    good |= {f"power {loss}": [(0.82, "a")] for loss in simulation.LOSSES}
    assert not list(simulation.failures(good))
    for kind, value in (
        ("single", 0.92),
        ("paired", 0.7),
        ("passes apis", 0.06),
        ("alarms", 0.08),
        ("power apis", 0.7),
    ):
        (failure,) = simulation.failures(good | {kind: [(value, "the cell")]})
        assert kind in failure
        assert "the cell" in failure
