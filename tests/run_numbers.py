"""Every number of a run, computed from the files in its folder, by code that shares nothing with the pages'.

Intervals are taken from ``summary.json``: tests of the statistics have their own.
"""

import itertools
import json
import math
from collections import Counter, defaultdict

import numpy as np


def rows(path):
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def printed(metric, value, further=0):
    """As pages print a value: percent with one decimal, a mean rung with two."""
    return f"{value:.{2 + further}f}" if metric == "exec.stage" else f"{100 * value:.{1 + further}f}"


class RunFiles:
    """A run's folder."""

    def __init__(self, folder):
        self.name = folder.name
        self.scores = rows(folder / "scores.jsonl")
        self.generations = rows(folder / "generations.jsonl")
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))

    @property
    def benchmark(self):
        return self.manifest["benchmark"]["name"]

    @property
    def metrics(self):
        return {name for row in self.scores for name in row["metrics"]}

    @property
    def questions(self):
        return len({row["item"] for row in self.scores})

    def values(self, metric):
        return [row["metrics"][metric] for row in self.scores if metric in row["metrics"]]

    def mean(self, metric):
        values = self.values(metric)
        return math.fsum(values) / len(values)

    def ends(self, metric):
        entry = self.summary["metrics"][metric]
        return entry["low"], entry["high"]

    def labels(self, metric):
        return Counter(row["labels"][metric] for row in self.scores if metric in row["labels"])

    def by_key(self, metric):
        return {(row["item"], row["sample"]): row["metrics"][metric] for row in self.scores if metric in row["metrics"]}

    def by_domain(self, metric, domains):
        """Scores by domain; ``domains`` has each item's."""
        groups = defaultdict(list)
        for row in self.scores:
            groups[domains[row["item"]]].append(row["metrics"][metric])
        return groups

    def rungs(self):
        """The share of programs that reach each rung."""
        stages = self.values("exec.stage")
        return [sum(stage >= rung for stage in stages) / len(stages) for rung in range(5)]

    def tokens(self):
        """Tokens of all prompts and answers that were not cached, and how many answers those are."""
        counted = [row for row in self.generations if row.get("prompt_tokens") is not None and not row.get("cached")]
        return sum(row["prompt_tokens"] + row["completion_tokens"] for row in counted), len(counted)


def tau_b(runs, metric, target, sign=1):
    """Kendall's tau-b over the pairs of answers of one run, by looking at each pair."""
    agreed = by_x = by_y = 0
    for run in runs:
        both = [
            (sign * row["metrics"][metric], row["metrics"][target])
            for row in run.scores
            if metric in row["metrics"] and target in row["metrics"]
        ]
        for (a, c), (b, d) in itertools.combinations(both, 2):
            x, y = (a > b) - (a < b), (c > d) - (c < d)
            agreed, by_x, by_y = agreed + x * y, by_x + x * x, by_y + y * y
    return agreed / math.sqrt(by_x * by_y)


def sign_flip(totals):
    """Two-sided p-value: the chance that a sum with random signs is as far from 0, from its characteristic function.

    Totals are rounded to a grid, which those of zeros and ones are on already.
    """
    cells = 2**16
    step = 1 if all(float(total).is_integer() for total in totals) else sum(map(abs, totals)) / (cells // 8)
    whole = np.array([round(total / step) for total in totals])
    waves = np.exp(2j * np.pi * np.arange(cells) / cells)
    product = np.ones(cells)
    for total in whole[whole != 0]:
        product *= waves[np.arange(cells) * int(total) % cells].real
    chances = np.fft.ifft(product).real
    sums = np.where(np.arange(cells) < cells // 2, np.arange(cells), np.arange(cells) - cells)
    return float(min(1.0, chances[np.abs(sums) >= abs(whole.sum())].sum()))


def holm(p_values):
    """Adjusted p-values by place: the definition, one hypothesis after the other."""
    order = sorted(p_values, key=p_values.get)
    adjusted, largest = {}, 0.0
    for place, name in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * p_values[name]))
        adjusted[name] = largest
    return adjusted
