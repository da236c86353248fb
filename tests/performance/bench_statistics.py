"""Do the intervals cover, does a pass rule out the margin, and is the power the printed one? By simulation.

Run by ``make bench-statistics``; needs numpy only, two cores and less than 15 minutes. Prints a table for
docs/results/statistics.md and exits with 1 where a bound is not met. A cell is a design, a correlation of the answers
about an API, and a share of right answers; each figure of the table is the worst of a design's cells.

The share p is that of the new run. The baseline has p + drop, and loses that drop answer by answer or API by API. An
interval passes at a look if its lower end is above minus the margin, whether or not the gate would go on asking.
"""

import multiprocessing
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from apigauge.harness.gate import sequential
from apigauge.harness.statistics.bounded_mean import Clusters, chance_above, chance_below
from apigauge.harness.statistics.intervals import TAIL, estimate, paired_difference
from apigauge.harness.statistics.power import answers_to_pass, exact, minimum_detectable
from apigauge.harness.statistics.significance import NORMAL, pairs

# How many APIs have how many questions.
DESIGNS = {
    "apibench-huggingface": {27: 1, 5: 1, 4: 17, 3: 48, 2: 165, 1: 330},
    "apibench-tensorflowhub": {
        228: 1,
        133: 1,
        52: 1,
        43: 1,
        35: 1,
        26: 1,
        14: 1,
        12: 1,
        9: 3,
        7: 1,
        6: 2,
        5: 4,
        4: 2,
        3: 7,
    }
    | {2: 12, 1: 23},
    "apibench-torchhub": {6: 2, 5: 2, 4: 10, 3: 18, 2: 24, 1: 22},
    "mini": {2: 28},
    "61 x 1": {1: 61},
    "20 x 1": {1: 20},
    "10 x 20": {20: 10},
    "10 x 10": {10: 10},
}
CORRELATIONS, SHARES, LOSSES = (0.0, 0.5, 1.0), (0.0, 0.02, 0.1, 0.5, 0.9), ("answers", "apis")
MARGIN, WIDE = 0.05, 0.2
DRAWS, FEWER, MORE = 1_000, 500, 4_000
COVERAGE, FALSE_PASSES, FALSE_ALARMS, POWER, POWER_SLACK = 0.93, 0.05, 0.05, 0.80, 0.04
# Looks at which less than this is spent are left out.
SPENT = 1e-6


@dataclass
class Design:
    """The questions of a benchmark, in the order in which a gate asks them, and the draws of its simulation."""

    name: str

    def __post_init__(self):
        sizes = [size for size, count in DESIGNS[self.name].items() for _ in range(count)]
        items = [
            SimpleNamespace(id=f"{api:04}/{at:04}", api=f"{api:04}", domain="")
            for api, size in enumerate(sizes)
            for at in range(size)
        ]
        self.place = np.array([int(item.api) for item in sequential.order(items)])
        self.sizes = np.array(sizes)
        self.draw = np.random.default_rng([20230524, *self.name.encode()])

    @property
    def apis(self):
        return [f"{at:04}" for at in self.place]

    def totals(self, values):
        """Sums by API of each row of answers."""
        totals = np.zeros((len(values), len(self.sizes)))
        order = np.argsort(self.place[: values.shape[1]], kind="stable")
        seen, starts = np.unique(self.place[order], return_index=True)
        totals[:, seen] = np.add.reduceat(values[:, order].astype(float), starts, axis=1)
        return totals

    def right(self, share, correlation, draws):
        """Zeros and ones of answers that are right with this probability, correlated within an API."""
        shape = (draws, len(self.sizes))
        if correlation in (0, 1) or share in (0, 1):
            skills = self.draw.random(shape) < share if correlation == 1 else np.full(shape, share)
        else:
            scale = 1 / correlation - 1
            skills = self.draw.beta(share * scale, (1 - share) * scale, shape)
        return self.draw.random((draws, len(self.place))) < skills[:, self.place]

    def lose(self, right, rate, loss):
        """The same answers after some are lost."""
        if loss == "answers":
            return right & (self.draw.random(right.shape) >= rate)
        return right & (self.draw.random((len(right), len(self.sizes))) >= rate)[:, self.place]

    def chances(self, chance, totals, sizes, at, limit):
        """A tail for each row of totals; equal rows and equal clusters are computed once."""
        seen = sizes > 0
        totals, sizes = totals[:, seen], sizes[seen].astype(float)
        codes = totals * 1_000 + sizes
        kinds, which = np.unique(codes, return_inverse=True)
        if len(kinds) < totals.shape[1]:
            counts = np.zeros((len(totals), len(kinds)))
            np.add.at(counts, (np.arange(len(totals))[:, None], which.reshape(totals.shape)), 1.0)
            size = np.mod(kinds, 1_000)
            rows, back = np.unique(counts, axis=0, return_inverse=True)
            means = (kinds - size) / 1_000 / size
            data = Clusters(np.broadcast_to(means, rows.shape), np.broadcast_to(size, rows.shape), rows)
            return chance(data, at, limit)[back.ravel()]
        data = Clusters(totals / sizes, np.broadcast_to(sizes, totals.shape), np.ones_like(totals))
        return chance(data, at, limit)


