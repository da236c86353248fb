"""Completion as the shells ask for it, and the code that makes them ask."""

import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with a run, a folder of runs, and an `apigauge` on the path."""
    folder = tmp_path_factory.mktemp("completion")
    for name in ("mine", "nested/inner"):
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "manifest.json").write_text('{"benchmark": {"name": "mini"}, "generator": {}}')
    (folder / "runs" / ".hidden").mkdir()
    command = folder / "bin" / "apigauge"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m apigauge "$@"\n')
    command.chmod(0o755)
    return folder


def completions(folder, line):
    """What the process writes to file descriptor 8, which is how argcomplete's shell code reads it."""
    variables = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m apigauge 8>&1 9>&2 1>/dev/null"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split("\n") if done.stdout else []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("apigauge ru", ["run", "runs"]),
        ("apigauge sandbox b", ["build"]),
        ("apigauge rlaif f", ["feedback", "fetch"]),
        ("apigauge run --bench", ["--benchmark"]),
        ("apigauge run --sandbox p", ["process"]),
        ("apigauge run --benchmark m", ["mini"]),
        ("apigauge benchmarks show apibench-t", ["apibench-tensorflowhub", "apibench-torchhub"]),
        ("apigauge run --metrics rouge.1 exec.r", ["exec.rate"]),
        ("apigauge metrics hall", ["hallucination", "hallucination.gorilla"]),
        ("apigauge run --environment tensor", ["tensorflowhub"]),
        ("apigauge sandbox build mi", ["mini"]),
        ("apigauge hubs build tens", ["tensorflowhub"]),
        ("apigauge score runs/", ["runs/mine", "runs/nested/"]),
        ("apigauge compare runs/mine runs/nested/", ["runs/nested/inner"]),
        ("apigauge gate runs/m", ["runs/mine"]),
        ("apigauge report r", ["runs/"]),
    ],
)
def test_commands_options_names_and_runs_are_completed(folder, line, expected):
    assert completions(folder, line) == expected


def test_bash_completes_with_the_printed_code(folder):
    """Bash itself runs the function that it would run for the key."""
    script = """
        eval "$(apigauge completion bash)"
        complete -p apigauge
        COMP_LINE='apigauge run --benchmark m'; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
        COMP_WORDS=(apigauge run --benchmark m); COMP_CWORD=3
        _python_argcomplete apigauge m --benchmark 2>/dev/null
        printf 'reply:%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "_python_argcomplete apigauge" in done.stdout
    assert [line.strip() for line in done.stdout.splitlines() if line.startswith("reply:")] == ["reply:mini"]


@pytest.mark.parametrize(("shell", "part"), [("zsh", "compdef _python_argcomplete apigauge"), ("fish", "--command")])
def test_the_code_of_other_shells_names_the_command(apigauge, shell, part):
    done = apigauge("completion", shell)
    assert done.returncode == 0
    assert part in done.stdout
    assert "apigauge" in done.stdout


def test_a_start_without_the_shell_asking_imports_no_argcomplete():
    program = (
        "import sys\nfrom apigauge.__main__ import main\nmain(['metrics', 'ast.exact'])\n"
        "print('argcomplete' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
