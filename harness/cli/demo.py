"""``apigauge demo``: a small checkpoint and two baselines on the embedded benchmark, and their leaderboard."""

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

from apigauge.harness.cli.shared import say

CONSTANT = "constant:torch.topk(scores, k=3)"


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("demo", help="score a small checkpoint and two baselines; fetches nothing")
    parser.add_argument(
        "--out", type=Path, default=Path("apigauge-demo"), metavar="DIR", help="where runs and pages go (apigauge-demo)"
    )
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the commands that a user would, each printed before it runs; stops at the first that fails."""
    from apigauge.harness import runs
    from apigauge.harness.cli.main import main

    folder: Path = arguments.out
    for name, command in _commands(folder).items():
        say(f"$ apigauge {' '.join(_quoted(word) for word in command)}")
        if (folder / "runs" / name / runs.MANIFEST).is_file():  # made anew, with what is installed now
            shutil.rmtree(folder / "runs" / name)
        if code := main(command):
            return code
        sys.stdout.flush()
    return 0


def _commands(folder: Path) -> dict[str, list[str]]:
    """What to run, by the name of the run that it makes."""
    asked = {"bm25": "retrieval:bm25", "constant": CONSTANT}
    commands = {
        name: ["run", "--benchmark", "mini", "--model", spec, "--out", str(folder / "runs" / name)]
        for name, spec in asked.items()
    }
    outs = [str(folder / "runs" / name) for name in ("checkpoint", *asked)]
    return {
        "checkpoint": _checkpoint(outs[0]),
        **commands,
        "": ["report", *outs, "--out", str(folder / "site")],
    }


def _checkpoint(out: str) -> list[str]:
    """The checkpoint itself where torch is installed; else the answers it gave, which come with the package."""
    from apigauge.benchmarks.mini import ANSWERS

    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        return ["run", "--benchmark", "mini", "--model", "hf:apigauge-mini", "--out", out]
    say("The checkpoint's stored answers are scored; with apigauge[hf] installed, it answers here and programs run.")
    return ["score", "--benchmark", "mini", "--responses", str(ANSWERS), "--out", out]


def _quoted(word: str) -> str:
    return f"'{word}'" if any(character in word for character in " (") else word
