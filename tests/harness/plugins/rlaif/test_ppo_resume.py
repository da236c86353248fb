"""The fault: a training is killed with SIGKILL at any instant. Called again, it resumes and ends with the same weights, bit for bit.

A fix could be wrong by leaving out of a checkpoint what decides later steps (the optimizer, the generator, the prompts still
to come, the coefficient, the moments of the scores), by accepting an incomplete checkpoint, or by counting steps
twice that were logged before the kill and are repeated after it.
"""

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import ppo_training
import pytest
import torch
from few import few
from safetensors.torch import load_file
from tiny_checkpoints import save_words

from apigauge.errors import RunError
from apigauge.harness.plugins.rlaif import checkpoints, ppo


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return save_words(tmp_path_factory.mktemp("words") / "start", list("abcdefgh"))


def launch(start, out, *fate):
    command = [sys.executable, ppo_training.__file__, start, out, *(fate or ("none",))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*map(str, command)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(start, out):
    process = launch(start, out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    began = time.monotonic()
    finish(start, out)
    return out, time.monotonic() - began


def tensors(state, name=""):
    """Everything in a checkpoint's state, flat."""
    if isinstance(state, dict):
        return {key: one for part, inner in state.items() for key, one in tensors(inner, f"{name}/{part}").items()}
    return {name: state}


def numbers(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: one for name, one in row.items() if not name.startswith("seconds")} for row in rows]


def check_same(out, expected):
    """Weights, state, numbers and what checkpoints there are."""
    names = [[one.name for one in sorted((folder / "checkpoints").iterdir())] for folder in (out, expected)]
    assert names[0] == names[1]
    for name in names[0]:
        ours, theirs = (folder / "checkpoints" / name for folder in (out, expected))
        for file in [one.relative_to(theirs) for one in theirs.rglob("*.safetensors")]:
            actual, reference = load_file(ours / file), load_file(theirs / file)
            assert actual.keys() == reference.keys()
            assert all(torch.equal(actual[key], reference[key]) for key in reference), f"{name}/{file}"
        actual, reference = (tensors(torch.load(one / "trainer.pt")) for one in (ours, theirs))
        assert actual.keys() == reference.keys()
        for key, one in reference.items():
            assert torch.equal(actual[key], one) if isinstance(one, torch.Tensor) else actual[key] == one, (
                f"{name}{key}"
            )
    assert numbers(out) == numbers(expected)


def test_the_last_two_checkpoints_and_the_best_are_kept(undisturbed):
    out, _ = undisturbed
    rows = numbers(out)
    assert [row["step"] for row in rows] == list(range(1, 10))
    spans = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]
    means = {end: sum(row["reward"] for row in rows[begin:end]) / (end - begin) for begin, end in spans}
    best = max(means, key=means.get)
    assert {one.name for one in (out / "checkpoints").iterdir()} == {f"step-{end:06d}" for end in {8, 9, best}}
    assert checkpoints.best(out / "checkpoints").name == f"step-{best:06d}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fate", "number"),
    few(
        [
            *(("rename", 2), ("rename", 1), ("renamed", 3), ("delete", 1)),
            *(("learn", 23), ("learn", 3), ("log", 1), ("log", 4)),
        ],
        4,
    ),
)
def test_a_training_killed_at_a_bad_moment_resumes_to_the_same_weights(start, undisturbed, tmp_path, fate, number):
    process = launch(start, tmp_path / "out", fate, number)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    finish(start, tmp_path / "out")
    check_same(tmp_path / "out", undisturbed[0])


@pytest.mark.slow
def test_a_training_killed_at_random_moments_resumes_to_the_same_weights(start, undisturbed, tmp_path):
    expected, seconds = undisturbed
    draw, killed = random.Random(0), 0
    for number in range(6):
        process = launch(start, tmp_path / "out")
        # Later and later, so that they fall into importing, loading and every part of a step; the first surely, however
        # busy the machine was when the time was taken.
        time.sleep(seconds * (0.1 + number * 0.16 + draw.random() * 0.1))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed
    finish(start, tmp_path / "out")
    check_same(tmp_path / "out", expected)


class Stop(Exception):  # noqa: N818 - no error
    pass