def coverage(design, totals, truth, limits):
    """Share of draws whose interval contains the truth, and of those whose lower end lies above it."""
    too_high = design.chances(chance_below, totals, design.sizes, truth, limits[0]) < TAIL
    too_low = design.chances(chance_above, totals, design.sizes, truth, limits[1]) < TAIL
    return 1 - (too_high | too_low).mean(), too_high.mean()


def sequential_passes(design, differences):
    """Share of draws whose repeated interval rules out the margin at some look."""
    ends = sequential.looks(len(design.place))
    times = tuple(end / len(design.place) for end in ends)
    passed = np.zeros(len(differences), dtype=bool)
    for end, critical in zip(ends, sequential.boundaries(times, TAIL), strict=True):
        tail = NORMAL.cdf(-critical)
        if tail < SPENT:
            continue
        sizes = np.bincount(design.place[:end], minlength=len(design.sizes))
        totals = design.totals(differences[:, :end])
        passed |= design.chances(chance_below, totals, sizes, -MARGIN, -1.0) < tail
    return passed.mean()


def intervals(design, result):
    """Coverage and false passes, over all cells."""
    for correlation in CORRELATIONS:
        for share in SHARES:
            cell = f"p {share:g}, correlation {correlation:g}"
            covered, _ = coverage(design, design.totals(design.right(share, correlation, DRAWS)), share, (0.0, 1.0))
            result["single"].append((covered, cell))
            for loss in LOSSES:
                before = design.right(share + MARGIN, correlation, DRAWS)
                after = design.lose(before, MARGIN / (share + MARGIN), loss)
                differences = after.astype(np.int8) - before
                covered, passed = coverage(design, design.totals(differences), -MARGIN, (-1.0, 1.0))
                result["paired"].append((covered, f"{cell}, {loss}"))
                result[f"passes {loss}"].append((passed, cell))
                result[f"sequential {loss}"].append((sequential_passes(design, differences[:FEWER]), cell))
        for loss in LOSSES:
            before = design.right(0.5 + WIDE, correlation, DRAWS)
            differences = design.lose(before, WIDE / (0.5 + WIDE), loss).astype(np.int8) - before
            covered, passed = coverage(design, design.totals(differences), -WIDE, (-1.0, 1.0))
            cell = f"p 0.5, correlation {correlation:g}, {loss}, drop {WIDE:g}"
            result["paired"].append((covered, cell))
            result[f"passes {loss}"].append((passed, cell))


def alarms(design, result):
    """False alarms of the test: two runs whose APIs are equally often right, and change together in part or whole."""
    for correlation in CORRELATIONS:
        for share in SHARES:
            cell = f"p {share:g}, correlation {correlation:g}"
            first, second = (design.right(share, correlation, MORE) for _ in range(2))
            totals = np.rint(design.totals(second.astype(np.int8) - first)).astype(int)
            p_values = np.concatenate([exact(totals[at : at + 100]) for at in range(0, MORE, 100)])
            result["alarms"].append(((p_values <= FALSE_ALARMS).mean(), cell))
    ends = sequential.looks(len(design.place))
    times = [end / len(design.place) for end in ends]
    before, after = (design.right(0.5, 0, FEWER) for _ in range(2))
    differences = after.astype(np.int8) - before
    paths = np.stack([design.totals(differences[:, :end]) for end in ends], axis=1)
    crossed = [sequential.crosses(sequential.flipped(path), times, FALSE_ALARMS) for path in paths]
    result["sequential alarms"].append((np.mean(crossed), "p 0.5, correlation 0"))


