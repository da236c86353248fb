"""The report on a recipe's trainings: ``report/summary.json`` (``report-rloo/...``) and the page next to it.

This module loads torch: import it where it is used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from apigauge.errors import UsageError
from apigauge.file_formats import ScoreRow
from apigauge.harness.cli.score import find_responses
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.replay import Replay
from apigauge.harness.plugins.rlaif import looks, results
from apigauge.harness.plugins.rlaif.digests import data_digest, file_digest, scorer_digest
from apigauge.harness.plugins.rlaif.logs import METRICS as LOG
from apigauge.harness.plugins.rlaif.options import OFFLINE
from apigauge.harness.plugins.rlaif.paper_table import TABLE, shown_metrics, table
from apigauge.harness.plugins.rlaif.pipeline import Seed, scored
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.results import METRICS, Checkpoint, Scores
from apigauge.harness.plugins.rlaif.stages import once
from apigauge.harness.plugins.rlaif.training_rows import rows_from
from apigauge.harness.statistics.intervals import Estimate
from apigauge.reports.training import write_training
from apigauge.reports.views import Interval, TrainingCheckpoint, TrainingDifference, TrainingRow, TrainingView

LEARNT = "ast.exact"
CURVES = ("reward", "kl", "entropy", "length", "clip_fraction")
_Run = Mapping[str, Scores]


def write(seeds: Sequence[Seed], data_dir: Path | None) -> dict[str, Any]:
    """Reads the results of all stages, scores the baseline, and writes the report; returns the summary."""
    first = seeds[0]
    apis = {item.id: item.api for item in first.benchmark.items}
    numbers = [seed.recipe.seeds[0] for seed in seeds]
    points = dict(zip(numbers, map(_checkpoints, seeds), strict=True))
    shown = shown_metrics(first.recipe.evaluation.metrics)
    sides: dict[str, list[_Run]] = {
        "SFT": [checkpoints[0].scores for checkpoints in points.values()],
        "RLAIF": [checkpoints[-1].scores for checkpoints in points.values()],
    }
    if first.recipe.baseline and first.recipe.evaluation.questions == "test":
        sides["baseline"] = [scores(_baseline(first, data_dir), shown)] * len(seeds)
    summary = {
        "benchmark": first.benchmark.name,
        "algorithm": first.recipe.algorithm,
        "seeds": numbers,
        "means": {name: _means(side if name != "baseline" else side[:1], shown, apis) for name, side in sides.items()},
        "differences": [
            _difference(name, metric, sides, numbers, apis) for name in sides if name != "RLAIF" for metric in shown
        ],
        "checkpoints": {
            number: [_checkpoint_row(checkpoints[0], point, apis) for point in checkpoints]
            for number, checkpoints in points.items()
        },
        "training_questions": _training_questions(seeds, numbers),
        "training_rows": f"{len(first.benchmark.train)} from the {rows_from(first.benchmark)}",
        "looks": looks.count(first.recipe.out),
        "unread": {number: results.unread(_log(seed)) for number, seed in zip(numbers, seeds, strict=True)},
        "curves": {number: results.curve(_log(seed), CURVES) for number, seed in zip(numbers, seeds, strict=True)},
        "recipe": json.loads(json.dumps(asdict(first.recipe) | {"seeds": numbers}, default=str)),
    }
    out = first.recipe.out / f"report{first.recipe.part}{first.recipe.suffix}"
    out.mkdir(parents=True, exist_ok=True)
    run_directory.write_json(out / run_directory.SUMMARY, summary)
    if shown != METRICS:
        (out / TABLE).write_text(table(summary["means"], shown), encoding="utf-8")
    return summary | {"index": str(write_training(_view(summary, seeds), out))}


def _view(summary: Mapping[str, Any], seeds: Sequence[Seed]) -> TrainingView:
    recipe = seeds[0].recipe
    notes = {
        "SFT": "fine-tuned on the training part",
        "RLAIF": f"then trained with AI feedback, by {recipe.algorithm.upper()}",
        "baseline": Path(recipe.baseline).stem,
        **dict.fromkeys(summary["training_questions"].get("means", {}), "questions that it was trained on"),
    }
    return TrainingView(
        benchmark=summary["benchmark"],
        base=recipe.model or "a new GPT-2",
        labeler=recipe.labeler,
        seeds=summary["seeds"],
        metrics=METRICS,
        further_metrics=shown_metrics(recipe.evaluation.metrics)[len(METRICS) :],
        rows=[
            TrainingRow(name, notes[name], {metric: Interval(**interval) for metric, interval in means.items()})
            for name, means in (summary["means"] | summary["training_questions"].get("means", {})).items()
        ],
        differences=[
            TrainingDifference(**{key: value for key, value in difference.items() if key != "n"})
            for difference in summary["differences"] + summary["training_questions"].get("differences", [])
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
        facts=[*_counts(summary, recipe), *_facts(seeds)],
        recipe=json.dumps(summary["recipe"], indent=2),
    )


def _counts(summary: Mapping[str, Any], recipe: Recipe) -> list[tuple[str, str]]:
    """How often the test questions were looked at, what was left unread, and whether this is a control."""
    number = summary["looks"]
    looked = f"{number} {'setting has' if number == 1 else 'settings have'} been scored on them in {recipe.out.name}/"
    facts = [("looks at the test questions", looked), ("training rows", summary["training_rows"])]
    if any(summary["unread"].values()):
        facts.append(("answers of the training without a readable label", json.dumps(summary["unread"])))
    if recipe.shuffle_rewards:
        facts.append(("control", "the rewards were given to answers at random"))
    if recipe.labeler == "oracle":
        facts.append(("control", "the labeler knows the references"))
    return facts


def _training_questions(seeds: Sequence[Seed], numbers: Sequence[int]) -> dict[str, Any]:
    """``ast.exact`` on training questions, before and after; empty if they were not answered."""
    if not all((seed.training_run(name) / run_directory.SCORES).exists() for seed in seeds for name in ("sft", "last")):
        return {}
    apis = {item.id: item.api for item in seeds[0].benchmark.train}
    names = {f"{name}, training questions": run for name, run in (("SFT", "sft"), ("RLAIF", "last"))}
    sides = {name: [scores(seed.training_run(run))[LEARNT] for seed in seeds] for name, run in names.items()}
    start, last = sides
    by_seed = zip(numbers, sides[start], sides[last], strict=True)
    return {
        "means": {name: {LEARNT: _interval(results.mean(runs, apis))} for name, runs in sides.items()},
        "differences": [
            {
                "name": "RLAIF - SFT, training questions",
                "metric": LEARNT,
                **_interval(results.difference(sides[start], sides[last], apis)),
                "seeds": {number: results.difference([old], [new], apis).value for number, old, new in by_seed},
            }
        ],
    }


def _facts(seeds: Sequence[Seed]) -> list[tuple[str, str]]:
    """What the numbers depend on besides the recipe."""
    facts = [("data", seeds[0].benchmark.digest), ("sandbox", json.dumps(seeds[0].sandbox.describe(), sort_keys=True))]
    if seeds[0].recipe.algorithm in OFFLINE:
        facts.append(
            ("reward", "from the labeler, for answers drawn from the start and from each checkpoint: it learns offline")
        )
    if seeds[0].recipe.algorithm == "rejection":
        facts.append(("control", "fine-tuning on the best of the drawn answers (best of n)"))
    for seed in seeds:
        number = seed.recipe.seeds[0]
        reports = {"labels": "feedback/labels/*/manifest.json", "reward model": "reward/model/report.json"}
        facts += [
            (f"seed {number}: {name}", path.read_text(encoding="utf-8"))
            for name, pattern in reports.items()
            for path in sorted(seed.folder.glob(pattern))
        ]
    return facts


def check_baseline(recipe: Recipe, data_dir: Path | None) -> None:
    """Checks that the baseline's answers are here, before hours of training.

    Raises:
        UsageError: they are not.
    """
    if recipe.baseline and not find_responses(recipe.baseline, data_dir).is_file():
        raise UsageError(
            f"baseline {recipe.baseline}: there is no such file, nor one of that name among the released answers; "
            "`apigauge benchmarks fetch` downloads them"
        )


def _baseline(seed: Seed, data_dir: Path | None) -> Path:
    """Scores the baseline's released answers as the checkpoints' answers are scored."""
    out = seed.recipe.out / "baseline"
    file = find_responses(seed.recipe.baseline, data_dir)
    inputs = {
        "file": file.name,
        "answers": file_digest(file),
        "data": data_digest(seed.benchmark),
        "scorer": scorer_digest(seed.scored),
        "sandbox": seed.sandbox.describe(),
    }

    def make() -> None:
        scored(seed.benchmark, Replay(str(file)), out, seed.sandbox, seed.scored)

    once(out, inputs, make, resumes=True)
    return out


def _checkpoints(seed: Seed) -> list[Checkpoint]:
    """The start (the fine-tuned model), and every scored checkpoint."""
    metrics = shown_metrics(seed.recipe.evaluation.metrics)
    rewards = {int(row["step"]): float(row["reward"]) for row in _log(seed)}
    start = rewards[min(rewards)]
    if (path := seed.start / run_directory.SUMMARY).exists():
        start = float(run_directory.read_json(path)["reward"])
    checkpoints = [Checkpoint(0, start, scores(seed.sft_run, metrics))]
    for path in sorted(seed.runs.glob("step-*")):
        step = int(path.name.removeprefix("step-"))
        since = [reward for at, reward in rewards.items() if checkpoints[-1].step < at <= step]
        checkpoints.append(Checkpoint(step, sum(since) / len(since), scores(path, metrics)))
    return checkpoints


def _log(seed: Seed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (seed.trained / LOG).read_text(encoding="utf-8").splitlines()]


def scores(run: Path, metrics: Sequence[str] = METRICS) -> _Run:
    """By metric, the score of each item in a run."""
    rows = cast("list[ScoreRow]", run_directory.read_rows(run / run_directory.SCORES))
    return {
        metric: {row["item"]: row["metrics"][metric] for row in rows if metric in row["metrics"]} for metric in metrics
    }


def _means(side: Sequence[_Run], metrics: Sequence[str], apis: Mapping[str, str]) -> dict[str, Any]:
    return {metric: _interval(results.mean([run[metric] for run in side], apis)) for metric in metrics}


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
