"""Right programs run in the stand-in hubs, and wrong ones fail: tables that were decided before any run."""

import ast

import hub_programs
import pytest

from apigauge.sandboxes.verdict import Program

# Of the right programs those that run to their end, and of the wrong ones those that fail.
RIGHT, WRONG = 0.95, 0.97


@pytest.mark.parametrize("hub", hub_programs.HUBS)
def test_a_table_is_half_right_and_half_wrong_and_all_of_it_python(hub):
    programs = hub_programs.read(hub)
    for one in programs:
        ast.parse(one.program, one.id)
    assert len({one.id for one in programs}) == len({one.program for one in programs}) == len(programs)
    assert sum(one.right for one in programs) * 2 == len(programs)


PARAMS = [
    pytest.param(hub, marks=[pytest.mark.docker(hub), pytest.mark.slow, pytest.mark.xdist_group(f"hub-{hub}")])
    for hub in hub_programs.HUBS
]


@pytest.mark.parametrize("hub", PARAMS)
def test_right_programs_run_and_wrong_ones_fail(hub, sandbox_of):
    outcomes = hub_programs.run(hub_programs.read(hub), sandbox_of(hub))
    report = "\n".join(str(one) for one in outcomes if not one.as_expected)
    for right, share in ((True, RIGHT), (False, WRONG)):
        group = [one for one in outcomes if one.labelled.right == right]
        assert sum(one.as_expected for one in group) >= share * len(group), report


WRITES = """
import os, tempfile
for folder in ("/tmp/own/deep", os.path.join(os.environ.get("HF_HOME", "/tmp"), "modules"), os.path.expanduser("~/.cache")):
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, "file"), "w").close()
tempfile.mkdtemp(dir="/tmp")
"""


@pytest.mark.parametrize("hub", PARAMS)
def test_programs_write_where_libraries_keep_things(hub, sandbox_of):
    """What the environment's imports left in /tmp, and made of its permissions, is not in their way."""
    for _ in range(2):
        verdict = sandbox_of(hub).run(Program(WRITES))
        assert verdict.status == "passed", verdict
