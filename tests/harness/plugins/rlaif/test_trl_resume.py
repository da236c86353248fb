"""The fault: a training by trl is killed at any instant. Called again, it resumes and ends with the same weights, bit for bit.

A fix could be wrong by taking up trl's state between two steps of the optimizer that share drawn answers, by losing the
generator, the optimizer or the learning rate, by using other prompts or pairs than the undisturbed training, by accepting
an incomplete checkpoint of trl, or by letting the scoring of a checkpoint change the random numbers that follow.
"""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
import trl_training
from few import few
from safetensors.torch import load_file
from tiny_checkpoints import save_words
from trl_training import OPTIONS, WORDS, train

from apigauge.errors import RunError

ALL = ("rloo", "grpo", "dpo", "rejection")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return save_words(tmp_path_factory.mktemp("words") / "start", WORDS)


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    for algorithm in ALL:
        train(algorithm, start, folder / algorithm)
    return folder


def numbers(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def check_same(out, expected):
    """Which checkpoints there are, their weights, optimizers and generators, and all numbers."""
    names = [[one.name for one in sorted((folder / "checkpoints").iterdir())] for folder in (out, expected)]
    assert names[0] == names[1]
    assert numbers(out) == numbers(expected)
    for file in (one.relative_to(expected) for one in (expected / "checkpoints").rglob("*.safetensors")):
        actual, wanted = load_file(out / file), load_file(expected / file)
        assert actual.keys() == wanted.keys()
        assert all(torch.equal(actual[key], wanted[key]) for key in wanted), file
    for name in names[0]:
        same = [one.name for one in (expected / "checkpoints" / name).rglob("*.pt*")]
        assert sorted(same) == ["optimizer.pt", "rng_state.pth", "scheduler.pt"]
    assert not (out / ".trl").exists()


class Stop(Exception):  # noqa: N818 - no error
    pass


def stopped(algorithm, start, out, options, at):
    """A training that its score function ends when it is called so often."""
    calls = 0

    def score(completions):
        nonlocal calls
        calls += 1
        if calls == at:
            raise Stop
        return trl_training.score(completions)

    with pytest.raises(Stop):
        train(algorithm, start, out, options, score)


@pytest.mark.parametrize("algorithm", ALL)
def test_equal_seeds_give_equal_weights_and_others_do_not(start, undisturbed, tmp_path, algorithm):
    train(algorithm, start, tmp_path / "same", saved=lambda _: torch.rand(9))
    check_same(tmp_path / "same", undisturbed / algorithm)
    train(algorithm, start, tmp_path / "other", dataclasses.replace(OPTIONS, seed=6))
    with pytest.raises(AssertionError):
        check_same(tmp_path / "other", undisturbed / algorithm)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", few(ALL, 4))
def test_a_training_stopped_anywhere_resumes_to_the_same_weights(start, undisturbed, tmp_path, algorithm):
    # What trains on given examples is scored at the start and at every checkpoint; the others in every step.
    for at in range(1, 5 if algorithm in ("dpo", "rejection") else 6):
        out = tmp_path / f"stopped-{at}"
        stopped(algorithm, start, out, OPTIONS, at)
        assert train(algorithm, start, out) == out / "checkpoints" / "step-000005"
        check_same(out, undisturbed / algorithm)


@pytest.mark.parametrize("algorithm", ALL)
def test_a_training_of_adapters_resumes_to_the_same_weights(start, tmp_path, algorithm):
    options = dataclasses.replace(OPTIONS, lora=2, learning_rate=1e-2)
    train(algorithm, start, tmp_path / "undisturbed", options)
    stopped(algorithm, start, tmp_path / "out", options, 3)
    train(algorithm, start, tmp_path / "out", options)
    check_same(tmp_path / "out", tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "fate", "number"),
    few(
        [
            ("rloo", "torn", 4),
            ("rloo", "rename", 3),
            ("rloo", "learn", 10),
            ("grpo", "rename", 2),
            ("dpo", "learn", 15),
            ("dpo", "torn", 5),
            ("dpo", "rename", 3),
            ("grpo", "learn", 11),
        ],
        4,
    ),
)
def test_a_training_killed_at_a_bad_moment_resumes_to_the_same_weights(
    start, undisturbed, tmp_path, algorithm, fate, number
):
    command = [sys.executable, trl_training.__file__, algorithm, start, tmp_path / "out", fate, number]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    killed = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    train(algorithm, start, tmp_path / "out")
    check_same(tmp_path / "out", undisturbed / algorithm)


def test_a_finished_training_is_not_repeated(start, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed / "rloo", tmp_path / "out")
    trained = train("rloo", start, out, score=lambda _: pytest.fail("asked"))
    assert trained == out / "checkpoints" / "step-000005"
    check_same(out, undisturbed / "rloo")


def test_the_folder_of_another_algorithm_is_refused(start, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed / "rloo", tmp_path / "out")
    with pytest.raises(RunError, match="algorithm was 'rloo' and is 'grpo'"):
        train("grpo", start, out)
    check_same(out, undisturbed / "rloo")
