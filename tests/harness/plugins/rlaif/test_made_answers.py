"""Answers made of references: each fault is in its program, and the label says so."""

import ast
import builtins

import pytest
from pyflakes.checker import Checker

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import Item
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.questions import QUESTIONS

SOURCE = 'import torch\nmodel = torch.hub.load("a/b", "resnet", pretrained=True)\nmodel.eval()'
ITEM = Item("1", "Load it", 'torch.hub.load("a/b", "resnet", pretrained=True)', SOURCE, "Vision", "torch-api")
OTHER = Item("2", "Compress it", "zlib.compress(data)", "import zlib\nprint(zlib.compress(b'a'))", "Bytes", "zlib-api")


@pytest.fixture(scope="module")
def made():
    return {one.kind: one for one in made_answers([ITEM, OTHER]) if one.answer.item is ITEM}


def program(one):
    return one.answer.text.removeprefix(" <<<code>>>: ")


def test_a_reference_deserves_every_yes_and_each_fault_one_no(made):
    assert list(made) == ["reference", "imports", "parses", "complete", "names", "bugs", "logic", "api", "asked"]
    assert made["reference"].truth == dict.fromkeys(QUESTIONS, True)
    no = {kind: {name for name, label in made[kind].truth.items() if not label} for kind in made}
    assert all(kind in no[kind] for kind in QUESTIONS)
    assert {kind: names - {kind} for kind, names in no.items() if names - {kind}} == {
        "imports": {"names", "bugs"},
        "parses": {"bugs"},
        "names": {"bugs"},
        "api": {"bugs"},
    }
    assert [kind for kind in made if True in made[kind].truth.values()] == ["reference", "asked"]
    assert made["asked"].truth == dict.fromkeys(QUESTIONS, True) | {"asked": False}
    assert len({one.answer.sample for one in made.values()}) == 9


def test_each_fault_is_what_it_is_called(made):
    """Each is looked for by another tool than the one that made it: pyflakes, the parser, running the program."""
    messages = Checker(ast.parse(program(made["imports"]))).messages
    assert [type(one).__name__ for one in messages] == ["UndefinedName"]
    with pytest.raises(SyntaxError):
        ast.parse(program(made["parses"]))
    assert "torch.hub" not in program(made["complete"])
    assert "TODO" in program(made["complete"])
    undefined = [one.message_args[0] for one in Checker(ast.parse(program(made["names"]))).messages]
    assert undefined == ["model_resutl"]
    before_call = program(made["bugs"]).split("model =")[0].replace("import torch\n", "")
    with pytest.raises(TypeError):
        exec(before_call, {})
    with pytest.raises(SystemExit):
        exec(program(made["logic"]).replace("import torch\n", ""), {"torch": builtins})
    assert '"resnet"' not in program(made["api"]).replace("'", '"')
    assert program(made["asked"]) == OTHER.reference_program


def test_a_program_that_does_not_parse_makes_no_answers():
    torn = Item("3", "Do", "f()", "f((", "None", "f")
    assert made_answers([torn]) == []
    assert {one.answer.item.id for one in made_answers([torn, ITEM])} == {"1"}


def test_a_fault_that_does_not_apply_is_left_out():
    bare = Item("4", "Print", "print()", "print(1)", "None", "print")
    made = {one.kind: program(one) for one in made_answers([bare])}
    assert list(made) == ["reference", "parses", "complete", "bugs", "logic", "api"]
    assert made["api"] == "print(1, no_such_option=True)"


def test_answers_of_mini_are_made_alike_every_time_and_differ_from_their_reference():
    mini = load_benchmark("mini")
    one, other = made_answers(mini.train), made_answers(mini.train)
    assert one == other
    programs = {item.id: item.reference_program.strip() for item in mini.train}
    assert not [a for a in one if a.kind != "reference" and program(a).strip() == programs[a.answer.item.id]]
    assert {a.answer.item.api for a in one if a.kind == "asked"} == {item.api for item in mini.train}
