"""Runs all stages of a recipe once, and scores every checkpoint with the harness.

A seed's folder has ``base`` (a new model, if needed), ``sft``, ``feedback``, ``reward``, ``train``, and ``runs`` with a
run for each scored checkpoint; the algorithms besides PPO have a ``train`` and ``runs`` of their own, such as
``train-rloo``. A stage whose inputs changed runs again if the user allows it to be overwritten. Killed at any moment
and called again, the pipeline resumes and produces the same numbers.

This module loads torch: import it where it is used.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import Benchmark, Item
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
from apigauge.harness.plugins.rlaif import checkpoints, feedback, looks, new_model, ppo, reward, sft, trl_trainers
from apigauge.harness.plugins.rlaif.controls import shuffled_labels, shuffled_score
from apigauge.harness.plugins.rlaif.digests import data_digest, file_digest, folder_digest, scorer_digest
from apigauge.harness.plugins.rlaif.evaluation import divided
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler, scores
from apigauge.harness.plugins.rlaif.labelers.types import Labeler
from apigauge.harness.plugins.rlaif.options import OFFLINE, TrainOptions, identity
from apigauge.harness.plugins.rlaif.pairs import Labelled, best, paired, read
from apigauge.harness.plugins.rlaif.policy_prompts import PolicyPrompts, check_room, policy_prompts, with_fitting
from apigauge.harness.plugins.rlaif.pretrained import checkpoint_of
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.score import Score
from apigauge.harness.plugins.rlaif.stages import FILE, once
from apigauge.harness.plugins.rlaif.start_reward import spread, start_reward
from apigauge.harness.plugins.rlaif.training_rows import FROM_FILE, rows_from, with_training_rows
from apigauge.sandboxes.factory import open_sandbox
from apigauge.sandboxes.hubs import stand_in_hub
from apigauge.sandboxes.verdict import Sandbox

STAGES = ("sft", "feedback", "reward", "train")
# Scoring modules for checkpoints.
SCORED = ("ast_match", "executability")
# For the answers to training questions.
LEARNT = ("ast_match",)
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
        overwrites: whether stages that were made with other settings may be deleted.
    """

    recipe: Recipe
    folder: Path
    benchmark: Benchmark
    sandbox: Sandbox
    say: Say
    overwrites: bool = False

    @property
    def trained(self) -> Path:
        """The folder of the training; each algorithm has its own."""
        return self.folder / f"train{self.recipe.suffix}"

    @property
    def runs(self) -> Path:
        """The folder of the scored checkpoints of the training."""
        return self.folder / f"runs{self.recipe.part}{self.recipe.suffix}"

    @property
    def sft_run(self) -> Path:
        """The run of the fine-tuned checkpoint, where each training starts."""
        return self.folder / f"runs{self.recipe.part}" / "sft"

    @property
    def scored(self) -> list[str]:
        """The scoring modules for checkpoints and the baseline."""
        return modules_for((*SCORED, *self.recipe.evaluation.metrics))

    @property
    def start(self) -> Path:
        """The folder with the reward at the start."""
        return self.folder / f"start{self.recipe.suffix}"

    def training_run(self, name: str) -> Path:
        """The run of a checkpoint, ``sft`` or ``last``, on training questions."""
        return self.folder / f"runs-training{'' if name == 'sft' else self.recipe.suffix}" / name

    def run(self, until: str = STAGES[-1]) -> None:
        """Runs a stage and those it depends on; finished ones are skipped."""
        needed = STAGES[: STAGES.index(until) + 1]
        if until == "train" and self.recipe.learn_from == "labeler":
            needed = ("sft", "feedback", "train") if self.recipe.draws_feedback else ("sft", "train")
        for stage in needed:
            self.say(f"seed {self.recipe.seeds[0]}: {stage}")
            getattr(self, f"_{stage}")()

    def _sft(self) -> None:
        items, start = sft.example_items(self.benchmark), checkpoint_of(self.recipe.model)
        if not start:
            shape, base = self.recipe.base, self.folder / "base"
            plain = sft.examples(items, [self.benchmark.prompt(item) for item in items])
            texts = [text for row in plain for text in row.values()]
            inputs = {"shape": asdict(shape), "data": data_digest(self.benchmark), "seed": self.recipe.seeds[0]}
            self._once(base, inputs, lambda: new_model.create(texts, base, shape, self.recipe.seeds[0]))
            start = str(base)
        check_room(start, self.benchmark, self.recipe.prompting)
        out, options = self.folder / "sft", self.recipe.sft
        prompts, is_chat = self._prompts(start, items)
        rows = sft.examples(items, prompts)
        inputs = {
            "base": find(start).describe(),
            "data": data_digest(self.benchmark),
            "options": identity(options),
            **({"prompts": "chat"} if is_chat else {}),
            **self._retrieved(),
        }
        make = partial(sft.train, start, rows, out, options, is_chat=is_chat, say=self.say)
        self._once(out, inputs, make, resumes=bool(options.save_every))
        self._score(self.sft_run, out)

    def _prompts(self, checkpoint: str, items: Sequence[Item]) -> PolicyPrompts:
        return policy_prompts(checkpoint, self.benchmark, items, self.recipe.prompting)

    def _retrieved(self) -> dict[str, str]:
        """What a stage's inputs say besides, if the policy may read the catalogue."""
        return {} if self.recipe.retriever == "none" else {"retriever": self.recipe.retriever}

    def _feedback(self) -> None:
        """Draws answers to the training questions and labels them."""
        out, start = self.folder / "feedback", self.folder / "sft"
        labeler = self._labeler(feedback.labels_folder(out, self.recipe.labeler))
        inputs = {
            "policy": find(str(start)).describe(),
            "data": data_digest(self.benchmark),
            "options": asdict(self.recipe.feedback),
            "labeler": labeler.describe(),
            **self._retrieved(),
        }

        def make() -> None:
            labelers = {self.recipe.labeler: labeler}
            policy, options = f"hf:{start}", self.recipe.feedback
            collected = feedback.collect(policy, self.benchmark, labelers, out, options, self.recipe.prompting)
            self._tell_unread(collected["labelers"][self.recipe.labeler])

        self._once(out, inputs, make, resumes=True)

    def _tell_unread(self, summary: dict[str, Any]) -> None:
        if summary["unparsable"]:
            self.say(
                f"labeler {self.recipe.labeler}: {summary['unparsable']} replies are neither yes nor no; "
                f"{summary['without_score']} of {summary['answers']} answers have no score for that"
            )

    def _reward(self) -> None:
        start, out = self.folder / "sft", self.folder / "reward"
        drawn, labels, digests = self._labels()
        inputs = {
            "base": find(str(start)).describe(),
            **digests,
            "data": data_digest(self.benchmark),
            "scorer": scorer_digest(modules_for(SCORED)),
            "options": identity(self.recipe.reward),
            **self._control(),
        }

        def make() -> None:
            # Scores to correlate the rewards with.
            train = replace(self.benchmark, name=f"{self.benchmark.name}, training part", items=self.benchmark.train)
            score_run(train, drawn, modules_for(SCORED), sandbox=self.sandbox)
            answers = self._controlled(read(self.benchmark, drawn, labels, drawn))
            reward.train(str(start), answers, out / "model", self.recipe.reward)

        self._once(out, inputs, make)

    def _labels(self) -> tuple[Path, Path, dict[str, str]]:
        """The results of the stage ``feedback``: the run of the answers, the file of labels, digests of both."""
        drawn = self.folder / "feedback" / feedback.ANSWERS
        labels = feedback.labels_folder(self.folder / "feedback", self.recipe.labeler) / feedback.ROWS
        answers = drawn / run_directory.GENERATIONS
        return drawn, labels, {"answers": file_digest(answers), "labels": file_digest(labels)}

    def _train(self) -> None:
        start, out = self.folder / "sft", self.trained
        train_items = self.benchmark.train
        prompts, is_chat = self._prompts(str(start), train_items)
        if self.recipe.learn_from == "labeler":
            labeler = self._labeler(None)
            described: Any = labeler.describe()
            score: Score = partial(scores, labeler, self.benchmark.train)
            if self.recipe.shuffle_rewards:
                score = shuffled_score(score, self.recipe.seeds[0])
        else:
            model = self.folder / "reward" / "model"
            described, score = (
                folder_digest(model, without=[FILE]),
                reward.reward_function(model, [self.benchmark.prompt(item) for item in train_items]),
            )
        algorithm = self.recipe.algorithm
        options = replace(self.recipe.train, chat=True) if is_chat else self.recipe.train
        inputs: dict[str, Any] = {
            "algorithm": algorithm,
            "start": find(str(start)).describe(),
            "data": data_digest(self.benchmark),
            "reward": described,
            "options": options.identity(),
            **self._retrieved(),
            **(self._control() if self.recipe.learn_from == "labeler" else {}),
        }
        train = ppo.train if algorithm == "ppo" else partial(trl_trainers.train, algorithm)
        if algorithm in OFFLINE:
            drawn, labels, digests = self._labels()
            prompt_of = dict(zip((item.id for item in train_items), prompts, strict=True))
            answers = [replace(one, prompt=prompt_of[one.item]) for one in read(self.benchmark, drawn, labels)]
            answers, inputs = self._controlled(answers), inputs | digests
            learnt = {"pairs": paired(answers)[0]} if algorithm == "dpo" else {"answers": best(answers)}
            train = partial(trl_trainers.train, algorithm, **learnt)

        def make() -> None:
            # A killed process may have left a checkpoint that is not scored yet.
            if last := checkpoints.last(out / "checkpoints"):
                self._score_step(last)
            else:  # any runs belong to an earlier training
                for part in ("", "-validation"):
                    for stale in (self.folder / f"runs{part}{self.recipe.suffix}").glob("step-*"):
                        shutil.rmtree(stale)
            train(str(start), prompts, score, out, options, self.recipe.trackers, self._score_step)

        self._once(out, inputs, make, resumes=True)
        last = checkpoints.last(out / checkpoints.FOLDER)
        assert last
        self._score_step(last)  # if it was trained while other questions were scored
        if algorithm not in OFFLINE:  # whose first row of the log is of the start, with the prompts of all later ones
            self._measure_start(str(start), prompts, score, options, inputs["reward"])
        if self.recipe.evaluation.train_questions:
            self._score_training(start, "sft")
            self._score_training(last, "last")

    def _control(self) -> dict[str, bool]:
        """What a stage's inputs say besides, if its rewards are shuffled."""
        return {"shuffled": True} if self.recipe.shuffle_rewards else {}

    def _controlled(self, answers: list[Labelled]) -> list[Labelled]:
        return shuffled_labels(answers, self.recipe.seeds[0]) if self.recipe.shuffle_rewards else answers

    def _measure_start(
        self, start: str, prompts: Sequence[str], score: Score, options: TrainOptions, described: Any
    ) -> None:
        sampling = ("temperature", "max_new_tokens", "batch", "draw_batch", "seed", "chat")
        inputs = {
            "start": find(start).describe(),
            "data": data_digest(self.benchmark),
            "reward": described,
            "options": {name: getattr(options, name) for name in sampling},
            **self._retrieved(),
            **self._control(),
        }

        def make() -> None:
            measured = start_reward(start, prompts, score, options)
            run_directory.write_json(self.start / run_directory.SUMMARY, measured)

        once(self.start, inputs, make)

    def _score_training(self, checkpoint: Path, name: str) -> None:
        """Answers training questions, and scores the answers without running them."""
        train = self.benchmark.train
        items = tuple(train[at] for at in spread(len(train), self.recipe.evaluation.train_questions))
        part = replace(
            self.benchmark, name=f"{self.benchmark.name}, training part", items=items, train=(), rows=(), answers=()
        )
        sampling = Sampling(max_new_tokens=self.recipe.train.max_new_tokens)
        out = self.training_run(name)
        inputs = {
            "checkpoint": find(str(checkpoint)).revision,
            "sampling": asdict(sampling),
            "data": data_digest(self.benchmark),
            "items": len(items),
            "scorer": scorer_digest(LEARNT),
            **self._retrieved(),
        }

        def make() -> None:
            evaluate(part, self._answering(checkpoint, sampling), out, modules_for(LEARNT))

        once(out, inputs, make, resumes=True)

    def _once(self, folder: Path, inputs: dict[str, Any], make: Callable[[], object], *, resumes: bool = False) -> None:
        once(folder, inputs, make, resumes=resumes, overwrites=self.overwrites)

    def _labeler(self, folder: Path | None) -> Labeler:
        options = self.recipe.labeler_options
        return open_labeler(
            self.recipe.labeler,
            self.benchmark,
            folder=folder,
            options=options,
            sandbox=self.sandbox,
        )

    def _score_step(self, checkpoint: Path) -> None:
        self._score(self.runs / checkpoint.name, checkpoint)

    def _score(self, out: Path, checkpoint: Path) -> None:
        """Answers the benchmark's questions with a checkpoint, by greedy decoding, and scores the answers."""
        sampling = Sampling(max_new_tokens=self.recipe.train.max_new_tokens)
        inputs = {
            "checkpoint": find(str(checkpoint)).revision,
            "sampling": asdict(sampling),
            "data": data_digest(self.benchmark),
            "scorer": scorer_digest(self.scored),
            "sandbox": self.sandbox.describe(),
            **self._retrieved(),
        }

        def make() -> None:
            if self.recipe.evaluation.questions == "test":
                looks.note(self.recipe, self.folder.parent)
            scored(self.benchmark, self._answering(checkpoint, sampling), out, self.sandbox, self.scored)

        once(out, inputs, make, resumes=True)

    def _answering(self, checkpoint: Path, sampling: Sampling) -> Generator:
        options = ModelOptions(sampling=sampling, prompting=self.recipe.prompting, cached=False)
        return open_generator(f"hf:{checkpoint}", options)


