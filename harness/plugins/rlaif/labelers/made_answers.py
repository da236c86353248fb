"""Answers with known labels, made of reference programs: each fault decides one question.

For calibrating and judging labelers, and as examples for them. A reference is taken to deserve eight times yes, a
program with a fault no to the question that the fault is about, and to those that follow: what fails is not free of
bugs. What else it deserves is not known and has no label, except that the program of another row does not do what was
requested and is otherwise as good as its own reference.
"""

import ast
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apigauge.benchmarks.types import Item
from apigauge.harness.metrics.executability import program_of
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.questions import QUESTIONS

REFERENCE, OTHER = "reference", "asked"


@dataclass(frozen=True, slots=True)
class MadeAnswer:
    """An answer and the labels that are known.

    Attributes:
        kind: ``reference``, or the question that the fault is about; ``asked`` for the program of another row.
        answer: to be judged; its sample is the number of its kind.
        truth: question -> yes or no.
    """

    kind: str
    answer: Answer
    truth: dict[str, bool]


def made_answers(items: Sequence[Item], *, seed: int = 0) -> list[MadeAnswer]:
    """The reference and at most one answer for each fault, for every item whose reference program parses.

    Args:
        items: rows with references; the programs of other rows are taken from them too.
        seed: of the choice of other rows.
    """
    usable = [item for item in items if _parsed(item.reference_program)]
    answers = []
    for item in usable:
        everything = dict.fromkeys(QUESTIONS, True)
        answers.append(_made(item, REFERENCE, item.reference_program, everything))
        for kind, fault in _FAULTS.items():
            if text := _faulty(item.reference_program, fault):
                answers.append(_made(item, kind, text, dict.fromkeys((kind, *_FOLLOWS.get(kind, ())), False)))
        if other := _other(item, usable, seed):
            answers.append(_made(item, OTHER, other.reference_program, everything | {OTHER: False}))
    return answers


def _made(item: Item, kind: str, text: str, truth: dict[str, bool]) -> MadeAnswer:
    number = 0 if kind == REFERENCE else 1 + list(QUESTIONS).index(kind)
    return MadeAnswer(kind, Answer(item, number, f" <<<code>>>: {text}"), truth)


def _other(item: Item, items: Sequence[Item], seed: int) -> Item | None:
    """A row about another API, in every second case of the same domain, where the data has one."""
    draws = int.from_bytes(hashlib.sha256(f"{seed} {item.id}".encode()).digest()[:8], "big")
    others = [one for one in items if one.api != item.api and one.reference_call != item.reference_call]
    near = [one for one in others if one.domain == item.domain]
    pool = near if near and draws % 2 else others
    return pool[draws // 2 % len(pool)] if pool else None


def _parsed(text: str) -> ast.Module | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if tree.body else None


def _faulty(source: str, fault: Callable[[str, ast.Module], str | None]) -> str:
    """The program with a fault; empty if the fault does not apply to it."""
    tree = _parsed(source)
    assert tree
    try:
        text = fault(source, tree)
    except (ValueError, RecursionError):
        return ""
    return text if text and text.strip() != source.strip() else ""


def _no_import(_: str, tree: ast.Module) -> str | None:
    """The first import of a name that the program uses is gone."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for at, statement in enumerate(tree.body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            bound = {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
            if bound & used:
                del tree.body[at]
                return ast.unparse(tree) if tree.body else None
    return None


def _torn(source: str, _: ast.Module) -> str | None:
    """The last closing bracket is gone."""
    at = source.rfind(")")
    text = source[:at] + source[at + 1 :]
    return text if at >= 0 and not _parsed(text) else None


def _left_out(_: str, tree: ast.Module) -> str | None:
    """Everything from the first statement that is no import is left to be filled in."""
    imports = [one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)]
    if len(imports) == len(tree.body):
        return None
    return "\n".join([*map(ast.unparse, imports), "# TODO: load the model and use it", "..."])


def _undefined(source: str, tree: ast.Module) -> str | None:
    """The name that the program assigned last, misspelt where it is shown at the end."""
    names = [target.id for one in tree.body for target in _targets(one)]
    return f"{source.rstrip()}\nprint({names[-1]}_resutl)" if names else None


def _error(source: str, tree: ast.Module) -> str | None:
    """An operation between values of types that do not fit, behind the imports."""
    last = max((one.end_lineno or 0 for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)), default=0)
    lines = source.split("\n")
    return "\n".join([*lines[:last], 'count = 3\nprint("number " + count)', *lines[last:]])


def _unreached(source: str, tree: ast.Module) -> str | None:
    """The program ends before its first statement that is no import."""
    first = next((one for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom)), None)
    if first is None or ";" in source:
        return None
    lines = source.split("\n")
    return "\n".join([*lines[: first.lineno - 1], "import sys\nsys.exit(0)", *lines[first.lineno - 1 :]])


def _not_an_api(source: str, tree: ast.Module) -> str | None:
    """The last letter of the longest name in the call's arguments three times: nothing is called that.

    Where no argument is a text, the call has a keyword that no function has.
    """
    program = program_of(None, source)
    callee = program.callee if program else ""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [node for node in calls if ast.unparse(node.func) == callee] or calls[:1]
    texts = [text for call in calls[:1] for text in _texts(call) if any(map(str.isalpha, text.value))]
    if not texts and calls:
        calls[0].keywords.append(ast.keyword("no_such_option", ast.Constant(value=True)))
        return ast.unparse(tree)
    if not texts:
        return None
    longest = max(texts, key=lambda text: len(text.value))
    at = max(place for place, letter in enumerate(longest.value) if letter.isalpha())
    longest.value = f"{longest.value[: at + 1]}{longest.value[at] * 2}{longest.value[at + 1 :]}"
    return ast.unparse(tree)


def _texts(call: ast.Call) -> Iterator["_Text"]:
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument  # type: ignore[misc]


class _Text(ast.Constant):
    """A constant whose value is a text."""

    value: str


def _targets(statement: ast.stmt) -> list[ast.Name]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


# Questions that a fault decides besides its own: with each of these the program raises an error.
_FOLLOWS = {"imports": ("names", "bugs"), "parses": ("bugs",), "names": ("bugs",), "api": ("bugs",)}
_FAULTS: dict[str, Callable[[str, ast.Module], str | None]] = {
    "imports": _no_import,
    "parses": _torn,
    "complete": _left_out,
    "names": _undefined,
    "bugs": _error,
    "logic": _unreached,
    "api": _not_an_api,
}
