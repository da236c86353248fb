"""MkDocs hook: fills the parts of the reference that are written from the code.

A page asks for a part by a line ``<!-- generated: NAME -->``; ``PARTS`` has the functions that write them.
"""

import argparse
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))
_MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
# The width of the help texts on the page.
_COLUMNS = "100"


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replaces the marks of a page; MkDocs calls it."""
    return _MARK.sub(lambda match: PARTS[match.group(1)](), markdown)


def parser() -> argparse.ArgumentParser:
    """The command line with the plugin that comes with apigauge."""
    from apigauge.harness.cli import main
    from apigauge.harness.plugins.rlaif import command

    return main.parser(command.apigauge_commands)


def subparsers(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and all below it, in the order of its help."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            # A subcommand with an alias is listed once.
            for child in dict.fromkeys(action.choices.values()):
                yield from subparsers(child)


def command_line() -> str:
    """``--help`` of every command."""
    os.environ["COLUMNS"] = _COLUMNS
    blocks = []
    for one in subparsers(parser()):
        level = "##" if len(one.prog.split()) <= 2 else "###"
        blocks.append(f"{level} `{one.prog}`\n\n```text\n{one.format_help().rstrip()}\n```\n")
    return "\n".join(blocks)


def metrics() -> str:
    """The table of metrics, and what each does not say."""
    from apigauge.harness.metrics.table import METRICS

    lines = ["| metric | meaning | caution | range | better | file |", "|---|---|---|---|---|---|"]
    for info in METRICS:
        better = "lower" if info.lower_is_better else "higher"
        file = f"`harness/metrics/{info.module}.py`"
        cells = (f"`{info.name}`", info.meaning, info.caution, f"0 to {info.top:g}", better, file)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def python_interface() -> str:
    """Every public name of the package: functions and values first, then the errors."""
    package = importlib.import_module("apigauge")
    names = [name for name in package.__all__ if name != "__version__"]
    objects = {name: getattr(package, name) for name in names}
    errors = [name for name, value in objects.items() if inspect.isclass(value) and issubclass(value, Exception)]
    functions = [name for name, value in objects.items() if inspect.isroutine(value)]
    values = [name for name in names if name not in errors and name not in functions]
    return "\n".join(
        f"## {title}\n\n" + "".join(_documented(objects[name]) for name in group)
        for title, group in (("Functions", functions), ("Values", values), ("Errors", errors))
        if group
    )


def _documented(value: Any) -> str:
    """A block of mkdocstrings; an object without a home of its own (a hook marker) gets its type's name."""
    if not hasattr(value, "__qualname__"):
        return ""
    return f"::: {value.__module__}.{value.__qualname__}\n\n"


def first_line(file: Path) -> str:
    """The first line of a module's docstring, without its full stop; empty if it has none."""
    import ast

    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    return docstring.splitlines()[0].rstrip(".") if docstring else ""


def folder_map() -> str:
    """Every file of the harness, and the files of the other folders, each with its docstring's first line."""
    sections = []
    for folder in ("benchmarks", "sandboxes", "harness", "reports"):
        sections.append(f"### `{folder}/`\n\n{first_line(ROOT / folder / '__init__.py')}.\n")
        rooms = sorted(path.parent for path in (ROOT / folder).glob("*/__init__.py"))
        sections.append(_table(ROOT / folder))
        for room in rooms:
            sections.append(f"#### `{room.relative_to(ROOT)}/`\n\n{first_line(room / '__init__.py')}.\n")
            sections.append(_table(room))
    return "\n".join(sections)


def _table(folder: Path) -> str:
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    rows = [f"| `{path.name}` | {_cell(first_line(path))} |" for path in files if first_line(path)]
    return "\n".join(["| file | |", "|---|---|", *rows, ""]) if rows else ""


def _cell(text: str) -> str:
    """Text for a table: doubled backticks are code, a bar is no border."""
    return text.replace("``", "`").replace("|", "\\|")


PARTS: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "metrics": metrics,
    "python": python_interface,
    "folders": folder_map,
}