def scored(
    benchmark: Benchmark, generator: Generator, run: Path, sandbox: Sandbox, modules: Sequence[str] = SCORED
) -> None:
    """Answers and scores a benchmark into a run directory.

    Raises:
        RunError: the sandbox failed too often, twice; another call runs the programs again.
    """
    modules = modules_for(modules)
    summary = evaluate(benchmark, generator, run, modules, sandbox=sandbox)
    if summary["withheld"]:
        summary, _ = score_run(benchmark, run, modules, sandbox=sandbox)
    if summary["withheld"]:
        raise RunError(f"{run}: {summary['problems'][-1]}")


@contextmanager
def opened(recipe: Recipe, data_dir: Path | None, say: Say, *, overwrites: bool = False) -> Iterator[list[Seed]]:
    """The trainings of a recipe, one for each seed; their sandbox is closed at the end.

    Args:
        recipe: of the trainings.
        data_dir: where the benchmark's files are, besides the usual places.
        say: reports progress.
        overwrites: whether stages that were made with other settings may be deleted.

    Raises:
        UsageError: there is no such benchmark.
        SandboxError: the recipe's sandbox is unavailable.
    """
    loaded = with_training_rows(load_benchmark(recipe.benchmark, data_dir), recipe.training_rows)
    if recipe.training_rows != FROM_FILE:
        say(f"{len(loaded.train)} training rows, from the {rows_from(loaded)}")
    benchmark = divided(loaded, recipe.evaluation)
    if recipe.model:
        start, longest = checkpoint_of(recipe.model), recipe.train.max_new_tokens
        benchmark = with_fitting(start, benchmark, recipe.prompting, longest, say)
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
            Seed(recipe.of_seed(seed), recipe.out / f"seed-{seed}", benchmark, sandbox, say, overwrites)
            for seed in recipe.seeds
        ]
    finally:
        sandbox.close()
