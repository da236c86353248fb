"""Faults during a recipe: a kill in any stage, a sandbox that fails, a labeler behind a server.

A fix could be wrong by treating a killed stage as finished, by starting over what it should resume, by publishing the
verdicts of a broken sandbox, or by requesting labels that the training does not use.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import little_mini
import pytest
from openai_server import OpenAIServer, good

from apigauge.benchmarks import load_benchmark
from apigauge.errors import RunError
from apigauge.harness.generation.replay import Replay
from apigauge.harness.plugins.rlaif import pipeline, recipe, report
from apigauge.sandboxes.factory import open_sandbox
from apigauge.sandboxes.verdict import Verdict

SMALL = """
benchmark = "../benchmark"
model = "apigauge-mini"
sandbox = "process"
accept_no_isolation = true
[sft]
epochs = 1
learning_rate = 1e-5
[feedback]
samples = 2
limit = 16
temperature = 1.3
max_new_tokens = 100
[train]
steps = 3
batch = 8
minibatch = 8
microbatch = 8
max_new_tokens = 100
save_every = 2
[evaluation]
train_questions = 16
"""
# Each is there while its stage is at work.
MOMENTS = (
    "feedback/answers/generations.jsonl",
    "feedback/labels/static/labels.jsonl",
    "reward/.model.tmp",
    "train/metrics.jsonl",
    "runs/step-000002/generations.jsonl",
)


def launch(folder):
    (folder / "rlaif.toml").write_text(SMALL, encoding="utf-8")
    command = [sys.executable, "-m", "apigauge", "rlaif", "run", "rlaif.toml"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def test_a_context_without_room_for_a_question_is_refused_before_the_training(tmp_path):
    base = "[base]\nvocabulary = 600\nlayers = 1\nwidth = 32\ncontext = 40\n"
    recipe = SMALL.replace('model = "apigauge-mini"\n', "") + base
    little_mini.write(tmp_path / "benchmark")
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "rlaif.toml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "apigauge", "rlaif", "sft", "rlaif.toml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "leave no room for an answer in the model's context of 40 tokens" in done.stderr
    assert not (folder / "rlaif/seed-0/sft").exists()


def finished(folder):
    process = launch(folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    weights = sorted((folder / "rlaif/seed-0").rglob("model.safetensors"))
    summary = json.loads((folder / "rlaif/report/summary.json").read_bytes())
    return {path.relative_to(folder): path.read_bytes() for path in weights}, {**summary, "recipe": None}


@pytest.mark.slow
def test_killed_in_every_stage_it_ends_with_the_same_weights_and_numbers(tmp_path):
    little_mini.write(tmp_path / "benchmark")
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
    for moment in MOMENTS:
        process, awaited = launch(torn), torn / "rlaif/seed-0" / moment
        while not awaited.exists() and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, f"it ended before {moment}: {process.stderr.read()}"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    weights, summary = finished(whole)
    assert finished(torn) == (weights, summary)
    assert len(weights) == 4, "sft, the reward model and two checkpoints"


@pytest.mark.slow
def test_the_recipe_for_a_gpu_runs_with_a_labeler_behind_a_server(tmp_path, monkeypatch):
    """All that ``gpt2-large`` says but its size: bf16, an adapting KL coefficient, a reward model, a model as labeler."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = OpenAIServer()
    server.react = lambda got: good(json.dumps({"answer": "no" if len(got.prompt) % 2 else "yes"}))
    training = recipe.read(Path("gpt2-large"))
    training = replace(
        training,
        benchmark=str(little_mini.write(tmp_path / "benchmark")),
        model="apigauge-mini",
        out=tmp_path / "rlaif",
        seeds=(0,),
        baseline="",
        sandbox="process",
        accept_no_isolation=True,
        labeler_options=replace(training.labeler_options, base_url=server.url, concurrency=2),
        sft=replace(training.sft, epochs=1),
        feedback=replace(training.feedback, limit=12, max_new_tokens=100),
        train=replace(training.train, steps=1, batch=8, minibatch=8, max_new_tokens=100),
    )
    try:
        with pipeline.opened(training, None, lambda _: None) as seeds:
            seeds[0].run()
            summary = report.write(seeds, None)
    finally:
        server.close()
    assert [point["step"] for point in summary["checkpoints"][0]] == [0, 1]
    labels = tmp_path / "rlaif/seed-0/feedback/labels/openai-gpt-3.5-turbo/labels.jsonl"
    assert len(labels.read_text(encoding="utf-8").splitlines()) == 12 * training.feedback.samples
    assert len(server.requests) >= 8 * 12 * training.feedback.samples
    assert {got.body["model"] for got in server.requests} == {"gpt-3.5-turbo"}


class Engine:
    """A real sandbox whose engine is gone until it is back."""

    def __init__(self, sandbox):
        self.sandbox, self.concurrency, self.is_gone = sandbox, sandbox.concurrency, True

    def run(self, program, limits=None):
        return Verdict("infra", 0, reason="the engine is gone") if self.is_gone else self.sandbox.run(program, limits)

    def describe(self):
        return self.sandbox.describe()


@pytest.mark.slow
def test_a_checkpoint_has_no_scores_until_the_sandbox_ran_its_programs(tmp_path):
    mini = load_benchmark("mini")
    sandbox = open_sandbox("process", mini.environment, accepts_no_isolation=True)
    engine = Engine(sandbox)
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        "".join(json.dumps({"item": item.id, "text": item.reference_program}) + "\n" for item in mini.items), "utf-8"
    )
    try:
        with pytest.raises(RunError, match="56 of 56 programs could not be run"):
            pipeline.scored(mini, Replay(str(answers)), tmp_path / "run", engine)
        engine.is_gone = False
        pipeline.scored(mini, Replay(str(answers)), tmp_path / "run", engine)
    finally:
        sandbox.close()
    assert len(report.scores(tmp_path / "run")["exec.rate"]) == 56


@pytest.mark.parametrize(
    ("algorithm", "learn_from", "until", "done"),
    [
        ("ppo", "reward", "train", ["sft", "feedback", "reward", "train"]),
        ("ppo", "labeler", "train", ["sft", "train"]),
        ("dpo", "labeler", "train", ["sft", "feedback", "train"]),
        ("ppo", "labeler", "reward", ["sft", "feedback", "reward"]),
        ("ppo", "labeler", "sft", ["sft"]),
    ],
)
def test_a_stage_runs_after_those_it_depends_on(monkeypatch, tmp_path, algorithm, learn_from, until, done):
    stages = []
    for stage in pipeline.STAGES:
        monkeypatch.setattr(pipeline.Seed, f"_{stage}", lambda _, stage=stage: stages.append(stage))
    training = recipe.Recipe("mini", learn_from=learn_from, algorithm=algorithm)
    pipeline.Seed(training, tmp_path, load_benchmark("mini"), None, lambda _: None).run(until)
    assert stages == done
