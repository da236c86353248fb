"""Logs of a training: ``metrics.jsonl`` always; TensorBoard, trackers and the terminal where available."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from apigauge.errors import UsageError

METRICS = "metrics.jsonl"
_TRACKERS = ("wandb", "trackio")
_SHOWN = ("reward", "kl", "entropy", "length", "clip_fraction", "kl_coefficient")


class Sample(NamedTuple):
    """An answer to show."""

    prompt: str
    completion: str
    reward: float


def best_and_worst(samples: Sequence[Sample]) -> list[Sample]:
    """A step's answers with the highest and the lowest reward, in their order; one if all rewards are equal."""
    rewards = [sample.reward for sample in samples]
    return [samples[at] for at in sorted({rewards.index(max(rewards)), rewards.index(min(rewards))})]


# Takes a step's number, its metrics and some of its answers.
Log = Callable[[int, Mapping[str, float], Sequence[Sample]], None]


def check_trackers(trackers: Sequence[str]) -> None:
    """Checks the names of trackers.

    Raises:
        UsageError: one is unknown or not installed.
    """
    for name in trackers:
        if name not in _TRACKERS or not find_spec(name):
            raise UsageError(f"tracker {name}: give one of {', '.join(_TRACKERS)}, and install it")


@contextmanager
def logs(out: Path, done: int, steps: int, trackers: Sequence[str], settings: dict[str, Any]) -> Iterator[list[Log]]:
    """Opens all logs of a training.

    Args:
        out: the training's folder.
        done: number of completed steps; entries of later steps are deleted. -1 deletes the entry of step 0, too.
        steps: number of steps in all.
        trackers: ``wandb``, ``trackio``, or none.
        settings: shown by trackers next to the training's name.

    Raises:
        UsageError: a tracker is unknown or not installed.
    """
    check_trackers(trackers)
    console = Console(stderr=True)
    with ExitStack() as stack:
        opened = [_metrics(out / METRICS, done)]
        if find_spec("tensorboard"):
            opened.append(stack.enter_context(_tensorboard(out / "tensorboard", done)))
        opened += [stack.enter_context(_tracker(name, out, settings)) for name in trackers]
        if console.is_terminal:
            opened.append(stack.enter_context(_view(console, steps)))
        yield opened


def _metrics(path: Path, done: int) -> Log:
    """Appends lines to a file, after deleting an incomplete one and those of steps that will be repeated."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    complete = [line for line in lines if json.loads(line)["step"] <= done]
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(b"".join(line + b"\n" for line in complete))
    temporary.replace(path)

    def log(step: int, numbers: Mapping[str, float], _samples: Sequence[Sample]) -> None:
        with path.open("ab") as file:
            file.write(json.dumps({"step": step, **numbers}).encode() + b"\n")

    return log


@contextmanager
def _tensorboard(folder: Path, done: int) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=done + 1) as writer:

        def log(step: int, numbers: Mapping[str, float], samples: Sequence[Sample]) -> None:
            for name, number in numbers.items():
                writer.add_scalar(name, number, step)
            for at, sample in enumerate(samples):
                lines = f"{sample.prompt}\n=> {sample.reward:.3f}\n{sample.completion}".splitlines()
                # Markdown shows indented lines verbatim.
                writer.add_text(f"sample/{at}", "\n".join(f"    {line}" for line in lines), step)
            writer.flush()

        yield log


@contextmanager
def _tracker(name: str, out: Path, settings: dict[str, Any]) -> Iterator[Log]:
    """Weights & Biases, or trackio, which has the same interface."""
    library = import_module(name)
    library.init(project="apigauge-rlaif", name=out.resolve().name, config=settings)
    try:
        yield lambda step, numbers, _samples: library.log(dict(numbers), step=step)
    finally:
        library.finish()


@contextmanager
def _view(console: Console, steps: int) -> Iterator[Log]:
    with Live(console=console, auto_refresh=False) as live:
        yield lambda step, numbers, samples: live.update(shown(step, steps, numbers, samples), refresh=True)


def shown(step: int, steps: int, numbers: Mapping[str, float], samples: Sequence[Sample]) -> Group:
    """A step for the terminal: the main numbers, and some of the policy's answers."""
    table = Table(title=f"step {step} of {steps}")
    names = [name for name in _SHOWN if name in numbers]
    for name in names:
        table.add_column(name, justify="right")
    table.add_row(*(f"{numbers[name]:.4g}" for name in names))
    panels = (Panel(Text(one.completion), title=f"reward {one.reward:.3f}", title_align="left") for one in samples)
    return Group(table, *panels)
