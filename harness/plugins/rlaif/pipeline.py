"""Runs all stages of a recipe once, and scores every checkpoint with the harness.

A seed's folder has ``base`` (a new model, if needed), ``sft``, ``feedback``, ``reward``, ``train``, and ``runs`` with a
run for each scored checkpoint. A stage whose inputs changed runs again. Killed at any moment and called again, the
pipeline resumes and produces the same numbers.

This module loads torch: import it where it is used.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.evaluation.rescore import score_run
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Generator
from apigauge.harness.metrics.registry import modules_for
from apigauge.harness.plugins.rlaif import checkpoints, feedback, new_model, ppo, reward, sft, trl_trainers
from apigauge.harness.plugins.rlaif.digests import data_digest, file_digest, folder_digest, scorer_digest
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler, scores
from apigauge.harness.plugins.rlaif.labelers.types import Labeler
from apigauge.harness.plugins.rlaif.pairs import Pair, paired, read
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.score import Score
from apigauge.harness.plugins.rlaif.stages import FILE, once
from apigauge.sandboxes.factory import open_sandbox
from apigauge.sandboxes.hubs import stand_in_hub
from apigauge.sandboxes.verdict import Sandbox

STAGES = ("sft", "feedback", "reward", "train")
# Scoring modules for checkpoints.
SCORED = ("ast_match", "executability")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seed:
    """One training of a recipe.

    Attributes:
        recipe: with this seed in every stage.
        folder: of all results.
        benchmark: of the recipe.
        sandbox: where programs run, for scoring and for the labeler ``execution``.
        say: reports progress.
    """

    recipe: Recipe
    folder: Path
    benchmark: Benchmark
    sandbox: Sandbox
    say: Say

    def run(self, until: str = STAGES[-1]) -> None:
        """Runs a stage and those it depends on; finished ones are skipped."""
        needed = STAGES[: STAGES.index(until) + 1]
        if until == "train" and self.recipe.learn_from == "labeler":
            needed = ("sft", "feedback", "train") if self.recipe.algorithm == "dpo" else ("sft", "train")
        for stage in needed:
            self.say(f"seed {self.recipe.seeds[0]}: {stage}")
            getattr(self, f"_{stage}")()

    def _sft(self) -> None:
        rows, start = sft.examples(self.benchmark), self.recipe.model
        if not start:
            shape, base = self.recipe.base, self.folder / "base"
            texts = [text for row in rows for text in row.values()]
            inputs = {"shape": asdict(shape), "data": data_digest(self.benchmark), "seed": self.recipe.seeds[0]}
            once(base, inputs, lambda: _ignore(new_model.create(texts, base, shape, self.recipe.seeds[0])))
            start = str(base)
        out = self.folder / "sft"
        inputs = {
            "base": find(start).describe(),
            "data": data_digest(self.benchmark),
            "options": asdict(self.recipe.sft),
        }
        once(out, inputs, lambda: _ignore(sft.train(start, rows, out, self.recipe.sft)))
        self._score("sft", out)

    def _feedback(self) -> None:
        """Draws answers to the training questions and labels them."""
        out, start = self.folder / "feedback", self.folder / "sft"
        labeler = self._labeler(feedback.labels_folder(out, self.recipe.labeler))
        inputs = {
            "policy": find(str(start)).describe(),
            "data": data_digest(self.benchmark),
            "options": asdict(self.recipe.feedback),
            "labeler": labeler.describe(),
        }

        def make() -> None:
            feedback.collect(f"hf:{start}", self.benchmark, {self.recipe.labeler: labeler}, out, self.recipe.feedback)

        once(out, inputs, make, resumes=True)

    def _reward(self) -> None:
        start, out = self.folder / "sft", self.folder / "reward"
        drawn, labels, digests = self._labels()
        inputs = {
            "base": find(str(start)).describe(),
            **digests,
            "data": data_digest(self.benchmark),
            "scorer": scorer_digest(modules_for(SCORED)),
            "options": asdict(self.recipe.reward),
        }

        def make() -> None:
            # Scores to correlate the rewards with.
            train = replace(self.benchmark, name=f"{self.benchmark.name}, training part", items=self.benchmark.train)
            score_run(train, drawn, modules_for(SCORED), sandbox=self.sandbox)
            answers = read(self.benchmark, drawn, labels, drawn)
            reward.train(str(start), answers, out / "model", self.recipe.reward)

        once(out, inputs, make)

    def _labels(self) -> tuple[Path, Path, dict[str, str]]:
        """The results of the stage ``feedback``: the run of the answers, the file of labels, digests of both."""
        drawn = self.folder / "feedback" / feedback.ANSWERS
        labels = feedback.labels_folder(self.folder / "feedback", self.recipe.labeler) / feedback.ROWS
        files = {"answers": drawn / run_directory.GENERATIONS, "labels": labels}
        return drawn, labels, {name: file_digest(path) for name, path in files.items()}

    def _train(self) -> None:
        start, out = self.folder / "sft", self.folder / "train"
        prompts = [self.benchmark.prompt(item) for item in self.benchmark.train]
        if self.recipe.learn_from == "labeler":
            labeler = self._labeler(None)
            described: Any = labeler.describe()
            score: Score = partial(scores, labeler, self.benchmark.train)
        else:
            model = self.folder / "reward" / "model"
            described, score = folder_digest(model, without=[FILE]), reward.reward_function(model, prompts)
        options, algorithm = self.recipe.train, self.recipe.algorithm
        inputs: dict[str, Any] = {
            "algorithm": algorithm,
            "start": find(str(start)).describe(),
            "data": data_digest(self.benchmark),
            "reward": described,
            "options": asdict(options),
        }
        pairs: list[Pair] = []
        if algorithm == "dpo":
            drawn, labels, digests = self._labels()
            pairs, inputs = paired(read(self.benchmark, drawn, labels))[0], inputs | digests
        train = ppo.train if algorithm == "ppo" else partial(trl_trainers.train, algorithm, pairs=pairs)

        def make() -> None:
            # A killed process may have left a checkpoint that is not scored yet.
            if last := checkpoints.last(out / "checkpoints"):
                self._score_step(last)
            else:  # any runs belong to an earlier training
                for stale in (self.folder / "runs").glob("step-*"):
                    shutil.rmtree(stale)
            train(str(start), prompts, score, out, options, self.recipe.trackers, self._score_step)

        once(out, inputs, make, resumes=True)

    def _labeler(self, folder: Path | None) -> Labeler:
        options = ModelOptions(**asdict(self.recipe.labeler_options))
        return open_labeler(self.recipe.labeler, self.benchmark, folder=folder, options=options, sandbox=self.sandbox)

    def _score_step(self, checkpoint: Path) -> None:
        self._score(checkpoint.name, checkpoint)

    def _score(self, name: str, checkpoint: Path) -> None:
        """Answers the benchmark's questions with a checkpoint, by greedy decoding, and scores the answers."""
        out = self.folder / "runs" / name
        sampling = Sampling(max_new_tokens=self.recipe.train.max_new_tokens)
        inputs = {
            "checkpoint": find(str(checkpoint)).revision,
            "sampling": asdict(sampling),
            "data": data_digest(self.benchmark),
            "scorer": scorer_digest(modules_for(SCORED)),
            "sandbox": self.sandbox.describe(),
        }

        def make() -> None:
            generator = open_generator(f"hf:{checkpoint}", ModelOptions(sampling=sampling, cached=False))
            scored(self.benchmark, generator, out, self.sandbox)

        once(out, inputs, make, resumes=True)


