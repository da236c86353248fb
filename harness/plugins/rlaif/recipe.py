"""``rlaif.toml``: everything that a training is made of, in one file.

Each table is the options of a stage by their own names; what is left out is as in the stage's own ``...Options``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif import logs
from apigauge.harness.plugins.rlaif.feedback import FeedbackOptions
from apigauge.harness.plugins.rlaif.labelers.registry import check_labeler
from apigauge.harness.plugins.rlaif.new_model import Shape
from apigauge.harness.plugins.rlaif.options import TrainOptions, check_options
from apigauge.harness.plugins.rlaif.reward import RewardOptions
from apigauge.harness.plugins.rlaif.sft import SftOptions

_Table = TypeVar("_Table")


@dataclass(frozen=True, slots=True)
class LabelerOptions:
    """How a labeler that is a model is run, as by the options of ``apigauge run``.

    Attributes:
        base_url: of a server, up to and with ``/v1``; None for OpenAI's, or as ``OPENAI_BASE_URL`` says.
        concurrency: requests to a server at one time.
        timeout: seconds without an answer after which a request is tried again.
        dtype: of a checkpoint's weights: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        device: of a checkpoint: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        batch_size: prompts answered at once; None finds out what fits.
        tensor_parallel: GPUs that one model is spread over.
    """

    base_url: str | None = None
    concurrency: int = 8
    timeout: float = 120.0
    dtype: str = "auto"
    device: str = "auto"
    batch_size: int | None = None
    tensor_parallel: int = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained, on what, and what it is held against.

    Attributes:
        benchmark: whose training part is learnt, and whose questions the checkpoints answer.
        out: the folder for everything, from the recipe's own on.
        model: the checkpoint to begin with; empty for a new one, as ``base`` says.
        seeds: one training for each.
        baseline: released answers to hold the result against: a file, or a name that ``benchmarks fetch`` brings.
        sandbox: where checkpoints' programs run: auto, docker or process.
        labeler: who judges answers: static, execution, openai:MODEL, hf:ID_OR_PATH or vllm:ID_OR_PATH.
        labeler_options: of a labeler that is a model.
        learn_from: ``reward`` (the reward model), or ``labeler`` (the labeler itself, asked at every step; there is no
            reward model then). DPO learns from the labeler's preferences, so it is always ``labeler``, which then says
            at every checkpoint what its answers are worth.
        algorithm: ppo, rloo, grpo or dpo.
        trackers: ``wandb`` and ``trackio``, if the training's numbers shall go there too.
        base: shape of a new model.
        sft: of supervised fine-tuning.
        feedback: of drawing and labelling answers.
        reward: of the reward model.
        train: of reinforcement learning.
    """

    benchmark: str
    out: Path = Path("rlaif")
    model: str = ""
    seeds: tuple[int, ...] = (0,)
    baseline: str = ""
    sandbox: str = "auto"
    labeler: str = "static"
    labeler_options: LabelerOptions = field(default_factory=LabelerOptions)
    learn_from: str = "reward"
    algorithm: str = "ppo"
    trackers: tuple[str, ...] = ()
    base: Shape = field(default_factory=Shape)
    sft: SftOptions = field(default_factory=SftOptions)
    feedback: FeedbackOptions = field(default_factory=FeedbackOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    train: TrainOptions = field(default_factory=TrainOptions)

    def of_seed(self, seed: int) -> "Recipe":
        """With that seed in every stage."""
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
    """Reads a recipe: a file, whose paths start from its own folder, or the name of one that comes with the package.

    Args:
        path: the file or name.
        algorithm: to train by; None for what the recipe says.

    Raises:
        UsageError: it cannot be read, or says what there is not, or what the algorithm has no use for.
    """
    start = path.parent
    if not path.exists() and str(path) in shipped():
        path, start = shipped()[str(path)], Path()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if "benchmark" not in told:
        raise UsageError(f"{path}: benchmark is missing: whose training part is learnt?")
    recipe = _table(Recipe, told, str(path))
    if not recipe.seeds or recipe.learn_from not in ("reward", "labeler"):
        raise UsageError(f"{path}: give at least one of seeds, and learn_from as reward or labeler")
    check_labeler(recipe.labeler)
    logs.check_trackers(recipe.trackers)
    recipe = replace(recipe, out=start / recipe.out, algorithm=algorithm or recipe.algorithm)
    check_options(recipe.algorithm, recipe.train)
    return replace(recipe, learn_from="labeler") if recipe.algorithm == "dpo" else recipe


def _table(kind: type[_Table], told: Mapping[str, Any], where: str) -> _Table:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type] # all are dataclasses
    values: dict[str, Any] = {}
    for name, value in told.items():
        if name not in known or name == "seed":
            raise UsageError(f"{where}: there is no {name!r}; there are: {', '.join(sorted({*known} - {'seed'}))}")
        values[name] = _value(value, _default(known[name]), f"{where}: {name}")
    return kind(**values)


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _value(value: Any, example: Any, where: str) -> Any:
    """The value as its field has it; an example of that is the field's default."""
    if hasattr(example, "__dataclass_fields__"):
        if not isinstance(value, dict):
            raise UsageError(f"{where} is a table, not {value!r}")
        return _table(type(example), value, where)
    if isinstance(example, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(example, Path) and isinstance(value, str):
        return Path(value)
    if isinstance(example, float) and type(value) is int:
        return float(value)
    if type(value) is type(example) or not isinstance(example, bool | int | float | str | tuple | Path):
        return value  # fields without a plain default, or None
    raise UsageError(f"{where} is {value!r}; its default is {example!r}")