def power(design, result):
    """Power at the printed detectable drop: runs are made anew, and tested, without the code that printed it."""
    before = design.right(0.7, 0.5, 1)[0]
    changed = design.draw.random(len(before)) < 0.04
    after = np.where(changed, ~before, before)
    scores = [side.astype(float).tolist() for side in (before, after)]
    data = pairs(*scores, design.apis)
    for loss in LOSSES:
        drop = minimum_detectable(data, loss=loss)
        result[f"detectable {loss}"] = drop
        if drop is None:
            continue
        rate = drop * 2 / (before.mean() + after.mean())
        swap = (design.draw.random((2 * DRAWS, len(design.sizes))) < 0.5)[:, design.place]
        old, new = np.where(swap, after, before), np.where(swap, before, after)
        totals = np.rint(design.totals(design.lose(new, rate, loss).astype(np.int8) - old)).astype(int)
        p_values = np.concatenate([exact(totals[at : at + 100]) for at in range(0, 2 * DRAWS, 100)])
        result[f"power {loss}"].append(((p_values <= FALSE_ALARMS).mean(), f"drop {drop:.3f}"))
    same = pairs(scores[0], scores[0], design.apis)
    result["ruled out"] = -paired_difference(scores[0], scores[0], design.apis).low
    result["needed"] = answers_to_pass(same, MARGIN)
    result["needed noisy"] = answers_to_pass(data, MARGIN)
    half = (np.arange(len(before)) % 2).tolist()
    width = estimate(half, design.apis)
    result["width"] = width.high - width.low
    result["effective"] = width.effective_clusters
    # How often a run passes that is no worse: one answer of fifty differs, in either direction.
    before = design.right(0.7, 0.5, DRAWS)
    flips = design.draw.random(before.shape) < 0.02
    totals = design.totals(np.where(flips, ~before, before).astype(np.int8) - before)
    passes = design.chances(chance_below, totals, design.sizes, -MARGIN, -1.0) < TAIL
    result["power pass"] = passes.mean()


def simulate(name):
    """All figures of a design."""
    began = time.monotonic()
    design = Design(name)
    kinds = ("single", "paired", "alarms", "sequential alarms")
    kinds += tuple(f"{kind} {loss}" for kind in ("passes", "sequential", "power") for loss in LOSSES)
    result = {kind: [] for kind in kinds} | {"name": name, "n": len(design.place), "apis": len(design.sizes)}
    power(design, result)
    alarms(design, result)
    intervals(design, result)
    result["seconds"] = time.monotonic() - began
    return result


def failures(result):
    """What is out of bounds, a line each."""
    lowest = {"single": COVERAGE, "paired": COVERAGE}
    highest = {f"{kind} {loss}": FALSE_PASSES for kind in ("passes", "sequential") for loss in LOSSES}
    # The test is exact, so that its level is the bound itself: three standard errors of the simulation are allowed.
    for kind, draws in (("alarms", MORE), ("sequential alarms", FEWER)):
        highest[kind] = FALSE_ALARMS + 3 * (FALSE_ALARMS * (1 - FALSE_ALARMS) / draws) ** 0.5
    for kind, bound in lowest.items():
        yield from (f"{kind} coverage {value:.1%} ({cell})" for value, cell in result[kind] if value < bound)
    for kind, bound in highest.items():
        yield from (f"{kind} {value:.1%} ({cell})" for value, cell in result[kind] if value > bound)
    for loss in LOSSES:
        for value, cell in result[f"power {loss}"]:
            if abs(value - POWER) > POWER_SLACK:
                yield f"power {loss} {value:.1%} ({cell})"


def table(results):
    """Two tables in Markdown: what must hold, and what each design can tell."""

    def worst(result, kind, best=max):
        return f"{best(value for value, _ in result[kind]):.1%}".replace("%", " %")

    def at(result, loss):
        drop = result[f"detectable {loss}"]
        return "none" if drop is None else f"{drop:.3f} ({worst(result, f'power {loss}')})"

    yield "| design | single intervals | paired | passes at the margin, answers / APIs | sequential | false alarms |"
    yield "|---|---|---|---|---|---|"
    for one in results:
        passes, looks = (
            " / ".join(worst(one, f"{kind} {loss}") for loss in LOSSES) for kind in ("passes", "sequential")
        )
        both = f"{worst(one, 'alarms')}, {worst(one, 'sequential alarms')}"
        yield f"| {one['name']} | {worst(one, 'single', min)} | {worst(one, 'paired', min)} | {passes} | {looks} | {both} |"
    yield ""
    yield (
        "| design | answers, APIs (effective) | width at one half | detectable by answers (power) | by APIs (power) | "
        "ruled out where nothing changed | answers to rule out 0.05, nothing / 4 % changed | passes where 2 % changed |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in results:
        yield (
            f"| {one['name']} | {one['n']}, {one['apis']} ({one['effective']:.1f}) | {one['width']:.2f} | "
            f"{at(one, 'answers')} | {at(one, 'apis')} | {one['ruled out']:.3f} | {one['needed']} / "
            f"{one['needed noisy']} | {one['power pass'] * 100:.0f} % |"
        )


def main():
    names = sys.argv[1:] or list(DESIGNS)
    with multiprocessing.Pool(2) as pool:
        results = list(pool.imap(simulate, names, chunksize=1))
    print(*table(results), sep="\n")
    print(f"\n{sum(one['seconds'] for one in results):.0f} seconds of computing", file=sys.stderr)
    broken = [f"{one['name']}: {failure}" for one in results for failure in failures(one)]
    print(*broken, sep="\n", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
