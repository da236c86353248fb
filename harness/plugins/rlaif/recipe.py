"""``rlaif.toml``: all settings of a training in one file.

Each table has the options of a stage by name; missing ones have the defaults of the stage's ``Options`` class.
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
    """Options of a labeler that is a model, as for ``apigauge run``.

    Attributes:
        base_url: of a server, including ``/v1``; None for ``OPENAI_BASE_URL``, or else OpenAI's.
        concurrency: simultaneous requests to a server.
        timeout: seconds without a response after which a request is repeated.
        dtype: of a checkpoint's weights: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        device: of a checkpoint: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        batch_size: prompts per batch; None finds the largest that fits.
        tensor_parallel: GPUs that one model is distributed over.
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
    """What is trained, on which data, and what it is compared with.

    Attributes:
        benchmark: provides the training part, and the questions that checkpoints are scored on.
        out: the folder for all results, relative to the recipe's folder.
        model: the checkpoint to start from; empty for a new one of the shape ``base``.
        seeds: one training for each.
        baseline: released answers to compare with: a file, or a name that ``benchmarks fetch`` downloads.
        sandbox: where checkpoints' programs run: auto, docker or process.
        accept_no_isolation: whether ``process`` may run them without isolation where bubblewrap does not work.
        labeler: judges answers: static, execution, openai:MODEL, hf:ID_OR_PATH or vllm:ID_OR_PATH.
        labeler_options: of a labeler that is a model.
        learn_from: ``reward`` (the reward model), or ``labeler`` (the labeler itself, called at every step, without a
            reward model). DPO learns from the labeler's preferences, so there it is always ``labeler``, which also
            scores the answers of each checkpoint.
        algorithm: ppo, rloo, grpo or dpo.
        trackers: additional logs of the training: ``wandb``, ``trackio``.
        base: shape of a new model.
        sft: options of supervised fine-tuning.
        feedback: options of drawing and labelling answers.
        reward: options of the reward model.
        train: options of reinforcement learning.
    """

    benchmark: str
    out: Path = Path("rlaif")
    model: str = ""
    seeds: tuple[int, ...] = (0,)
    baseline: str = ""
    sandbox: str = "auto"
    accept_no_isolation: bool = False
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
        UsageError: the file cannot be read, has unknown keys or values, or options that the algorithm does not use.
    """
    start = path.parent
    if not path.exists() and str(path) in shipped():
        path, start = shipped()[str(path)], Path()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if "benchmark" not in table:
        raise UsageError(f"{path}: benchmark is missing: name the one to train on")
    recipe = _table(Recipe, table, str(path))
    if not recipe.seeds or recipe.learn_from not in ("reward", "labeler"):
        raise UsageError(f"{path}: seeds needs at least one number, and learn_from is reward or labeler")
    check_labeler(recipe.labeler)
    logs.check_trackers(recipe.trackers)
    recipe = replace(recipe, out=start / recipe.out, algorithm=algorithm or recipe.algorithm)
    check_options(recipe.algorithm, recipe.train)
    return replace(recipe, learn_from="labeler") if recipe.algorithm == "dpo" else recipe


def _table(kind: type[_Table], table: Mapping[str, Any], where: str) -> _Table:
    fields_by_name = {one.name: one for one in fields(kind)}  # type: ignore[arg-type] # all are dataclasses
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in fields_by_name or name == "seed":
            raise UsageError(
                f"{where}: there is no {name!r}; the names are: {', '.join(sorted({*fields_by_name} - {'seed'}))}"
            )
        values[name] = _value(value, _default(fields_by_name[name]), f"{where}: {name}")
    return kind(**values)


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _value(value: Any, example: Any, where: str) -> Any:
    """The value converted to the type of its field, which is that of the field's default (``example``)."""
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
        return value  # a field whose default is None
    raise UsageError(f"{where} is {value!r}; its default is {example!r}")
