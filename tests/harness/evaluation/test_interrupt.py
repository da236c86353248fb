"""Ctrl-C in a terminal reaches every process of the group; only one line may come of it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from few import few

from apigauge import load_benchmark


@pytest.mark.slow
@pytest.mark.parametrize("seconds", few([0.3, 0.0, 0.8, 1.5], 4))
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


@pytest.mark.slow
@pytest.mark.parametrize("seconds", few([0.4, 0.0], 2))
def test_an_interrupt_while_torch_generates_ends_the_process_in_order(tmp_path, seconds, apigauge):
    """A thread left inside torch aborts the process with SIGABRT in two of three runs, after the message."""
    run = tmp_path / "run"
    command = ["run", "--benchmark", "mini", "--model", "hf:apigauge-mini", "--limit", "5", "--no-cache"]
    command += ["--sandbox", "none", "--metrics", "ast_match", "--out", str(run)]
    process = subprocess.Popen(
        [sys.executable, "-m", "apigauge", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    answers = run / "generations.jsonl"
    while not (answers.exists() and answers.stat().st_size) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    if process.returncode != 0:  # it may have been done already
        assert process.returncode == 130, errors
        assert errors.strip().splitlines()[-1] == "apigauge: interrupted; the same command resumes from here"
    before = answers.read_text(encoding="utf-8")
    done = apigauge(*command)
    assert done.returncode == 0, done.stderr
    assert answers.read_text(encoding="utf-8").startswith(before)
    assert len(answers.read_text(encoding="utf-8").splitlines()) == 5


def test_a_process_whose_thread_still_answers_ends_all_the_same():
    """As where a model is in the middle of a long prompt, and no token ends soon."""
    program = (
        "import sys, threading, time\n"
        "import apigauge.harness.cli.main as cli\n"
        "from apigauge.__main__ import main\n"
        "from apigauge.harness.executors.prefetch import prefetch\n"
        "def answers():\n    yield 1\n    time.sleep(600)\n"
        "def interrupted(*_, **__):\n"
        "    next(one for one in prefetch(answers(), 2) if one == 1)\n"
        "    threading.excepthook = lambda *_: None\n"
        "    import atexit\n    atexit.register(print, 'the interpreter ended its threads')\n"
        "    return 130\n"
        "cli.main = interrupted\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, ""), done.stderr


INTERRUPTED_IN_EXEC = """
import signal, sys
import apigauge.__main__ as program
import apigauge.harness.cli.main as commands
import apigauge.harness.executors.prefetch  # a later import would run an exec() of its own, which ends well

def interrupted(arguments):
    exec("import signal; signal.raise_signal(signal.SIGINT)")

signal.signal(signal.SIGINT, signal.default_int_handler)
commands._call = interrupted
sys.argv = ["apigauge", "metrics"]
sys.exit(program.main())
"""


def test_an_interrupt_inside_an_exec_has_the_same_exit_code(tmp_path):
    """As while a library defines data classes; CPython then ends ``python -m`` by the signal, and a caller sees -2."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_IN_EXEC, encoding="utf-8")
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "apigauge: interrupted; the same command resumes from here\n")
