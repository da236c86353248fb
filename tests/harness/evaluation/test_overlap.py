"""Answers are scored and run while further answers are being generated, and a run killed at any moment resumes."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.generation.types import Completion, FixedAnswers
from apigauge.sandboxes.verdict import Verdict

ITEMS = 12


class Slow(FixedAnswers):
    """Makes an answer every so often, and notes when."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.made = seconds, []

    def describe(self):
        return {"spec": "slow", "kind": "slow"}

    def generate(self, benchmark, items, done=()):
        for number, item in enumerate(items):
            time.sleep(self.seconds)
            self.made.append(time.monotonic())
            yield Completion(
                item.id, 0, f"<<<api_call>>>: math.sqrt({number})\n<<<code>>>: import math\nmath.sqrt({number})"
            )


class SlowSandbox:
    """Runs a program for so long, and records when it started."""

    concurrency = 1

    def __init__(self, seconds):
        self.seconds, self.ran = seconds, []

    def describe(self):
        return {"kind": "slow"}

    def run(self, program):
        self.ran.append(time.monotonic())
        time.sleep(self.seconds)
        return Verdict("passed", 4, None, "ran to its end")

    def close(self):
        pass


def test_programs_run_while_answers_are_made(tmp_path):
    benchmark, generator, sandbox = load_benchmark("mini"), Slow(0.1), SlowSandbox(0.1)
    evaluate(benchmark, generator, tmp_path / "run", ["ast_match"], limit=ITEMS, sandbox=sandbox)
    assert len(sandbox.ran) == len(generator.made) == ITEMS
    # Each program starts before the next but one answer is there; one after the other, all answers would come first.
    assert all(ran < made for ran, made in zip(sandbox.ran, generator.made[2:], strict=False))


@pytest.mark.slow
def test_a_run_killed_while_it_answers_goes_on_without_losing_or_doubling_an_answer(tmp_path, tiny_gpt2):
    def command(out):
        options = ["--benchmark", "mini", "--max-new-tokens", "16", "--batch-size", "2", "--no-cache"]
        return [
            sys.executable,
            "-m",
            "apigauge",
            "generate",
            *options,
            "--model",
            f"hf:{tiny_gpt2}",
            "--out",
            str(out),
        ]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    whole = (tmp_path / "whole" / "generations.jsonl").read_text().splitlines()
    moments, kills, file = random.Random(11), 0, tmp_path / "killed" / "generations.jsonl"
    while kills < 4:
        running = subprocess.Popen(command(tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        held = len(file.read_bytes().splitlines()) if file.exists() else 0
        while running.poll() is None and len(file.read_bytes().splitlines() if file.exists() else ()) <= held:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.02))
        if running.poll() is not None:
            break
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        kills += 1
    assert kills >= 3
    subprocess.run(command(tmp_path / "killed"), check=True, capture_output=True)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(json.dumps(row) for row in rows) == sorted(json.dumps(json.loads(line)) for line in whole)
    assert len({(row["item"], row["sample"]) for row in rows}) == len(rows) == 56
