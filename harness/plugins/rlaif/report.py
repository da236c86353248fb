"""The report on a recipe's trainings: ``report/summary.json`` and the page next to it.

This module loads torch: import it where it is used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from apigauge.file_formats import ScoreRow
from apigauge.harness.cli.score import find_responses
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.replay import Replay
from apigauge.harness.metrics.registry import modules_for
from apigauge.harness.plugins.rlaif import results
from apigauge.harness.plugins.rlaif.digests import data_digest, file_digest, scorer_digest
from apigauge.harness.plugins.rlaif.logs import METRICS as LOG
from apigauge.harness.plugins.rlaif.pipeline import SCORED, Seed, scored
from apigauge.harness.plugins.rlaif.results import METRICS, Checkpoint, Scores
from apigauge.harness.plugins.rlaif.stages import once
from apigauge.harness.statistics.intervals import Estimate
from apigauge.reports.training import write_training
from apigauge.reports.views import Interval, TrainingCheckpoint, TrainingDifference, TrainingRow, TrainingView

CURVES = ("reward", "kl", "entropy", "length", "clip_fraction")
_Run = Mapping[str, Scores]


def write(seeds: Sequence[Seed], data_dir: Path | None) -> dict[str, Any]:
    """Reads the results of all stages, scores the baseline, and writes the report; returns the summary."""
    first = seeds[0]
    apis = {item.id: item.api for item in first.benchmark.items}
    numbers = [seed.recipe.seeds[0] for seed in seeds]
    points = dict(zip(numbers, map(_checkpoints, seeds), strict=True))
    sides: dict[str, list[_Run]] = {
        "SFT": [checkpoints[0].scores for checkpoints in points.values()],
        "RLAIF": [checkpoints[-1].scores for checkpoints in points.values()],
    }
    if first.recipe.baseline:
        sides["baseline"] = [scores(_baseline(first, data_dir))] * len(seeds)
    summary = {
        "benchmark": first.benchmark.name,
        "algorithm": first.recipe.algorithm,
        "seeds": numbers,
        "means": {name: _means(side if name != "baseline" else side[:1], apis) for name, side in sides.items()},
        "differences": [
            _difference(name, metric, sides, numbers, apis) for name in sides if name != "RLAIF" for metric in METRICS
        ],
        "checkpoints": {
            number: [_checkpoint_row(checkpoints[0], point, apis) for point in checkpoints]
            for number, checkpoints in points.items()
        },
        "curves": {number: results.curve(_log(seed), CURVES) for number, seed in zip(numbers, seeds, strict=True)},
        "recipe": json.loads(json.dumps(asdict(first.recipe) | {"seeds": numbers}, default=str)),
    }
    out = first.recipe.out / "report"
    out.mkdir(parents=True, exist_ok=True)
    run_directory.write_json(out / run_directory.SUMMARY, summary)
    return summary | {"index": str(write_training(_view(summary, seeds), out))}


def _view(summary: Mapping[str, Any], seeds: Sequence[Seed]) -> TrainingView:
    recipe = seeds[0].recipe
    notes = {
        "SFT": "fine-tuned on the training part",
        "RLAIF": f"then trained with AI feedback, by {recipe.algorithm.upper()}",
        "baseline": Path(recipe.baseline).stem,
    }
    return TrainingView(
        benchmark=summary["benchmark"],
        base=recipe.model or "a new GPT-2",
        labeler=recipe.labeler,
        seeds=summary["seeds"],
        metrics=METRICS,
        rows=[
            TrainingRow(name, notes[name], {metric: Interval(**interval) for metric, interval in means.items()})
            for name, means in summary["means"].items()
        ],
        differences=[
            TrainingDifference(**{key: value for key, value in difference.items() if key != "n"})
            for difference in summary["differences"]
        ],
        method="Gaffke's bounds over the reference APIs; the answers of all seeds about an API are one cluster.",
        curves=summary["curves"],
        checkpoints={
            number: [
                TrainingCheckpoint(**{key: value for key, value in point.items() if key != "hacked"})
                for point in points
            ]
            for number, points in summary["checkpoints"].items()
        },
        facts=_facts(seeds),
        recipe=json.dumps(summary["recipe"], indent=2),
    )


def _facts(seeds: Sequence[Seed]) -> list[tuple[str, str]]:
    """What the numbers depend on besides the recipe."""
    facts = [("data", seeds[0].benchmark.digest), ("sandbox", json.dumps(seeds[0].sandbox.describe(), sort_keys=True))]
    if seeds[0].recipe.algorithm == "dpo":
        facts.append(
            (
                "reward",
                "from the labeler, for answers drawn from the start and from each checkpoint: DPO learns offline",
            )
        )
    for seed in seeds:
        number = seed.recipe.seeds[0]
        reports = {"labels": "feedback/labels/*/manifest.json", "reward model": "reward/model/report.json"}
        facts += [
            (f"seed {number}: {name}", path.read_text(encoding="utf-8"))
            for name, pattern in reports.items()
            for path in sorted(seed.folder.glob(pattern))
        ]
    return facts


def _baseline(seed: Seed, data_dir: Path | None) -> Path:
    """Scores the baseline's released answers as the checkpoints' answers are scored."""
    out = seed.recipe.out / "baseline"
    file = find_responses(seed.recipe.baseline, data_dir)
    inputs = {
        "file": file.name,
        "answers": file_digest(file),
        "data": data_digest(seed.benchmark),
        "scorer": scorer_digest(modules_for(SCORED)),
        "sandbox": seed.sandbox.describe(),
    }

    def make() -> None:
        scored(seed.benchmark, Replay(str(file)), out, seed.sandbox)

    once(out, inputs, make, resumes=True)
    return out


def _checkpoints(seed: Seed) -> list[Checkpoint]:
    """The start (the fine-tuned model), and every scored checkpoint."""
    rewards = {int(row["step"]): float(row["reward"]) for row in _log(seed)}
    checkpoints = [Checkpoint(0, rewards[min(rewards)], scores(seed.folder / "runs" / "sft"))]
    for path in sorted((seed.folder / "runs").glob("step-*")):
        step = int(path.name.removeprefix("step-"))
        since = [reward for at, reward in rewards.items() if checkpoints[-1].step < at <= step]
        checkpoints.append(Checkpoint(step, sum(since) / len(since), scores(path)))
    return checkpoints


def _log(seed: Seed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (seed.folder / "train" / LOG).read_text(encoding="utf-8").splitlines()]


def scores(run: Path) -> _Run:
    """By metric, the score of each item in a run."""
    rows = cast("list[ScoreRow]", run_directory.read_rows(run / run_directory.SCORES))
    return {
        metric: {row["item"]: row["metrics"][metric] for row in rows if metric in row["metrics"]} for metric in METRICS
    }


def _means(side: Sequence[_Run], apis: Mapping[str, str]) -> dict[str, Any]:
    return {metric: _interval(results.mean([run[metric] for run in side], apis)) for metric in METRICS}


def _difference(
    name: str, metric: str, sides: Mapping[str, Sequence[_Run]], numbers: Sequence[int], apis: Mapping[str, str]
) -> dict[str, Any]:
    """RLAIF minus another model, over all seeds and for each seed."""
    before, after = ([run[metric] for run in sides[side]] for side in (name, "RLAIF"))
    by_seed = zip(numbers, before, after, strict=True)
    return {
        "name": f"RLAIF - {name}",
        "metric": metric,
        **_interval(results.difference(before, after, apis)),
        "seeds": {number: results.difference([old], [new], apis).value for number, old, new in by_seed},
    }


def _checkpoint_row(start: Checkpoint, point: Checkpoint, apis: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"step": point.step, "reward": point.reward}
    row |= {"scores": {metric: point.mean(metric) for metric in METRICS}, "p": None, "fell": [], "hacked": False}
    if point.step:
        check = results.check_hacking(start, point, apis)
        row |= {"p": check.p, "fell": check.fell, "hacked": check.is_hacked}
    return row


def _interval(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
