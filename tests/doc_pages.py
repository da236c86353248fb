"""The documentation's pages, taken apart into blocks, and a session that runs the blocks of a page in order.

Marks in a page, each on a line before a fence:

- ``<!-- needs: NAME -->``: the block is not run by the quick tests; ``tests/docs/test_commands.py`` lists the names.
- ``<!-- output -->``: the block shows, in part, what the block before it prints.

A fence with ``title="FILE"`` is written to that file in the session's folder.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from apibench_data import apibench_folder

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
)
_FENCE = re.compile(r'^```(?P<language>[\w-]*)(?: title="(?P<title>[^"]+)")?$')
_NEEDS = re.compile(r"^<!-- needs: (?P<name>.+) -->$")
_OUTPUT = "<!-- output -->"
_BORDERS = re.compile(r"[│┃┏┓┗┛┡┩└┘├┤━─┳╇┴]")
# Runs blocks of Python one after another in one namespace, as a notebook does.
_DRIVER = """
import json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "block", "exec"), names)
        print("\\0done", flush=True)
    except BaseException:
        print(traceback.format_exc() + "\\0failed", flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: its file.
        line: of its opening fence.
        language: of the fence; empty if it has none.
        text: what is inside.
        title: the file it is; empty if it is none.
        needs: what it needs beyond the quick tests; empty if nothing.
        is_output: whether it shows what the block before it prints.
    """

    page: Path
    line: int
    language: str
    text: str
    title: str = ""
    needs: str = ""
    is_output: bool = False

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    result: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    needs, is_output, number = "", False, 0
    while number < len(lines):
        line = lines[number]
        if match := _NEEDS.match(line):
            needs = match["name"]
        elif line == _OUTPUT:
            is_output = True
        elif match := _FENCE.match(line):
            end = lines.index("```", number + 1)
            text = "\n".join(lines[number + 1 : end]) + "\n"
            title = match["title"] or ""
            result.append(Block(page, number + 1, match["language"], text, title, needs, is_output))
            needs, is_output, number = "", False, end
        elif line.strip():
            assert not needs, f"{page}:{number}: a mark must stand directly before its fence"
            assert not is_output, f"{page}:{number}: a mark must stand directly before its fence"
        number += 1
    return result


def prose(page: Path) -> list[tuple[int, str]]:
    """The lines outside fences, numbered from 1."""
    result, inside = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            result.append((number, line))
    return result


class Session:
    """A user's terminal and interpreter in one folder.

    Args:
        folder: where they start; empty.
        isolated: with an empty home and cache, and without an engine.
    """

    def __init__(self, folder: Path, *, isolated: bool = True) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        commands, site = folder / "bin", folder / "site"
        commands.mkdir()
        command = commands / "apigauge"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m apigauge "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))},
            "PATH": os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(site)]),
            "COLUMNS": "80",
            "CI": "",
            # `pip install .` of a page's own package: into the session, and nothing is fetched.
            "PIP_TARGET": str(site),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
        }
        if data := apibench_folder():
            self.environment["APIGAUGE_DATA"] = str(data)
        if isolated:
            home = folder / "home"
            home.mkdir()
            self.environment |= {
                "HOME": str(home),
                "XDG_CACHE_HOME": str(home / "cache"),
                "DOCKER_HOST": "unix:///nowhere/docker.sock",
            }
        self._python: subprocess.Popen[str] | None = None
        self._printed = ""

    def run(self, block: Block) -> None:
        """Runs a block, writes its file, or compares it with what the block before it printed."""
        if block.is_output:
            compare_output(block, self._printed)
        elif block.title:
            file = self.folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        elif block.language == "bash":
            self._printed = self._shell(block)
        elif block.language == "python":
            self._printed = self._interpret(block)

    def close(self) -> None:
        """Ends the interpreter."""
        if self._python:
            self._python.communicate()

    def _shell(self, block: Block) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{block.place} failed with {done.returncode}:\n{block.text}\n{done.stdout}"
        return done.stdout

    def _interpret(self, block: Block) -> str:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, "-c", _DRIVER],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
        assert self._python.stdin
        assert self._python.stdout
        self._python.stdin.write(json.dumps(block.text) + "\n")
        self._python.stdin.flush()
        printed = ""
        while not printed.endswith(("\0done\n", "\0failed\n")):
            line = self._python.stdout.readline()
            assert line, f"{block.place} ended the interpreter:\n{printed}"
            printed += line
        assert printed.endswith("\0done\n"), f"{block.place} failed:\n{printed}"
        return printed


def compare_output(block: Block, printed: str) -> None:
    """Every line shown must be printed, in this order: all of its words and numbers, on one line.

    Borders, spaces and what a shown line leaves out at its end or in between do not count.
    """
    lines = iter([_words(line) for line in printed.splitlines()])
    for shown in block.text.splitlines():
        words = _words(shown)
        assert not words or any(_contains(line, words) for line in lines), (
            f"{block.place} shows {shown!r}, which is not printed, or not in this order:\n{printed}"
        )


def _words(line: str) -> list[str]:
    return _BORDERS.sub(" ", line).split()


def _contains(line: list[str], words: list[str]) -> bool:
    remaining = iter(line)
    return all(word in remaining for word in words)
