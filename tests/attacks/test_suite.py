"""The attacks' files have valid heads, and a result is good only if every check was."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from apigauge.sandboxes import attacks
from apigauge.sandboxes.attacks import FAMILIES, KINDS, load, neighbour, read, witness
from apigauge.sandboxes.attacks.run import LIMITS, attack, run_one
from apigauge.sandboxes.verdict import Verdict

FOLDER = Path(attacks.__file__).parent
FILES = {path.stem: path for family in FAMILIES for path in (FOLDER / family).glob("*.py")}


def test_every_file_is_an_attack_and_names_are_unique():
    assert len(load()) == sum(1 for family in FAMILIES for _ in (FOLDER / family).glob("*.py"))
    assert not [name for name, count in Counter(one.name for one in load()).items() if count > 1]


@pytest.mark.parametrize(
    ("family", "least"), [("resource", 55), ("escape", 80), ("persistence", 30), ("forgery", 60), ("signals", 25)]
)
def test_no_family_has_shrunk(family, least):
    assert sum(one.family == family for one in load()) >= least


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_attacked_by_every_family(kind):
    assert {one.family for one in load() if kind in one.where} == set(FAMILIES)


@pytest.mark.parametrize("one", load(), ids=lambda one: one.name)
def test_an_attack_says_in_a_few_lines_what_it_is(one):
    lines = one.description.splitlines()
    assert 1 <= len(lines) <= 5
    assert one.description.endswith((".", "?"))


@pytest.mark.parametrize("one", load(), ids=lambda one: one.name)
def test_what_is_sent_anywhere_is_sent_only_without_an_interface(one):
    """An attack that names an address outside loopback first checks that there is an interface, and raises if so."""
    text = FILES[one.name].read_text(encoding="utf-8")
    if outside := re.search(r'"(?!127\.)(\d+\.\d+\.\d+\.\d+|2001:[\w:]*|[\w.]+\.invalid)"', text):
        assert one.name == "netlink_route" or text.index("socket.if_nameindex()") < outside.start()
    assert not re.search(r'"https?://(?!attack\.invalid)', text)


def test_an_expected_verdict_can_never_be_the_sign_of_an_escape():
    """Attacks say ``AssertionError`` where they have got out; ``failed/assertion`` is what they must never get."""
    assert not [one.name for one in load() if "failed/assertion" in one.expected]
    assert not [one.name for one in load() if "infra" in one.expected]


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("x = 1\n", "docstring"),
        ('"""Tries."""\nx = 1\n', "expect"),
        ('"""Tries."""\n# expect: failed\n', "no verdicts"),
        ('"""Tries."""\n# expect: infra\n', "no verdicts"),
        ('"""Tries."""\n# expect: passed\n# where: moon\n', "moon"),
        ('"""Tries."""\n# expect: passed\n# limit: 3\n', "limit"),
    ],
)
def test_a_head_that_is_not_understood_is_an_error(tmp_path, head, problem):
    path = tmp_path / "resource" / "broken.py"
    path.parent.mkdir()
    path.write_text(head)
    with pytest.raises(ValueError, match=problem):
        read(path)


def test_the_fields_of_a_head_are_read(tmp_path):
    path = tmp_path / "forgery" / "built.py"
    path.parent.mkdir()
    path.write_text(
        '"""Tries.\n\nAnd more.\n"""\n# expect: timeout | failed/other\n# stage: 2\n# callee: json.loads\n'
        '# where: docker\n# builds: text\n\ntext = "x = " + "(" * 3\n'
    )
    one = read(path)
    assert (one.name, one.family, one.source) == ("built", "forgery", "x = (((")
    assert (one.expected, one.max_stage, one.callee, one.where) == (
        ("timeout", "failed/other"),
        2,
        "json.loads",
        ("docker",),
    )
    assert one.description == "Tries.\n\nAnd more."


@pytest.mark.parametrize("kind", KINDS)
def test_the_witness_and_the_neighbour_are_programs(kind):
    ast.parse(neighbour())
    assert ("NAMESPACES = True" in witness(kind)) == (kind != "bare")
    ast.parse(witness(kind))


GOOD = Verdict("passed", 2)


class Scripted:
    """A sandbox that returns prepared verdicts, depending on the program."""

    concurrency = 1

    def __init__(self, attacked, witnessed=GOOD):
        self.attacked, self.witnessed = attacked, witnessed
        self.limits = []

    def run(self, program, limits=None):
        self.limits.append(limits)
        return self.witnessed if program.source in (witness("docker"), neighbour()) else self.attacked


ONE = next(one for one in load() if one.name == "sys_exit")


def test_the_right_verdict_without_effects_is_good():
    victim = Scripted(Verdict("early_exit", 2))
    result = run_one(ONE, victim, "docker", Scripted(Verdict("infra", 0)))
    assert result.ok
    assert result.to_json() == {
        "name": "sys_exit", "family": "forgery", "expected": ("early_exit",), "got": "early_exit", "ok": True, "effect": ""
    }  # fmt: skip
    assert victim.limits == [LIMITS, LIMITS]


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Verdict("passed", 2, reason="ended"), "ended"),
        (Verdict("early_exit", 4), "stage 4"),
        (Verdict("infra", 0, reason="lost"), "lost"),
        (Verdict("failed", 2, "other", reason="\ud800"), "\\ud800"),
    ],
)
def test_a_wrong_verdict_or_a_stage_too_high_is_not(verdict, text):
    result = run_one(ONE, Scripted(verdict), "docker")
    assert not result.ok
    assert text in result.effect


def test_what_the_witness_the_neighbour_or_the_machine_notices_is_not_good():
    dirty = Verdict("failed", 2, "assertion", "a file was left")
    good = Verdict("early_exit", 2)
    witnessed = run_one(ONE, Scripted(good, dirty), "docker")
    assert (witnessed.ok, witnessed.effect) == (False, "witness: failed/assertion: a file was left")
    attacked_neighbour = run_one(ONE, Scripted(good), "docker", Scripted(good, dirty))
    assert not attacked_neighbour.ok
    assert "neighbour: failed/assertion: a file was left" in attacked_neighbour.effect
    around = run_one(ONE, Scripted(good), "docker", checks=[lambda: "", lambda: "a new process"])
    assert (around.ok, around.effect) == (False, "a new process")


def test_only_attacks_that_a_kind_must_withstand_are_run():
    ticks = []
    results = attack(Scripted(Verdict("passed", 2)), "bare", attacks=load(), tick=ticks.append)
    assert results == ticks
    assert {result.name for result in results} == {one.name for one in load() if "bare" in one.where}
