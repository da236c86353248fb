"""``apigauge``: parses the command line, calls the subcommand, turns errors into exit codes."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from apigauge import __version__
from apigauge.errors import ApigaugeError
from apigauge.harness.cli import (
    benchmarks,
    comment,
    compare,
    demo,
    gate,
    generate,
    hubs,
    report,
    rerun,
    run,
    sandbox,
    score,
)
from apigauge.harness.cli.options import Parser

_COMMANDS = (demo, run, generate, score, rerun, report, compare, gate, comment, benchmarks, sandbox, hubs)

AddCommands = Callable[["argparse._SubParsersAction[Any]"], None]  # noqa: SLF001 - argparse names it nowhere else

_EPILOG = """\
exit codes: 0 done; 1 and 3 see `gate`; 2 wrong usage; 4 broken input, data or disk (the message says what to do)

examples:
  apigauge demo
  apigauge run --benchmark mini --model retrieval:bm25 --out runs/bm25
  apigauge score --benchmark apibench-torchhub --responses answers.jsonl --out runs/mine
  apigauge report runs/* --out site
  apigauge compare runs/hf runs/vllm --out site/compared
  apigauge gate runs/new --baseline baseline.json
"""


def parser(add_plugin_commands: AddCommands | None = None) -> argparse.ArgumentParser:
    """The whole command line; ``add_plugin_commands`` gets its subparsers."""
    top = Parser(
        prog="apigauge",
        description="Are the API calls that language models write real, right and runnable?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"apigauge {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    if add_plugin_commands:
        add_plugin_commands(commands)
    return top


def main(argv: Sequence[str] | None = None, *, add_plugin_commands: AddCommands | None = None) -> int:
    """Runs one command; returns its exit code."""
    arguments = parser(add_plugin_commands).parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except ApigaugeError as error:
        print(f"apigauge: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("apigauge: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"apigauge: {error.filename or 'disk'}: {error.strerror or error}", file=sys.stderr)
        return 4
