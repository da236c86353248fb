"""Answers that are meant for a notebook: what Python is given of them."""

import pytest

from apigauge.harness.extraction.extract import extract

LOAD = "torch.hub.load('pytorch/vision', model='resnet50')"
PROGRAM = f"import torch\nmodel = {LOAD}\nmodel.eval()"


def extracted(text):
    extraction = extract(text, frozenset({"torch.hub.load"}))
    return extraction.call, extraction.program, extraction.how


@pytest.mark.parametrize(
    "line", ["!pip install torch", "%pip install torch", "pip install torch", "%matplotlib inline"]
)
def test_a_notebook_s_lines_are_no_part_of_the_program(line):
    assert extracted(f"<<<api_call>>>: {LOAD}\n<<<code>>>: {line}\n{PROGRAM}") == (LOAD, PROGRAM, "section")


@pytest.mark.parametrize("line", ["!pip install timm", "%pip install timm", "pip install timm", "%matplotlib inline"])
def test_nor_are_they_where_they_stand_between_its_own(line):
    lines = PROGRAM.split("\n")
    text = "\n".join([lines[0], line, *lines[1:]])
    assert extracted(f"<<<api_call>>>: {LOAD}\n<<<code>>>: {text}") == (LOAD, PROGRAM, "section")


def test_words_before_a_section_s_first_import_are_no_part_of_the_program():
    assert extracted(f"<<<api_call>>>: {LOAD}\n<<<code>>>: It's worth seeing.\n{PROGRAM}") == (LOAD, PROGRAM, "section")


@pytest.mark.parametrize(
    "program",
    [
        # Python as it is: a remainder, and a text for people.
        "x = (7\n  % y)",
        'text = """\n!pip install torch\n"""',
        # No program without the line either.
        "!pip install torch\nmodel = = 1",
        "It's worth seeing.\nimport torch\nmodel = = 1",
        "mlagents-load-from-hf --repo-id=a",
    ],
)
def test_other_lines_that_look_like_a_notebook_s_stay(program):
    assert extract(f"<<<code>>>: {program}").program == program
