"""``rlaif.toml``: all settings of a training in one file.

Each table has the options of a stage by name; missing ones have the defaults of the stage's ``Options`` class. An
option that may be None is written ``"none"`` then.
"""

import tomllib
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import cast

from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.retrieved_docs import Retriever
from apigauge.harness.plugins.rlaif import logs
from apigauge.harness.plugins.rlaif.evaluation import EvaluationOptions
from apigauge.harness.plugins.rlaif.feedback import FeedbackOptions
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.registry import check_labeler
from apigauge.harness.plugins.rlaif.new_model import Shape
from apigauge.harness.plugins.rlaif.options import (
    ALGORITHMS,
    LATER,
    OFFLINE,
    TrainOptions,
    check_choice,
    check_options,
)
from apigauge.harness.plugins.rlaif.reward import RewardOptions
from apigauge.harness.plugins.rlaif.sft import SftOptions
from apigauge.harness.plugins.rlaif.toml_tables import Source, read_table
from apigauge.harness.plugins.rlaif.training_rows import TRAINING_ROWS

SANDBOXES = ("auto", "docker", "process")
LEARN_FROM = ("reward", "labeler")
# Not the oracle, which shows the reference.
RETRIEVERS = ("none", "bm25", "bm25-calls")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained, on which data, and what it is compared with.

    Attributes:
        benchmark: provides the training part, and the questions that checkpoints are scored on.
        out: the folder for all results, relative to the recipe's folder.
        model: the checkpoint to start from: a folder, an id of the hub, or ``smollm2-135m``, which ``rlaif fetch``
            fetches; empty for a new one of the shape ``base``.
        training_rows: what is trained on: ``file`` (the benchmark's training file), ``catalogue`` (the rows of its
            catalogue that no evaluation row asks for), or ``either``: the file if it is here.
        retriever: what the policy may read of the catalogue, as for ``--retriever``: none, bm25 or bm25-calls.
        seeds: one training for each.
        baseline: released answers to compare with: a file, or a name that ``benchmarks fetch`` downloads.
        sandbox: where checkpoints' programs run: auto, docker or process.
        accept_no_isolation: whether ``process`` may run them without isolation where bubblewrap does not work.
        labeler: judges answers: static, embeddings, judge, execution, openai:MODEL, hf:ID_OR_PATH or vllm:ID_OR_PATH;
            or the control oracle, which knows the references.
        labeler_options: of the labeler.
        learn_from: ``reward`` (the reward model), or ``labeler`` (the labeler itself, called at every step, without a
            reward model). DPO learns from the labeler's preferences, so there it is always ``labeler``, which also
            scores the answers of each checkpoint.
        algorithm: ppo, rloo, grpo or dpo; or the control rejection: fine-tuning on the answers of ``feedback`` that the
            labeler scores highest (best of n).
        shuffle_rewards: a control: whether the rewards are given to answers at random.
        trackers: additional logs of the training: ``wandb``, ``trackio``.
        evaluation: what checkpoints are scored on.
        base: shape of a new model.
        sft: options of supervised fine-tuning.
        feedback: options of drawing and labelling answers.
        reward: options of the reward model.
        train: options of reinforcement learning.
    """

    benchmark: str
    out: Path = Path("rlaif")
    model: str = ""
    training_rows: str = "file"
    retriever: str = field(default="none", metadata=LATER)
    seeds: tuple[int, ...] = (0,)
    baseline: str = ""
    sandbox: str = "auto"
    accept_no_isolation: bool = False
    labeler: str = "static"
    labeler_options: LabelerOptions = field(default_factory=LabelerOptions)
    learn_from: str = "reward"
    algorithm: str = "ppo"
    shuffle_rewards: bool = False
    trackers: tuple[str, ...] = ()
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    base: Shape = field(default_factory=Shape)
    sft: SftOptions = field(default_factory=SftOptions)
    feedback: FeedbackOptions = field(default_factory=FeedbackOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    train: TrainOptions = field(default_factory=TrainOptions)

    def __post_init__(self) -> None:
        if not self.benchmark:
            raise UsageError("benchmark is missing: name the one to train on")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UsageError(f"seeds is {list(self.seeds)}: needs at least one number, and none twice")
        if min(self.seeds) < 0:
            raise UsageError(f"seeds is {list(self.seeds)}: none may be below 0")
        check_choice("training_rows", self.training_rows, TRAINING_ROWS)
        check_choice("sandbox", self.sandbox, SANDBOXES)
        check_choice("learn_from", self.learn_from, LEARN_FROM)
        check_choice("retriever", self.retriever, RETRIEVERS)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_labeler(self.labeler)
        logs.check_trackers(self.trackers)

    @property
    def prompting(self) -> Prompting:
        """How the policy's prompts are made, in training and in scoring."""
        return Prompting(retriever=cast("Retriever", self.retriever))

    @property
    def part(self) -> str:
        """Of the folders of scores on validation questions; those on test questions have none."""
        return "" if self.evaluation.questions == "test" else f"-{self.evaluation.questions}"

    @property
    def draws_feedback(self) -> bool:
        """Whether the training needs labels of answers that are drawn before it."""
        return self.learn_from == "reward" or self.algorithm in OFFLINE

    @property
    def suffix(self) -> str:
        """Of the folders that each algorithm has for itself; PPO's have none."""
        return "" if self.algorithm == "ppo" else f"-{self.algorithm}"

    def of_seed(self, seed: int) -> "Recipe":
        """This recipe with one seed in every stage."""
        return replace(
            self,
            seeds=(seed,),
            sft=replace(self.sft, seed=seed),
            feedback=replace(self.feedback, seed=seed),
            reward=replace(self.reward, seed=seed),
            train=replace(self.train, seed=seed),
        )


def shipped() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    folder = Path(str(resources.files("apigauge.harness.plugins.rlaif") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(path: Path, algorithm: str | None = None) -> Recipe:
    """Reads a recipe: a file, whose paths are relative to its folder, or the name of one that comes with the package.

    Args:
        path: the file or name.
        algorithm: overrides the recipe's; None keeps it.

    Raises:
        UsageError: the file cannot be read, has unknown keys or values, or options that the algorithm does not use; the
            message has the line.
    """
    start = path.parent
    if not path.exists() and str(path) in shipped():
        path, start = shipped()[str(path)], Path()
    try:
        source = Source(str(path), path.read_text(encoding="utf-8"))
        table = tomllib.loads(source.text)
    except (OSError, ValueError) as error:
        hint = did_you_mean(str(path), shipped()) if not path.exists() else ""
        raise UsageError(f"{path}: cannot be read: {error}{hint}") from error
    recipe = read_table(Recipe, {"benchmark": "", **table}, source)
    recipe = replace(recipe, out=start / recipe.out, algorithm=algorithm or recipe.algorithm)
    try:
        check_options(recipe.algorithm, recipe.train)
    except UsageError as error:
        raise source.about(error, "train", table.get("train", {})) from error
    return replace(recipe, learn_from="labeler") if recipe.algorithm in OFFLINE else recipe
