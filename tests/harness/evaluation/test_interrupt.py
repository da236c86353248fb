"""Ctrl-C in a terminal reaches every process of the group; only one line may come of it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from apigauge import load_benchmark


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.8, 1.5])
def test_an_interrupt_says_one_line_and_the_same_command_goes_on(tmp_path, seconds, apigauge):
    answers = tmp_path / "answers.jsonl"
    items = load_benchmark("mini").items
    rows = [f'{{"item": "{item.id}", "sample": {n}, "text": "f({n})"}}\n' for n in range(60) for item in items]
    answers.write_text("".join(rows))
    arguments = [
        "run",
        "--benchmark",
        "mini",
        "--model",
        f"replay:{answers}",
        "--out",
        str(tmp_path / "run"),
        "--workers",
        "2",
        "--sandbox",
        "none",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "apigauge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    while not (tmp_path / "run" / "manifest.json").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    if process.returncode != 0:  # it may have been done already
        assert process.returncode == 130
        assert errors.strip() == "apigauge: interrupted; the same command resumes from here"
    done = apigauge(*arguments)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "scores.jsonl").read_text().splitlines()) == len(rows)
