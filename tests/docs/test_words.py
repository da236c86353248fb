"""Plain technical English: phrases that readers stumbled over are not used again, in code, messages, pages and documentation.

The left column is what is searched, the right what to write. Not searched: `CHANGELOG.md`, data, and the hostile programs.
"""

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PHRASES = {
    r"(?:cannot|could not|can not) be had": "is unavailable",
    r"no chance": "significant",
    r"laid at the door|lays? (?:\w+ ){1,3}at the\b|at the benchmark's door": "attributed to",
    r"whose fault": "what it is attributed to",
    r"what (?:came|comes) of it": "results",
    r"runs (?:that|which) are alike|were the (?:two )?runs alike|were \w+ and \w+ alike": "under the null hypothesis",
    r"beside\b": "next to, besides, in addition to",
    r"dear\b": "expensive",
    r"(?:trouble of our own|our own trouble|the sandbox's own trouble|trouble of its sandbox)": "sandbox failure",
    r"in one step\b(?! of)": "atomically",
    r"of people nobody has": "(leave it out)",
    r"go(?:es)? on where it (?:was )?(?:stopped|killed)|goes on from here": "resumes",
    r"is there already": "already exists",
    r"as told\b": "as instructed",
    r"so that nobody has to": "(say what happens instead)",
    r"what it says of itself": "what it describes",
    r"hands on\b": "passes on",
    r"is said to be": "is",
    r"one and the same": "the same",
    r"from which follows": "(say what follows)",
    r"falls? (?:that|which) (?:is|are) no": "significant drop",
    r"padded away": "left-padded",
}
PATTERNS = {re.compile(rf"(?<![\w`])(?:{phrase})", re.IGNORECASE): instead for phrase, instead in PHRASES.items()}

# Names of locals, loop variables and parameters that say that something is there, and not what it is.
VAGUE = {"found", "asked", "told", "known"}

# Files that were renamed (HOUSE.md), and identifiers that are gone.
FORMER_FILES = (
    "harness/ahead.py",
    "harness/check.py",
    "harness/compare.py",
    "harness/contrasts.py",
    "harness/evaluation.py",
    "harness/execution.py",
    "harness/extraction.py",
    "harness/faults.py",
    "harness/hubs.py",
    "harness/logits.py",
    "harness/parting.py",
    "harness/references.py",
    "harness/reproduce.py",
    "harness/runs.py",
    "harness/scoring.py",
    "harness/source.py",
    "harness/statistics.py",
    "harness/syntax.py",
    "harness/executors/ahead.py",
    "harness/cli/shared.py",
    "harness/gate/checks.py",
    "harness/gate/documents.py",
    "harness/gate/parts.py",
    "harness/generation/documents.py",
    "sandboxes/open.py",
    "sandboxes/link.py",
    "sandboxes/owner.py",
    "benchmarks/data.py",
    "harness/plugins/rlaif/scratch.py",
)
# Any of them, as a file or as a module: nearly no line has one.
SOME_FORMER = re.compile("|".join(re.escape(name.removesuffix(".py")).replace("/", "[/.]") for name in FORMER_FILES))
FORMER_NAMES = re.compile(r"\bIDLE\b|\bBenchmark\.models\b|\bbenchmark\.models\b")

PROSE = {".md", ".html", ".css", ".js", ".toml", ".yml", ".yaml", ".cff", ".cfg"}
# Prose that is data, or that was written by a program or another project.
NOT_OURS = ("docs/results/rlaif-torchhub/", "docs/results/rlaif-huggingface/", "tests/data/", "sandboxes/inputs/files/")


@functools.cache
def files() -> list[Path]:
    """Everything in the repository that people write and read."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if is_searched(name) and (ROOT / name).is_file()]


def is_searched(name: str) -> bool:
    if name.startswith(NOT_OURS) or name in ("CHANGELOG.md", "tests/docs/test_words.py"):
        return False
    if re.match(r"sandboxes/attacks/\w+/", name) or (name.startswith("src/apigauge/") and name.count("/") > 2):
        return False
    return Path(name).suffix in PROSE | {".py", ".sh"} or name in ("Makefile", ".ci/run")


@functools.cache
def texts(file: Path) -> tuple[str, str]:
    """A file's text, and the same with each end of a line, and a comment's or a list's mark after it, as spaces."""
    text = file.read_text(encoding="utf-8")
    return text, re.sub(r"[ \t]*\n[ \t]*(?:#+|[*>-])?[ \t]?", lambda match: " " * len(match[0]), text)


def hits(pattern: re.Pattern[str]) -> Iterator[str]:
    """Where a pattern occurs: file, line and the words around it; also across the end of a line."""
    across = re.compile(pattern.pattern.replace(" ", r"\s+"), pattern.flags)
    for file in files():
        text, flat = texts(file)
        for match in across.finditer(flat):
            line = text.count("\n", 0, match.start()) + 1
            around = " ".join(flat[max(0, match.start() - 30) : match.end() + 30].split())
            yield f"{file.relative_to(ROOT)}:{line}: {around}"


@pytest.mark.parametrize(("pattern", "instead"), PATTERNS.items(), ids=[*PHRASES])
def test_a_phrase_that_readers_stumble_over_is_not_used(pattern, instead):
    places = list(hits(pattern))
    assert not places, f"write instead: {instead}\n" + "\n".join(places)


@pytest.mark.parametrize(
    "text", ["is no chance", "stands beside it", "Dear models", "written\n    # in one\n    # step, "]
)
def test_phrases_are_found_whatever_is_around_them(text, tmp_path, monkeypatch):
    (tmp_path / "page.py").write_text(f"# {text}\n", encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.files", lambda: [tmp_path / "page.py"])
    assert [place for pattern in PATTERNS for place in hits(pattern)]


def test_words_that_only_contain_a_phrase_are_allowed(tmp_path, monkeypatch):
    (tmp_path / "page.md").write_text("besides, endearing, deary `dear`, in one steps\n", encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.files", lambda: [tmp_path / "page.md"])
    assert [place for pattern in PATTERNS for place in hits(pattern)] == []


def names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Locals, loop variables, other targets of assignments, and parameters, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name:
            yield node.name, node.lineno


def test_no_name_says_only_that_something_is_there():
    places = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files()
        if file.suffix == ".py"
        for name, line in names(ast.parse(file.read_text(encoding="utf-8")))
        if name in VAGUE
    ]
    assert not places, "name the noun (rows, spans, message, match, question, cached, ...)\n" + "\n".join(places)


def test_every_kind_of_name_is_seen():
    text = "def f(found, *, told): \n for asked in x: pass\n known: int = 1\n with y as found: pass\n [z for told in z]"
    assert [name for name, _ in names(ast.parse(text)) if name in VAGUE].count("found") == 2
    assert {name for name, _ in names(ast.parse(text))} >= VAGUE


def test_files_and_names_that_are_gone_are_not_mentioned():
    places = []
    for file in files():
        if file == Path(__file__):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if not SOME_FORMER.search(line) and not FORMER_NAMES.search(line):
                continue
            former = [name for name in FORMER_FILES if re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", line)]
            modules = [
                name
                for name in FORMER_FILES
                if re.search(rf"apigauge\.{re.escape(name.removesuffix('.py').replace('/', '.'))}\b(?!\.)", line)
                and not (ROOT / name.removesuffix(".py") / "__init__.py").exists()
            ]
            if former or modules or FORMER_NAMES.search(line):
                places.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not places, "\n".join(places)


def test_files_that_were_renamed_are_gone():
    assert [name for name in FORMER_FILES if (ROOT / name).exists()] == []
