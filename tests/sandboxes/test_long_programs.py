"""Programs of almost a million characters get a verdict, whatever their shape: none is a failure of the sandbox."""

import pytest

from apigauge.sandboxes.pool import MAX_SOURCE
from apigauge.sandboxes.verdict import Program

LENGTH = 990_000
PASSED, SYNTAX = {("passed", None)}, {("failed", "syntax")}
# A second of CPU time, 256 MiB.
LIMITED = {("timeout", None), ("memory", None)}
# The program, and the verdicts that it may have.
PROGRAMS = {
    "long string": ("x = '" + "a" * LENGTH + "'\n", PASSED),
    "astral string": ("x = '" + "\U0001f600" * LENGTH + "'\n", PASSED),
    "unended string": ("x = '" + "a" * LENGTH + "\n", SYNTAX),
    "surrogates": ("x = '" + "\ud800" * LENGTH + "'\n", SYNTAX),
    "prose": ("this is a text of words and so on. " * (LENGTH // 35), SYNTAX),
    "sum in a line": ("x = " + "+".join("1" * (LENGTH // 2)) + "\n", SYNTAX),
    "calls of calls": ("x = print" + "()" * (LENGTH // 2) + "\n", SYNTAX | LIMITED),
    "parentheses in parentheses": ("x = " + "(" * (LENGTH // 2) + ")" * (LENGTH // 2) + "\n", SYNTAX),
    "signs before signs": ("x = " + "-" * LENGTH + "1\n", SYNTAX),
    "lines without end": ("\\\n" * (LENGTH // 2) + "x = 1\n", PASSED),
    "statements in lines": ("a=1\n" * (LENGTH // 4), LIMITED),
    "functions": ("def f(): pass\n" * (LENGTH // 14), LIMITED),
}


@pytest.mark.parametrize("shape", PROGRAMS)
def test_a_long_program_gets_its_verdict(sandbox, shape):
    source, expected = PROGRAMS[shape]
    assert len(source) < MAX_SOURCE
    verdict = sandbox.run(Program(source, "json.loads", ("json.loads",)))
    assert (verdict.status, verdict.category) in expected, verdict.reason
    assert sandbox.run(Program("print(1)\n")).status == "passed"
