"""Trainings by trl's trainers for tests: ``python trl_training.py ALGORITHM START OUT FATE [NUMBER]``.

It kills itself with SIGKILL at the NUMBERth time that FATE comes up: ``rename`` (a checkpoint is written, but not renamed yet),
``torn`` (trl has written half of one), ``learn`` (in the middle of a step's updates), or ``none``.
"""

import sys
from pathlib import Path

import torch
from ppo_training import die_at

from apigauge.harness.plugins.rlaif import checkpoints, trl_trainers
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair

WORDS = list("abcdefgh")
# Of several lengths, so that some are padded.
PROMPTS = ["a", "b", "g", "h", "b c", "h a", "d e f", "c c d", "g g g g", "e f b a"]
OPTIONS = TrainOptions(
    steps=5,
    batch=8,
    minibatch=4,
    microbatch=2,
    epochs=2,
    max_new_tokens=4,
    learning_rate=3e-3,
    device="cpu",
    save_every=2,
    seed=5,
)


def score(completions):
    return [len(set(text.split())) + 0.1 * number for number, text in completions]


def first_is_d(completions):
    return [float(text.split()[:1] == ["d"]) for _, text in completions]


def pair(prompt, chosen, rejected, *, ended=(True, True)):
    sides = [
        Labelled(prompt, at, "", prompt, text, 1 - at, {}, end)
        for at, (text, end) in enumerate(zip((chosen, rejected), ended, strict=True))
    ]
    return Pair(*sides, 1.0)


# What ``first_is_d`` prefers, if answers are of one word.
PAIRS = [pair(prompt, "d", word) for prompt in PROMPTS for word in WORDS if word != "d"]


def train(algorithm, start, out, options=OPTIONS, score=score, **more):
    learnt = {"dpo": {"pairs": PAIRS}, "rejection": {"answers": [one.chosen for one in PAIRS]}}.get(algorithm, {})
    return trl_trainers.train(algorithm, str(start), PROMPTS, score, Path(out), options, **learnt, **more)


def main(algorithm, start, out, fate, number="0"):
    places = {
        "rename": (checkpoints.run_directory, "write_json"),  # of the progress, and before that of the manifest
        "torn": (torch, "save"),
        "learn": (torch.optim.AdamW, "step"),
    }
    if fate in places:
        die_at(*places[fate], int(number))
    train(algorithm, start, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
