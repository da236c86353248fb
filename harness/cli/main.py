"""``apigauge``: parses the command line, calls the subcommand, turns errors into exit codes."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from apigauge import __version__
from apigauge.errors import did_you_mean
from apigauge.harness.cli import failures
from apigauge.harness.cli.options import Parser
from apigauge.harness.cli.output import Verbosity, say_detail, say_error, say_traceback, set_log_format, set_verbosity

# In the order of --help: what is used every day, then lists of what there is, then the machine's and CI's. A command's
# module has its name; only the module of the command at hand is imported, so that no command loads what others need.
COMMANDS = {
    "demo": "score a checkpoint and two baselines; fetches nothing",
    "run": "answer benchmarks and score; run again to resume",
    "sweep": "run all combinations of models, benchmarks, ...",
    "runs": "list runs: benchmark, model, date, main scores, state",
    "report": "write an HTML leaderboard of runs",
    "compare": "say where two runs differ, and by how much",
    "generate": "answer benchmarks without scoring",
    "score": "score answers from a file, or the answers of a run",
    "rerun": "score a run's stored answers again; says what changed and why",
    "gate": "say whether a run is worse than a baseline; for CI",
    "benchmarks": "list, show, fetch, grammar, check or reproduce",
    "models": "list the forms of --model, and checkpoints here",
    "cache": "list and prune what is cached: answers, hubs, ...",
    "metrics": "list metrics: range, direction, meaning, caution",
    "plugins": "list installed plugins and what each adds",
    "environments": "list what programs run with, which images are built",
    "sandbox": "build images, examine, attack, or run one program",
    "hubs": "build or verify the stand-in hubs that programs use",
    "comment": "write the gate's decision to the pull request, in CI",
    "completion": "print the code for completion in your shell",
}

AddCommands = Callable[["argparse._SubParsersAction[Any]"], None]  # noqa: SLF001 - argparse names it nowhere else

_EPILOG = """\
exit codes: 0 done; 1 and 3 see `gate`; 2 wrong usage; 4 broken input, data or disk (the message says what to do)
completion: apigauge completion bash|zsh|fish prints the code for your shell

examples:
  apigauge demo
  apigauge run --benchmark mini --model retrieval:bm25 --out runs/bm25
  apigauge score --benchmark apibench-torchhub --responses answers.jsonl --out runs/mine
  apigauge runs
  apigauge report runs --out site
  apigauge compare runs/hf runs/vllm --out site/compared
  apigauge gate runs/new --baseline baseline.json
"""


class CommandLine(Parser):
    """The whole command line: an unknown option is an error that suggests one of its command's."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses; exits with the usage where the command line makes no sense."""
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = next(
                (parser for parser in parsers(self) if parser.prog == getattr(arguments, "command_line", "")), self
            )
            options = [option for action in command._actions for option in action.option_strings]  # noqa: SLF001
            hints = (did_you_mean(word.partition("=")[0], options) for word in unknown if word.startswith("--"))
            command.error(f"unrecognized arguments: {' '.join(unknown)}{next(filter(None, hints), '')}")
        return arguments


def parser(add_plugin_commands: AddCommands | None = None, only: str | None = None) -> argparse.ArgumentParser:
    """The command line.

    Args:
        add_plugin_commands: gets its subparsers.
        only: the one command of apigauge's whose options are declared; all by default.
    """
    top = CommandLine(
        prog="apigauge",
        description="Are the API calls that language models write real, right and runnable?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"apigauge {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if only in (None, name):
            import_module(f"apigauge.harness.cli.{name}").declare(command)
    if add_plugin_commands:
        add_plugin_commands(commands)
    for each in parsers(top):
        _add_verbosity(each)
        _add_log_format(each)
        each.set_defaults(command_line=each.prog)
    return top


def parsers(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and all subparsers below it."""
    yield top
    for action in top._actions:  # noqa: SLF001 - argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in dict.fromkeys(action.choices.values()):
                yield from parsers(below)


def _add_verbosity(to: argparse.ArgumentParser) -> None:
    """``-q``, ``-v`` and ``--debug``, on every command, plugins' included; a plugin's own option of that name stays."""
    for flags, verbosity, text in (
        (("-q", "--quiet"), Verbosity.QUIET, "no progress and no notes, errors only"),
        (("-v", "--verbose"), Verbosity.VERBOSE, "details: files used, seconds taken"),
        (("--debug",), Verbosity.VERBOSE, "details, and an error's traceback"),
    ):
        free = [flag for flag in flags if flag not in to._option_string_actions]  # noqa: SLF001
        if free:
            # No default: a subcommand's would overwrite what stands before it.
            to.add_argument(
                *free, dest="verbosity", action="store_const", const=verbosity, default=argparse.SUPPRESS, help=text
            )


def _add_log_format(to: argparse.ArgumentParser) -> None:
    """``--log-format``, on every command, unless a plugin's has one of its own."""
    if "--log-format" not in to._option_string_actions:  # noqa: SLF001
        to.add_argument(
            "--log-format",
            choices=("text", "json"),
            default=argparse.SUPPRESS,
            metavar="FORM",
            help="of notes and progress: text (default) or json",
        )


def main(argv: Sequence[str] | None = None, *, add_plugin_commands: AddCommands | None = None) -> int:
    """Runs one command; returns its exit code, whatever happens.

    Raises:
        SystemExit: the command line makes no sense (2), or asks for help (0), or a plugin's command ends so; never 1.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parse(words, add_plugin_commands)
        return _call(arguments)
    except SystemExit as stop:
        # Help, wrong usage, or a plugin's own command. 1 is also what Python makes of a text.
        if stop.code is None or (isinstance(stop.code, int) and stop.code != 1):
            raise
        say_error(f"ended by sys.exit({stop.code!r})")
        return failures.BROKEN
    except BrokenPipeError:
        # What reads the output has enough of it. A gate that it kept from deciding has not passed.
        failures.drop_output()
        return failures.BROKEN if "gate" in words else 0
    except BaseException as error:  # noqa: BLE001 - Python's own exit code, 1, would be a regression for `gate`
        if "--debug" in words:
            say_traceback()
        say_error(failures.explain(error))
        return failures.exit_code(error)


def _parse(words: Sequence[str], add_plugin_commands: AddCommands | None) -> argparse.Namespace:
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        from apigauge.harness.cli.completion import complete

        complete(parser(add_plugin_commands))
    # Of the words before the command none takes a value, so the command is the first that is no option.
    command = next((word for word in words if not word.startswith("-")), "")
    arguments = parser(add_plugin_commands, only=command).parse_args(words)
    set_log_format(getattr(arguments, "log_format", "text"))
    set_verbosity(getattr(arguments, "verbosity", Verbosity.NORMAL))
    return arguments


def _call(arguments: argparse.Namespace) -> int:
    started = time.perf_counter()
    code = int(arguments.function(arguments))
    say_detail(f"took {time.perf_counter() - started:.1f} s, exit code {code}")
    return code