def scored(benchmark: Benchmark, generator: Generator, run: Path, sandbox: Sandbox) -> None:
    """Answers and scores a benchmark into a run directory, with the metrics of checkpoints.

    Raises:
        RunError: the sandbox failed too often, twice; another call runs the programs again.
    """
    summary = evaluate(benchmark, generator, run, modules_for(SCORED), sandbox=sandbox)
    if summary["withheld"]:
        summary, _ = score_run(benchmark, run, modules_for(SCORED), sandbox=sandbox)
    if summary["withheld"]:
        raise RunError(f"{run}: {summary['problems'][-1]}")


@contextmanager
def opened(recipe: Recipe, data_dir: Path | None, say: Say) -> Iterator[list[Seed]]:
    """The trainings of a recipe, one for each seed; their sandbox is closed at the end.

    Raises:
        UsageError: there is no such benchmark.
        SandboxError: the recipe's sandbox is unavailable.
    """
    benchmark = load_benchmark(recipe.benchmark, data_dir)
    sandbox = open_sandbox(
        cast("Literal['auto', 'docker', 'process']", recipe.sandbox),
        benchmark.environment,
        hub=stand_in_hub(benchmark.hub) if benchmark.hub else None,
        inputs=benchmark.inputs,
        accepts_no_isolation=recipe.accept_no_isolation,
        say=say,
    )
    try:
        yield [
            Seed(recipe.of_seed(seed), recipe.out / f"seed-{seed}", benchmark, sandbox, say) for seed in recipe.seeds
        ]
    finally:
        sandbox.close()


def _ignore(_: object) -> None:
    """A stage's result is its folder."""