def stopped(start, out, options, at):
    """A training that its score function ends in a step."""
    steps = 0

    def score(completions):
        nonlocal steps
        steps += 1
        if steps == at:
            raise Stop
        return ppo_training.score(completions)

    with pytest.raises(Stop):
        ppo.train(str(start), ppo_training.PROMPTS, score, out, options)


@pytest.mark.parametrize("changes", [{}, {"lora": 2}], ids=["weights", "adapters"])
def test_a_training_stopped_in_any_step_resumes_to_the_same_weights(start, tmp_path, changes):
    options = dataclasses.replace(ppo_training.OPTIONS, steps=5, **changes)
    arguments = ppo_training.PROMPTS, ppo_training.score
    ppo.train(str(start), *arguments, tmp_path / "undisturbed", options)
    for at in range(1, 6):
        out = tmp_path / f"stopped-{at}"
        stopped(start, out, options, at)
        assert ppo.train(str(start), *arguments, out, options) == out / "checkpoints" / "step-000005"
        check_same(out, tmp_path / "undisturbed")


def forget_optimizer(trainer):
    trainer.optimizer = torch.optim.Adam(trainer.parameters, lr=1.0, eps=1e-5)


FORGOTTEN = {
    "optimizer": forget_optimizer,
    "generator": lambda trainer: trainer.draws.manual_seed(5),
    "prompts": lambda trainer: setattr(trainer, "waiting", []),
    "coefficient": lambda trainer: setattr(trainer, "coefficient", trainer.options.kl_coefficient),
    "moments": lambda trainer: setattr(trainer, "moments", ppo.Moments()),
    "step": lambda trainer: setattr(trainer, "step", 0),
    "value head": lambda trainer: torch.nn.init.zeros_(trainer.policy.head.weight),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_forgetting_any_part_of_the_state_is_caught_by_the_check(start, tmp_path, monkeypatch, what):
    options = dataclasses.replace(ppo_training.OPTIONS, steps=4)
    arguments = ppo_training.PROMPTS, ppo_training.score
    ppo.train(str(start), *arguments, tmp_path / "undisturbed", options)
    stopped(start, tmp_path / "out", options, 4)
    restore = ppo.Trainer.restore

    def forgetful(trainer, checkpoint):
        restore(trainer, checkpoint)
        FORGOTTEN[what](trainer)

    def go_on():
        ppo.train(str(start), *arguments, tmp_path / "out", options)
        check_same(tmp_path / "out", tmp_path / "undisturbed")

    monkeypatch.setattr(ppo.Trainer, "restore", forgetful)
    with pytest.raises((AssertionError, OSError)):
        go_on()


def test_a_finished_training_is_not_repeated(start, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed[0], tmp_path / "out")
    trained = ppo.train(str(start), ppo_training.PROMPTS, lambda _: pytest.fail("asked"), out, ppo_training.OPTIONS)
    assert trained == out / "checkpoints" / "step-000009"
    check_same(out, undisturbed[0])


def test_the_folder_of_another_training_is_refused(start, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed[0], tmp_path / "out")
    options = dataclasses.replace(ppo_training.OPTIONS, lam=0.5)
    with pytest.raises(RunError, match=r"options\.lam was 0\.95 and is 0\.5"):
        ppo.train(str(start), ppo_training.PROMPTS, ppo_training.score, out, options)
    with pytest.raises(RunError, match="prompts_sha256"):
        ppo.train(str(start), ["a"], ppo_training.score, out, ppo_training.OPTIONS)
    check_same(out, undisturbed[0])


def test_the_global_random_state_is_neither_used_nor_changed(start, tmp_path):
    options = dataclasses.replace(ppo_training.OPTIONS, steps=2, lora=2)
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        ppo.train(str(start), ppo_training.PROMPTS, ppo_training.score, tmp_path / str(seed), options)
        assert torch.equal(torch.get_rng_state(), before)
    check_same(tmp_path / "1", tmp_path / "2")


def test_an_incomplete_line_of_metrics_is_dropped(start, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed[0], tmp_path / "out")
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"step": 10, "rew')
    ppo.train(str(start), ppo_training.PROMPTS, ppo_training.score, out, ppo_training.OPTIONS)
    check_same(out, undisturbed[0])
