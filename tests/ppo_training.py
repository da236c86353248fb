"""A training for the tests of resuming: ``python ppo_training.py START OUT FATE [NUMBER]``.

It kills itself with SIGKILL at the NUMBERth time that FATE comes up: ``rename`` (a checkpoint is written, but not renamed yet),
``renamed`` (it is renamed, and older ones still exist), ``delete`` (half of an old one is deleted), ``learn`` (in the middle of a
step's updates), ``log`` (a step is done and logged, but not saved), or ``none``.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from apigauge.harness.plugins.rlaif import checkpoints, ppo
from apigauge.harness.plugins.rlaif.options import TrainOptions

PROMPTS = ["a b c", "d", "e f", "g g g g", "h"]
OPTIONS = TrainOptions(
    steps=9,
    batch=8,
    minibatch=4,
    microbatch=3,
    epochs=2,
    max_new_tokens=4,
    learning_rate=3e-3,
    normalise_scores=True,
    device="cpu",
    save_every=2,
    seed=5,
)


def score(completions):
    return [len(set(text.split())) + 0.1 * number for number, text in completions]


def die_at(owner, name, number, *, half=lambda *_: None):
    """Kills this process at the NUMBERth call of a function, which has been half done if there is a way."""
    original, calls = getattr(owner, name), 0

    def deadly(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == number:
            half(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(owner, name, deadly)


def _half_deleted(folder):
    (folder / "progress.json").unlink()


def main(start, out, fate, number="0"):
    places = {
        "rename": (Path, "rename"),
        "renamed": (checkpoints, "best"),
        "delete": (shutil, "rmtree"),
        "learn": (ppo.Trainer, "_learn_minibatch"),
        "log": (ppo.Trainer, "save"),
    }
    if fate in places:
        half = _half_deleted if fate == "delete" else lambda *_: None
        die_at(*places[fate], int(number), half=half)
    ppo.train(start, PROMPTS, score, Path(out), OPTIONS)


if __name__ == "__main__":
    main(*sys.argv[1:])
