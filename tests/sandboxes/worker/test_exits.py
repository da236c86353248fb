"""Which last statements are ends, whatever name they give the exit."""

import pytest
from sandbox_kinds import open_kind

from apigauge.sandboxes.verdict import Program

ENDS = {
    "by another name": "from sys import exit as leave\nleave(0)",
    "by another name of its module": "import sys as s\ns.exit()",
    "by a name that it gives it": "import sys\nend = sys.exit\nend(None)",
    "as the site's": "exit()",
    "by raising it": "raise SystemExit",
    "by raising it with a value": "raise SystemExit(0)",
    "in a branch": "import sys\nif True:\n    sys.exit(0)\nelse:\n    x = 1",
}
NO_ENDS = {
    "with an error": "from sys import exit as leave\nleave(1)",
    "with a text": "import sys\nsys.exit('no')",
    "with two values": "raise SystemExit(0, 0)",
    "in a function": "import sys\ndef f(): sys.exit(0)\nf()",
    "before its end": "import sys\nsys.exit(0)\nx = 1",
}


@pytest.fixture(scope="module")
def bare():
    opened = open_kind("bare")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ENDS)
def test_a_program_ends_that_leaves(bare, name):
    assert bare.run(Program(ENDS[name])).status == "passed"


@pytest.mark.parametrize("name", NO_ENDS)
def test_a_program_does_not_end_that_leaves(bare, name):
    assert bare.run(Program(NO_ENDS[name])).status == "early_exit"


def test_another_function_of_that_name_is_called(bare):
    source = "def exit(code): print('own', code)\nexit(3)"
    verdict = bare.run(Program(source))
    assert (verdict.status, verdict.evidence["stdout"]) == ("passed", "own 3\n")
