"""``apigauge demo``: a small checkpoint and two baselines on the embedded benchmark, and their leaderboard."""

import argparse
import contextlib
import importlib.util
import shutil
import sys
from pathlib import Path

from apigauge.harness.cli import report, score
from apigauge.harness.cli import run as answer_and_score
from apigauge.harness.cli.options import add_common, local_path
from apigauge.harness.cli.output import print_json, say, warn

BASELINES = {"bm25": "retrieval:bm25", "constant": "constant:torch.topk(scores, k=3)"}
RUNS = ("checkpoint", *BASELINES)


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "--out",
        type=local_path,
        default=Path("apigauge-demo"),
        metavar="DIR",
        help="where runs and pages go (apigauge-demo)",
    )
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the commands that a user would type, each printed before it runs; stops at the first that fails."""
    from apigauge.harness.evaluation import run_directory

    folder: Path = arguments.out
    commands = _parser()
    for name, command in _commands(folder, _sandbox()).items():
        say(f"$ apigauge {' '.join(map(_quoted, command))}")
        if (folder / "runs" / name / run_directory.MANIFEST).is_file():  # replaced by a run with the installed version
            shutil.rmtree(folder / "runs" / name)
        with contextlib.redirect_stdout(sys.stderr if arguments.json else sys.stdout):
            parsed = commands.parse_args(command)
            if code := int(parsed.function(parsed)):
                return code
    if arguments.json:
        print_json(
            {"index": str(folder / "site" / "index.html"), "runs": [str(folder / "runs" / name) for name in RUNS]}
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    """The commands that the demo calls, with their defaults."""
    parser = argparse.ArgumentParser(prog="apigauge")
    commands = parser.add_subparsers()
    for name, command in {"run": answer_and_score, "score": score, "report": report}.items():
        command.declare(commands.add_parser(name))
    return parser


def _sandbox() -> list[str]:
    """How the demo's programs run: isolated, or not at all, which is said once."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.errors import SandboxError
    from apigauge.sandboxes import environments
    from apigauge.sandboxes.factory import availability

    try:
        availability("auto", environments.load(load_benchmark("mini").environment))
    except SandboxError as error:
        warn(f"the demo scores answers without running their programs, so exec.* is not measured: {error}")
        return ["--sandbox", "none"]
    return []


def _commands(folder: Path, sandbox: list[str]) -> dict[str, list[str]]:
    """What to run, by the name of the run that it writes; the report writes none."""
    commands = {
        name: ["run", "--benchmark", "mini", "--model", spec, "--out", str(folder / "runs" / name), *sandbox]
        for name, spec in BASELINES.items()
    }
    outs = [str(folder / "runs" / name) for name in RUNS]
    return {
        "checkpoint": [*_checkpoint(outs[0]), *sandbox],
        **commands,
        "": ["report", *outs, "--out", str(folder / "site")],
    }


def _checkpoint(out: str) -> list[str]:
    """The checkpoint itself where torch is installed; otherwise its stored answers, which come with the package."""
    from apigauge.benchmarks.mini import ANSWERS

    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        return ["run", "--benchmark", "mini", "--model", "hf:apigauge-mini", "--out", out]
    say("The checkpoint's stored answers are scored; with apigauge[hf] installed, it answers here and programs run.")
    return ["score", "--benchmark", "mini", "--responses", str(ANSWERS), "--out", out]


def _quoted(word: str) -> str:
    return f"'{word}'" if any(character in word for character in " (") else word
