"""``apigauge completion``: the code that makes a shell complete the command line, and what it completes."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": 'eval "$(apigauge completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(apigauge completion zsh)"  in ~/.zshrc, after compinit',
    "fish": "apigauge completion fish | source  in ~/.config/fish/config.fish",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.description = "Prints the code to standard output; put the shell's line into its file:"
    parser.epilog = "\n".join(f"  {line}" for line in _WHERE.values())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["apigauge"], shell=arguments.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell that asks in the environment of this process, and ends the process."""
    import argcomplete

    _attach(parser, "")
    argcomplete.autocomplete(parser)


def _attach(parser: argparse.ArgumentParser, command: str) -> None:
    """Tells argcomplete what the arguments of a command and its subcommands take."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, below in action.choices.items():
                _attach(below, f"{command} {name}".strip())
        elif not action.choices and (names := _names_for(action, command)):
            action.completer = names  # type: ignore[attr-defined] # argcomplete's protocol


Completer = Callable[..., Iterable[str]]


def _names_for(action: argparse.Action, command: str) -> Completer | None:
    """What completes an argument: by its option, or by the metavar of a positional one."""
    for option in action.option_strings:
        if option in _BY_OPTION:
            return _BY_OPTION[option]
    if action.option_strings:
        return None
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    by_command = {"benchmarks": _benchmarks, "hubs": _hubs, "metrics": _metrics}
    if metavar in ("NAME", "NAME_OR_DIR"):
        return by_command.get(command.partition(" ")[0])
    return _BY_METAVAR.get(metavar)


def _benchmarks(prefix: str = "", **_: Any) -> list[str]:
    """Names, and folders with a benchmark in them or further folders."""
    from apigauge.benchmarks import names
    from apigauge.benchmarks.folder import is_folder

    start = prefix.rpartition("/")[0] + "/" if "/" in prefix else ""
    children = [child for child in sorted(Path(start or ".").expanduser().iterdir()) if child.is_dir()]
    own = [f"{start}{child.name}{'' if is_folder(child) else '/'}" for child in children if child.name[0] != "."]
    return names() + own if start else [*names(), *(name for name in own if not name.endswith("/"))]


def _metrics(**_: Any) -> list[str]:
    from apigauge.harness.metrics.table import MODULES, NAMES

    return [*NAMES, *MODULES]


def _environments(**_: Any) -> Iterable[str]:
    from apigauge.sandboxes.environments import names

    return names()


def _hubs(**_: Any) -> Iterable[str]:
    from apigauge.benchmarks.apibench import HUBS

    return HUBS


def _models(**_: Any) -> list[str]:
    from apigauge.harness.generation.backends import BACKENDS
    from apigauge.harness.generation.checkpoint import SHIPPED

    return [f"{kind}:" for kind in BACKENDS] + [f"hf:{SHIPPED}", "retrieval:bm25"]


def _exports(**_: Any) -> list[str]:
    from apigauge.extensions import added
    from apigauge.harness.cli.report import OWN

    return [*OWN, *added("exports")]


def _runs(prefix: str, **_: Any) -> Iterator[str]:
    """Folders: a run as it is, any other with a slash, so that the next key goes into it."""
    from apigauge.harness.cli.find_runs import is_run

    start = prefix.rpartition("/")[0] + "/" if "/" in prefix else ""
    for child in sorted(Path(start or ".").expanduser().iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            yield f"{start}{child.name}" if is_run(child) else f"{start}{child.name}/"


_BY_OPTION: dict[str, Completer] = {
    "--benchmark": _benchmarks,
    "--metrics": _metrics,
    "--metric": _metrics,
    "--environment": _environments,
    "--model": _models,
    "--export": _exports,
    "--baseline": _runs,
}
_BY_METAVAR: dict[str, Completer] = {
    "RUN": _runs,
    "RUN_A": _runs,
    "RUN_B": _runs,
    "DIR": _runs,
    "ENV": _environments,
}
