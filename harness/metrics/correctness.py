"""What an item's tests and expected output say, and what the library says: ``exec.correct``, ``exec.deprecated``.

``exec.correct`` is 1 if the program ran to its end, printed what the item expects, and its tests passed. Items without
tests and without output have none. Tests run in the sandbox (:mod:`apigauge.sandboxes.worker.tested`); outputs are
compared here, where no program is.

``exec.deprecated`` is 1 if a line of the program itself raised a deprecation warning, or called what warned of its
caller, whether the warning was shown or not.
"""

import builtins
import math
import re
from dataclasses import replace

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.metrics.table import METRICS
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes.verdict import OutcomeOfTests, Program, Verdict

CORRECT, DEPRECATED = (info.name for info in METRICS if info.module == "correctness")
_BUILTINS = frozenset(vars(builtins))
# A number, with what stands around it in the output of libraries: 1., -.5e+03, nan, inf.
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)(?![\w])", re.ASCII)
# A name that a line of a program binds: by a definition, an import, a loop or an assignment.
_BINDING = re.compile(
    r"\b(?:def|class|as|import|for)\s+(\w+)|(?:^|[,;(\s])(\w+)\s*(?::[^=\n]*)?(?::=|=(?!=))", re.MULTILINE
)
_SHOWN = 80
# Of an output that is to be compared: more than expected is kept, to say what else was printed.
_SPARE = 4_096


def version() -> str:
    """Of the rules; the sandbox is described in the manifest's ``sandbox``."""
    return "tests behind the program, outputs by line and number"


class Correctness:
    """The tests and outputs of a benchmark's items, and the environments that they have for themselves.

    Args:
        benchmark: whose items, whether they are asked or are further rows.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        items = (*benchmark.rows, *benchmark.items)
        self._environments = {item.id: item.environment for item in items if item.environment}
        self._items = {item.id: item for item in items if item.tests or item.output}
        self._keeps = {id_: _bound_builtins(item) for id_, item in self._items.items() if item.tests}

    def for_item(self, program: Program, item: str) -> Program:
        """A program with an item's tests and environment, and with as much of its output kept as is needed.

        Args:
            program: answers the item.
            item: its id.
        """
        if item in self._environments:
            program = replace(program, environment=self._environments[item])
        expected = self._items.get(item)
        if expected is None:
            return program
        longest = max((len(text.encode("utf-8", "replace")) for text in expected.output), default=-_SPARE)
        return replace(
            program, tests=expected.tests, keeps=self._keeps.get(item, ()), output_bytes=2 * longest + 2 * _SPARE
        )

    def judge(self, item: str, verdict: Verdict) -> Scored:
        """``exec.correct`` of an item's verdict, with a label and what is wrong; nothing for an item without tests."""
        expected = self._items.get(item)
        if expected is None:
            return Scored({})
        label, message = _difference(expected, verdict)
        return Scored({CORRECT: float(not label)}, {CORRECT: label or "correct"}, {CORRECT: message} if message else {})


def scores(verdict: Verdict, item: str = "", correctness: Correctness | None = None) -> Scored:
    """The scores of one verdict that is not ``infra``.

    Args:
        verdict: of an answer's program.
        item: id of the question it answers.
        correctness: judges it by the item's tests and output; without it there is no ``exec.correct``.
    """
    scored = correctness.judge(item, verdict) if correctness else Scored({})
    scored.metrics[DEPRECATED] = float(bool(verdict.deprecations))
    if verdict.deprecations:
        first = verdict.deprecations[0]
        scored.labels[DEPRECATED] = first.category
        scored.messages[DEPRECATED] = f"line {first.line}: {first.message}"
    return scored


def _bound_builtins(item: Item) -> tuple[str, ...]:
    """The names of Python's own functions that an item's reference program gives to something else."""
    bound = {name for groups in _BINDING.findall(item.reference_program) for name in groups if name}
    return tuple(sorted(bound & _BUILTINS))


def _difference(expected: Item, verdict: Verdict) -> tuple[str, str]:
    """Label and message of what is wrong; both empty if nothing is."""
    if verdict.status != "passed":
        return "not_run", "the program did not run to its end"
    if expected.tests and (verdict.tests is None or verdict.tests.status != "passed"):
        return _failed_tests(expected.tests, verdict.tests)
    if expected.output and not any(same_output(verdict.output, text, expected.tolerance) for text in expected.output):
        return "output", _first_difference(verdict.output, expected.output[0], expected.tolerance)
    return "", ""


def _failed_tests(tests: str, verdict: OutcomeOfTests | None) -> tuple[str, str]:
    if verdict is None:
        return "tests/not_run", "the tests were not run to their end"
    lines, where = tests.splitlines(), "tests"
    if verdict.line and verdict.line <= len(lines):
        where = f"tests, line {verdict.line} (`{_short(lines[verdict.line - 1].strip())}`)"
    return f"tests/{verdict.status}", f"{where}: {verdict.reason}"


def same_output(printed: str, expected: str, tolerance: float) -> bool:
    """Whether a program printed what was expected.

    Args:
        printed: standard output.
        expected: what it should be.
        tolerance: how far numbers may be off, relative to the expected one (and for an expected 0 absolutely).
    """
    ours, theirs = _lines(printed), _lines(expected)
    return len(ours) == len(theirs) and all(
        _same_line(one, other, tolerance) for one, other in zip(ours, theirs, strict=True)
    )


def _lines(text: str) -> list[str]:
    """The lines without blanks at their ends, and without blank lines at the end."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_line(printed: str, expected: str, tolerance: float) -> bool:
    if printed == expected:
        return True
    between, between_expected = _NUMBER.split(printed), _NUMBER.split(expected)
    # Libraries align columns: numbers of other lengths move what stands between them.
    if [_squeezed(text) for text in between] != [_squeezed(text) for text in between_expected]:
        return False
    pairs = zip(_NUMBER.findall(printed), _NUMBER.findall(expected), strict=True)
    return all(_same_number(one, other, tolerance) for one, other in pairs)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _same_number(printed: str, expected: str, tolerance: float) -> bool:
    if printed == expected:
        return True
    value, target = float(printed), float(expected)
    if math.isnan(value) or math.isnan(target):
        return math.isnan(value) and math.isnan(target)
    return value == target or abs(value - target) <= tolerance * (abs(target) or 1.0)


def _first_difference(printed: str, expected: str, tolerance: float) -> str:
    ours, theirs = _lines(printed), _lines(expected)
    if not ours:
        return f"printed nothing, and {_short(theirs[0] if theirs else '')!r} is expected"
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if not _same_line(one, other, tolerance):
            return f"line {number} of the output is {_short(one)!r}, and {_short(other)!r} is expected"
    return f"printed {len(ours)} lines, and {len(theirs)} are expected"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
