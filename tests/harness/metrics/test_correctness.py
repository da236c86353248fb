"""``exec.correct`` by an item's tests and output, ``exec.deprecated`` by what the program's lines raised."""

import dataclasses

import pytest

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.metrics.correctness import Correctness, same_output, scores
from apigauge.sandboxes.verdict import Deprecation, OutcomeOfTests, Program, Verdict

FRAME = "   a     b\n0  1  2.50\n1  3  4.25\n"
SAME = {
    "itself": ("a\nb", "a\nb", 1e-6),
    "blanks at ends of lines": ("a  \nb\t", "a\nb", 1e-6),
    "blank lines at the end": ("a\n\n\n", "a", 1e-6),
    "another end of line": ("a\r\nb\r\n", "a\nb", 1e-6),
    "an integer": ("5.0", "5", 1e-6),
    "within the tolerance": ("0.30000000000000004 and 1e3", "0.3 and 1000.0", 1e-6),
    "columns of another width": ("   a        b\n0  1  2.50000\n1  3  4.25000\n", FRAME, 1e-6),
    "a wider tolerance": ("3.1", "3.14", 0.02),
    "in brackets": ("array([1.0000000001, 2.])", "array([1., 2.])", 1e-6),
    "near zero": ("1e-9", "0.0", 1e-6),
    "not a number": ("nan -inf", "nan -inf", 1e-6),
    "nothing": ("", "", 1e-6),
}
DIFFERENT = {
    "another text": ("a", "b", 1e-6),
    "another case": ("True", "true", 1e-6),
    "outside the tolerance": ("0.3001", "0.3", 1e-6),
    "exactly": ("0.30000000000000004", "0.3", 0.0),
    "the other sign": ("-1", "1", 1e-6),
    "more lines": ("a\nb", "a", 1e-6),
    "a blank line between": ("a\n\nb", "a\nb", 1e-6),
    "more numbers": ("1 2", "1", 1e-6),
    "the name of a thing": ("x1", "x2", 1e-6),
    "part of a version": ("1.2.3", "1.2.4", 1e-6),
    "not a number": ("nan", "1", 1e-6),
    "infinity": ("inf", "1e308", 1.0),
    "nothing": ("", "0", 1e-6),
    "words that moved together": ("ab", "a b", 1e-6),
}


@pytest.mark.parametrize("case", SAME)
def test_outputs_agree(case):
    assert same_output(*SAME[case])


@pytest.mark.parametrize("case", DIFFERENT)
def test_outputs_differ(case):
    assert not same_output(*DIFFERENT[case])


def item(**fields):
    return Item("q", "?", "f()", fields.pop("program", ""), "", "f()", **fields)


def judged(one, verdict):
    return Correctness(Benchmark("b", (one,), (), "0")).judge("q", verdict)


PASSED = Verdict("passed", 2, tests=OutcomeOfTests("passed"), output="1\n")


@pytest.mark.parametrize(
    ("fields", "verdict", "number", "label", "message"),
    [
        ({"tests": "assert x"}, PASSED, 1.0, "correct", None),
        ({"output": ("2", "1")}, PASSED, 1.0, "correct", None),
        ({"tests": "assert x", "output": ("1",)}, PASSED, 1.0, "correct", None),
        (
            {"tests": "import m\nassert x"},
            dataclasses.replace(PASSED, tests=OutcomeOfTests("failed", "AssertionError", 2)),
            *(0.0, "tests/failed", "tests, line 2 (`assert x`): AssertionError"),
        ),
        (
            {"tests": "assert x"},
            dataclasses.replace(PASSED, tests=OutcomeOfTests("timeout", "did nothing for 20 s")),
            *(0.0, "tests/timeout", "tests: did nothing for 20 s"),
        ),
        (
            {"tests": "assert x"},
            dataclasses.replace(PASSED, tests=None),
            *(0.0, "tests/not_run", "the tests were not run to their end"),
        ),
        (
            {"output": ("1\n2",)},
            dataclasses.replace(PASSED, output="1\n3"),
            *(0.0, "output", "line 2 of the output is '3', and '2' is expected"),
        ),
        (
            {"output": ("1",)},
            dataclasses.replace(PASSED, output=""),
            0.0,
            "output",
            "printed nothing, and '1' is expected",
        ),
        (
            {"output": ("1",)},
            dataclasses.replace(PASSED, output="1\n1"),
            0.0,
            "output",
            "printed 2 lines, and 1 are expected",
        ),
        # What failed, or left early, is not correct whatever it printed before.
        (
            {"output": ("1",)},
            dataclasses.replace(PASSED, status="early_exit"),
            *(0.0, "not_run", "the program did not run to its end"),
        ),
    ],
)
def test_an_answer_is_correct_if_its_tests_pass_and_its_output_agrees(fields, verdict, number, label, message):
    scored = judged(item(**fields), verdict)
    assert (scored.metrics, scored.labels) == ({"exec.correct": number}, {"exec.correct": label})
    assert scored.messages == ({"exec.correct": message} if message else {})


def test_an_item_without_tests_and_output_is_not_scored():
    assert judged(item(), PASSED).metrics == {}
    assert judged(item(tolerance=0.1), PASSED).metrics == {}


def test_a_program_gets_the_tests_of_its_item_and_only_of_that():
    tested = item(tests="assert sum(1, 2) == 2", output=("abc",), program="def sum(a, b):\n    return a * b")
    judge = Correctness(Benchmark("b", (tested,), (), "0"))
    program = judge.for_item(Program("x"), "q")
    assert (program.tests, program.keeps) == ("assert sum(1, 2) == 2", ("sum",))
    assert program.output_bytes > 3
    assert judge.for_item(Program("x"), "other") == Program("x")
    plain = Correctness(Benchmark("b", (item(tests="x", program="import ("),), (), "0")).for_item(Program("x"), "q")
    assert (plain.keeps, plain.output_bytes) == ((), 0)


def test_a_warning_of_the_program_s_own_lines_is_what_makes_it_deprecated():
    verdict = dataclasses.replace(PASSED, deprecations=(Deprecation("FutureWarning", "use g", 3),))
    scored = scores(verdict)
    assert scored.metrics == {"exec.deprecated": 1.0}
    assert scored.labels == {"exec.deprecated": "FutureWarning"}
    assert scored.messages == {"exec.deprecated": "line 3: use g"}
    assert scores(PASSED).metrics == {"exec.deprecated": 0.0}
    assert scores(PASSED).labels == {}
