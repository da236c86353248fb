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


class Waiting(FixedAnswers):
    """Makes an answer only once the program of the answer before the last one runs."""

    def __init__(self, ran):
        super().__init__()
        self.ran = ran

    def describe(self):
        return {"spec": "waiting", "kind": "waiting"}

    def generate(self, benchmark, items, done=()):
        for number, item in enumerate(items):
            deadline = time.monotonic() + 60
            while len(self.ran) < number - 1:
                assert time.monotonic() < deadline, "no program runs while answers are made"
                time.sleep(0.01)
            yield Completion(
                item.id, 0, f"<<<api_call>>>: math.sqrt({number})\n<<<code>>>: import math\nmath.sqrt({number})"
            )


class NotingSandbox:
    """Notes each program when it starts."""

    concurrency = 1

    def __init__(self):
        self.ran = []

    def describe(self):
        return {"kind": "noting"}

    def run(self, program):
        self.ran.append(program)
        return Verdict("passed", 4, None, "ran to its end")

    def close(self):
        pass


def test_programs_run_while_answers_are_made(tmp_path):
    """One after the other, all answers would come first."""
    sandbox = NotingSandbox()
    evaluate(
        load_benchmark("mini"), Waiting(sandbox.ran), tmp_path / "run", ["ast_match"], limit=ITEMS, sandbox=sandbox
    )
    assert len(sandbox.ran) == ITEMS


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
