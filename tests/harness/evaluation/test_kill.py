"""The fault: a run is killed with SIGKILL at any instant. Nothing is lost but the answer in flight, nothing stands twice.

A fix could be wrong by passing for kills between rows only (so the moments are spread over the whole run, start-up
included), by counting an item as answered that has only some of its answers (so each item has several), by rewriting the
files at the end (so what is there after the kill must still be there after resuming), or by leaving workers behind.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from few import few

from apigauge.benchmarks import load_benchmark

pytestmark = pytest.mark.slow

SAMPLES = 27  # of 56 items: 1512 answers
MOMENTS = 20
MARKER = "APIGAUGE_TEST_KILL"


@pytest.fixture(scope="module")
def responses(tmp_path_factory):
    """1512 answers; those to one item stand next to each other."""
    items = load_benchmark("mini").items
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, item in enumerate(items):
            for sample in range(SAMPLES):
                other = items[(number + sample // 3) % len(items)]
                text = f"<<<api_call>>>: {other.reference_call}\n<<<code>>>: {other.reference_program}# {sample}"
                file.write(json.dumps({"item": item.id, "sample": sample, "text": text}) + "\n")
    return path


def command(responses, out):
    arguments = ["score", "--benchmark", "mini", "--responses", responses, "--out", out, "--workers", "2"]
    return [sys.executable, "-m", "apigauge", *arguments, "--metrics", "ast_match", "rouge", "--json"]


def start(responses, out, marker):
    """The run, in a separate session, its processes marked by their environment."""
    return subprocess.Popen(
        command(responses, out),
        env=os.environ | {MARKER: marker},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def finish(responses, out):
    done = subprocess.run(command(responses, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["metrics"]


def marked(marker):
    """Processes that live and carry the marker; a zombie's environment is empty."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"{MARKER}={marker}".encode() in (entry / "environ").read_bytes():
                    pids.append(int(entry.name))
            except OSError:
                continue
    return pids


def gone(marker, seconds=5.0):
    deadline = time.monotonic() + seconds
    while marked(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not marked(marker)


def rows(path):
    """Whole lines by key; fails on a key that stands twice."""
    if not path.exists():
        return {}
    rows_by_key = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        row = json.loads(line)
        key = (row["item"], row["sample"])
        assert key not in rows_by_key, f"{path.name}: {key} stands twice"
        rows_by_key[key] = row
    return rows_by_key


@pytest.fixture(scope="module")
def undisturbed(responses, tmp_path_factory):
    """Rows, metrics and duration of a run that is not killed."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    began = time.monotonic()
    metrics = finish(responses, out)
    seconds = time.monotonic() - began
    answers, scores = rows(out / "generations.jsonl"), rows(out / "scores.jsonl")
    assert len(answers) == len(scores) == 56 * SAMPLES
    return answers, scores, metrics, seconds


def moment(number, seconds):
    """One random moment in each twentieth of the run."""
    return seconds * (number + random.Random(number).random()) / MOMENTS


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", few(range(MOMENTS), 7))
def test_a_run_killed_at_any_moment_goes_on_to_the_undisturbed_result(tmp_path, responses, undisturbed, number):
    answers, scores, metrics, seconds = undisturbed
    marker, out = uuid.uuid4().hex, tmp_path / "run"
    process = start(responses, out, marker)
    time.sleep(moment(number, seconds))
    with contextlib.suppress(ProcessLookupError):  # it may be done already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    held = [rows(out / name) for name in ("generations.jsonl", "scores.jsonl")]
    assert gone(marker), f"still there: {marked(marker)}"
    assert finish(responses, out) == metrics
    for name, before, expected in zip(("generations.jsonl", "scores.jsonl"), held, (answers, scores), strict=True):
        assert rows(out / name) == expected
        assert before.items() <= expected.items()
    assert not [left.name for left in out.iterdir() if left.name.endswith(".tmp")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_workers_end_when_only_the_process_that_started_them_is_killed(tmp_path, responses):
    marker, out = uuid.uuid4().hex, tmp_path / "run"
    process = start(responses, out, marker)
    try:
        deadline = time.monotonic() + 60
        while not rows(out / "scores.jsonl") and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.poll() is None, "the run ended before it could be killed"
        assert len(marked(marker)) >= 3, "a run with two workers has three processes or more"
        process.kill()
        process.wait()
        assert gone(marker, seconds=10.0), f"still there: {marked(marker)}"
    finally:
        for left in marked(marker):
            os.kill(left, signal.SIGKILL)
