"""Answers that are JSON or a dictionary."""

import json

import pytest

from apigauge.harness.extraction.extract import extract

FUNCTIONS = frozenset({"torch.hub.load", "pipeline", "torch.nn.LSTM", "torch.nn.GRU", "AutoModel.from_pretrained"})
LSTM = "torch.nn.LSTM(input_size=8, hidden_size=16)"
PROGRAM = f"import torch\nlayer = {LSTM}\nprint(layer(torch.zeros(1, 3, 8))[0].shape)"
LOAD = "torch.hub.load(repo_or_dir='pytorch/vision', model='resnet50', pretrained=True)"


def indented(text, count):
    return "\n".join(" " * count + line if line else line for line in text.split("\n"))


CASES = [
    ("json", json.dumps({"api_call": LOAD, "code": PROGRAM}), LOAD, PROGRAM),
    ("json fenced", "```json\n" + json.dumps({"api_call": LOAD, "code": PROGRAM}, indent=2) + "\n```", LOAD, PROGRAM),
    (
        "json prose",
        "Sure:\n" + json.dumps({"api_call": LOAD, "code": PROGRAM}, indent=1) + "\nHope (it) helps",
        LOAD,
        PROGRAM,
    ),
    ("json twice", json.dumps(json.dumps({"api_call": LOAD, "code": PROGRAM})), LOAD, PROGRAM),
    ("json esc", json.dumps(json.dumps({"api_call": LOAD, "code": PROGRAM}))[1:-1], LOAD, PROGRAM),
    ("json code", json.dumps({"code": PROGRAM}), LSTM, PROGRAM),
    ("json answer", json.dumps({"answer": LSTM}), LSTM, LSTM),
    ("json answer fenced", json.dumps({"answer": f"```python\n{PROGRAM}\n```"}), LSTM, PROGRAM),
    ("json content", json.dumps({"role": "assistant", "content": f"Use:\n```python\n{PROGRAM}\n```"}), LSTM, PROGRAM),
    ("json program", json.dumps({"thought": "I think f(1)", "program": PROGRAM}), LSTM, PROGRAM),
    (
        "json data string",
        json.dumps({"code": "import torch\nx = 'a\\nb'\n" + f"layer = {LSTM}"}),
        LSTM,
        "import torch\nx = 'a\\nb'\n" + f"layer = {LSTM}",
    ),
    ("dict literal", repr({"api_call": LOAD, "code": PROGRAM}), LOAD, PROGRAM),
    ("json in program", f"import torch\nd = {{'api_call': 'torch.nn.GRU(8)'}}\nlayer = {LSTM}", LSTM, None),
    ("quoted whole", json.dumps(PROGRAM), LSTM, PROGRAM),
    (
        "notebook json",
        json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": ["import torch\n", f"layer = {LSTM}"]},
                    {"cell_type": "markdown", "source": ["hi"]},
                ]
            }
        ),
        LSTM,
        f"import torch\nlayer = {LSTM}",
    ),
    (
        "escaped json fence",
        "```json\n" + json.dumps({"api_call": LOAD, "code": PROGRAM}).replace("\n", "") + "\n```",
        LOAD,
        PROGRAM,
    ),
]


@pytest.mark.parametrize(("text", "call", "program"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_answer_in_a_value(text, call, program):
    """``program`` is None where only the call matters."""
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == call
    if program is not None:
        assert extraction.program == program


def test_other_data_is_no_answer():
    for text in ('{"model": "resnet50", "score": 0.9}', "[1, 2, 3]", '{"a": {"b": {"c": 1}}}'):
        assert extract(text, FUNCTIONS).call is None


def test_the_first_of_equal_keys_counts():
    text = '{"api_call": "torch.nn.LSTM(1, 2)", "api_call": "torch.nn.LSTM(3, 4)"}'
    assert extract(text, FUNCTIONS).call == "torch.nn.LSTM(1, 2)"


def test_a_text_within_a_value_is_read_as_an_answer_and_how_says_so():
    extraction = extract(json.dumps({"answer": f"Use:\n```python\n{PROGRAM}\n```"}), FUNCTIONS)
    assert (extraction.call, extraction.how) == (LSTM, "fence, in a value")
