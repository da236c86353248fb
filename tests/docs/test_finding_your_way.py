"""A newcomer's guesses: a naive search with the words of a question leads to the right room.

Each module is a document: the names of its folders, its name, and the first line of its docstring; for an ``__init__.py``
the folder's. A question's words, less the smallest ones and their endings, are looked for in it; a word counts the more,
the fewer modules have it. The room of the best module must be the right one.
"""

import ast
import functools
import math
import re
from pathlib import Path

import pytest
from doc_pages import ROOT

PAGE = ROOT / "docs" / "contributing" / "finding-your-way.md"
SMALL = frozenset(
    re.findall(
        "[a-z]+",
        "a add an and are at by do does for from i in is it its of on or that the to too what where whether which",
    )
)
_ENDING = re.compile(r"(?:ances?|ants?|ing|ed|es|s|e)$")
_ROW = re.compile(r"^\| (?P<question>Where [^|]+\?) \| `(?P<room>[^`]+)` \| `(?P<file>[^`]+)` \|$", re.MULTILINE)
QUESTIONS = [match.groups() for match in _ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def stems(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower().replace("'s ", " "))
    return {_ENDING.sub("", word) if len(word) > 4 else word.removesuffix("s") for word in words if word not in SMALL}


def first_line(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    return docstring.splitlines()[0] if docstring else ""


def is_room(name: str) -> bool:
    """Whether a newcomer looks here: not inside the hostile programs, or what is laid over other packages."""
    return not re.search(r"/overlay/|attacks/\w+/", name)


@functools.cache
def modules() -> dict[str, set[str]]:
    """The words of every module."""
    result = {}
    for folder in ("benchmarks", "harness", "reports", "sandboxes"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if is_room(name):
                result[name] = stems(
                    name.removesuffix(".py").replace("/", " ").replace("_", " ") + " " + first_line(file)
                )
    return result


def room(module: str) -> str:
    """The folder that a newcomer opens: of harness and sandboxes the folder inside, if there is one."""
    parts = module.split("/")[:-1]
    return "/".join(parts[:2] if parts[0] in ("harness", "sandboxes") else parts[:1])


def ranking(question: str) -> list[tuple[float, str]]:
    """Modules with a word of the question, best first; of two alike, the one with fewer other words."""
    documents = modules()
    weights = {
        word: math.log(len(documents) / count)
        for word in stems(question)
        if (count := sum(word in words for words in documents.values()))
    }
    scores = {name: sum(weights[word] for word in words & weights.keys()) for name, words in documents.items()}
    return sorted(
        ((score, name) for name, score in scores.items() if score),
        key=lambda entry: (-entry[0], len(documents[entry[1]]), entry[1]),
    )


def test_the_page_has_twelve_questions():
    assert len(QUESTIONS) == len({question for question, _, _ in QUESTIONS}) == 12


@pytest.mark.parametrize(("question", "expected", "file"), QUESTIONS, ids=[question for question, _, _ in QUESTIONS])
def test_the_first_guess_is_the_right_room(question, expected, file):
    assert (ROOT / file).is_file()
    assert room(file) == expected
    ranks = ranking(question)
    assert room(ranks[0][1]) == expected, "\n".join(f"{score:.2f} {name}" for score, name in ranks[:8])
