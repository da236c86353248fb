"""Checkpoints of a fine-tuning that takes hours: killed at any moment, it resumes and reaches the same weights.

The order of the examples is written into the data, since a sampler of transformers would draw it anew after a kill.

This module loads transformers: import it where it is used.
"""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

LOSSES = "losses.jsonl"
_FOLDER = ".progress"
# Batches among which examples are sorted by length, so that a batch has little padding.
_SORTED = 8


def ordered(lengths: Sequence[int], epochs: int, batch: int, seed: int) -> list[int]:
    """The numbers of the examples in the order in which they are learnt, in whole batches.

    Each epoch is shuffled, sorted by length within eight batches, and its batches are shuffled. What is left over of an
    epoch, fewer examples than a batch, is others in each epoch.
    """
    draws = torch.Generator().manual_seed(seed)
    order: list[int] = []
    whole = len(lengths) - len(lengths) % min(batch, len(lengths))
    for _ in range(epochs):
        shuffled = torch.randperm(len(lengths), generator=draws).tolist()[:whole]
        groups = [shuffled[at : at + _SORTED * batch] for at in range(0, whole, _SORTED * batch)]
        near = [row for group in groups for row in sorted(group, key=lambda row: lengths[row])]
        batches = [near[at : at + batch] for at in range(0, whole, batch)]
        order += [row for at in torch.randperm(len(batches), generator=draws).tolist() for row in batches[at]]
    return order


class Progress(transformers.TrainerCallback):  # type: ignore[misc] # transformers has no types here
    """Keeps the last checkpoint, written atomically, and the curve of the loss.

    Args:
        out: the folder of the fine-tuned checkpoint.
        say: told of each checkpoint.
    """

    def __init__(self, out: Path, say: Callable[[str], None]) -> None:
        self._out, self._folder, self._say = out, out / _FOLDER, say
        self._loss = math.nan

    @property
    def work(self) -> Path:
        """Where transformers writes what this class moves."""
        return self._folder / "work"

    def last(self) -> Path | None:
        """The last checkpoint; None if there is none. What a kill left half written is deleted."""
        shutil.rmtree(self.work, ignore_errors=True)
        whole = sorted(self._folder.glob("step-*"))
        for older in whole[:-1]:
            shutil.rmtree(older)
        step = _step(whole[-1]) if whole else 0
        if (path := self._out / LOSSES).exists():  # a row is written before its checkpoint is
            whole_lines = [
                line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1:] == "\n"
            ]
            path.write_text("".join(line for line in whole_lines if json.loads(line)["step"] <= step), encoding="utf-8")
        return whole[-1] if whole else None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The last checkpoint has its loss too, where it comes after fewer steps."""
        control.should_log = control.should_log or state.global_step >= state.max_steps

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        """Keeps the mean loss since the last checkpoint."""
        self._loss = logs.get("loss", self._loss)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - its signature
        """Moves a checkpoint that is complete to where :meth:`last` looks for it."""
        step = state.global_step
        with (self._out / LOSSES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "loss": self._loss}) + "\n")
        old = sorted(self._folder.glob("step-*"))
        (self.work / f"checkpoint-{step}").rename(self._folder / f"step-{step:06d}")
        for one in old:
            shutil.rmtree(one)
        self._say(f"sft: step {step} of {state.max_steps}, loss {self._loss:.3f}")

    def close(self) -> None:
        """Deletes the checkpoints after the training."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("step-"))
