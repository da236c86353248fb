"""BFCL's questions, and ``ast.bfcl`` against the checker in the package's own wheel."""

import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bfcl_answers import answers_to

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.files import find
from apigauge.benchmarks.loaders import BFCL
from apigauge.benchmarks.types import Item
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.ast_bfcl import judge
from apigauge.harness.metrics.registry import make_metrics, score

pytestmark = pytest.mark.bfcl
PACKAGE = Path(__file__).parents[1] / "bfcl_package.py"
ANSWERS_PER_QUESTION = 4
# A question with every type of an argument, most of which the data has seldom.
EVERY_TYPE = Item(
    id="every type",
    instruction="?",
    reference_call="",
    reference_program="",
    domain="simple_python",
    api="",
    functions=json.dumps(
        [
            {
                "name": "a.make",
                "parameters": {
                    "required": ["point"],
                    "properties": {
                        "point": {"type": "tuple", "items": {"type": "float"}},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "rows": {"type": "array", "items": {"type": "dict"}},
                        "options": {"type": "dict"},
                        "note": {"type": "any"},
                        "sizes": {"type": "array", "items": {"type": "array"}},
                        "where": {"type": "string"},
                    },
                },
            }
        ]
    ),
    possible_answers=json.dumps(
        [
            {
                "a.make": {
                    "point": [[1.0, 2.5], [3.0]],
                    "tags": [["O'Neil", "b-c"], [], "tags"],
                    "rows": [[{"a": [1, ""], "b": ["x y"]}], [{"a": [2]}, {"b": ["z"]}], ""],
                    "options": [{"k": ["v", ""], "n": [[1, 2]]}, ""],
                    "note": [3, ""],
                    "sizes": ["", [[1], [2]]],
                    "where": ["it's", ""],
                }
            }
        ]
    ),
)

# What no reference has, and mutations seldom or never make: what is accepted, and an answer.
RARE: list[tuple[dict[str, object], str]] = [
    ({"point": [[3.0]], "tags": []}, "[a.make(point=[3.0])]"),
    ({"point": [[3.0]], "where": ["x^y.z"]}, "[a.make(point=[3.0], where='xyz')]"),
    ({"point": [[3.0]], "where": ["xyz"]}, "[a.make(point=[3.0], where='x^yz')]"),
    ({"point": [[3.0]], "where": ["xyz"]}, "[a.make(point=[3.0], where='x.yz')]"),
    ({"point": [[3.0]], "where": ["xyz"]}, "[a.make(point=[3.0], where='x;yz')]"),
    ({"point": [[3.0]], "where": ["it's"]}, "[a.make(point=[3.0], where='it\\\"s')]"),
    ({"point": [[3.0]], "where": [3, "x"]}, "[a.make(point=[3.0], where='3')]"),
    ({"point": [[3.0]], "where": ["x", 3]}, "[a.make(point=[3.0], where='3')]"),
    ({"point": [[3.0]], "rows": [[{"a": [1]}, ""]]}, "[a.make(point=[3.0], rows=[{'a': 1}, {}])]"),
    ({"point": [[3.0]], "rows": [[""]]}, "[a.make(point=[3.0], rows=[{}])]"),
    ({"point": [[3.0]], "options": [{"k": {"m": ["v"]}}]}, "[a.make(point=[3.0], options={'k': {'m': 'v'}})]"),
    ({"point": [[3.0]], "options": [{"k": {"m": ["v"]}}]}, "[a.make(point=[3.0], options={'k': 'm'})]"),
    ({"point": [[3.0]], "tags": [{"b": 1}]}, "[a.make(point=[3.0], tags=['b'])]"),
    ({"point": [[3.0]]}, "[a.make(point=[3.0])], [a.make(point=[3.0])]"),
    ({"point": [[3.0]]}, "[a.make(point=[3.0])][0]"),
    ({"point": [[3.0]]}, "[a.make(point=[3.0])] + []"),
    ({"point": [[3.0]]}, "{a.make(point=[3.0])}"),
    ({"point": [[3.0]]}, "'[a.make(point=[3.0])]'"),
    ({"point": [[3.0]]}, "[]"),
    ({"point": [[True]]}, "[a.make(point=[1.0])]"),
    ({"point": [[3.0]], "note": ["3"]}, "[a.make(point=[3.0], note=3)]"),
]


@pytest.fixture(scope="module")
def bfcl():
    return load_benchmark("bfcl")


def package(lines):
    """What the package says, line by line."""
    wheel = find(BFCL.file, None, "bfcl")
    text = "".join(json.dumps(line) + "\n" for line in lines)
    command = [sys.executable, "-I", PACKAGE, wheel]
    completed = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=True)
    return [json.loads(line) for line in completed.stdout.splitlines()]


def test_every_question_with_a_reference_is_an_item(bfcl):
    assert Counter(item.domain for item in bfcl.items) == {
        "simple_python": 400,
        "multiple": 200,
        "parallel": 200,
        "parallel_multiple": 200,
        "live_simple": 258,
        "live_multiple": 1_053,
        "live_parallel": 16,
        "live_parallel_multiple": 24,
    }
    first = bfcl.items[0]
    assert (first.id, first.reference_call) == ("simple_python_0", "calculate_triangle_area(base=10, height=5)")
    assert dict(first.values[0])["unit"] == ("'units'", "", "''")
    assert (bfcl.licence, bfcl.path, bfcl.environment) == ("Apache-2.0", "", "")


def test_prompts_are_the_package_s(bfcl):
    items = bfcl.items[::50]
    prompts = package({"prompt_of": json.loads(item.functions)} for item in items)
    for item, prompt in zip(items, prompts, strict=True):
        assert bfcl.prompt(item) == f"{prompt}\n{item.instruction}"


def test_verdicts_are_the_package_s_for_references_and_their_mutations(bfcl):
    """On references and mutations of every kind; where the checker raises, the label says so and the answer is wrong."""
    state = random.Random(19)
    pairs = [(item, answer) for item in bfcl.items for answer in answers_to(item, state, ANSWERS_PER_QUESTION)]
    nothing_accepted = replace(EVERY_TYPE, possible_answers='[{"a.make": {"tags": [], "point": [[3.0]]}}]')
    rare = [
        (item, answer) for item in (EVERY_TYPE, nothing_accepted) for answer in answers_to(EVERY_TYPE, state, 1_500)
    ]
    rare += [(replace(EVERY_TYPE, possible_answers=json.dumps([{"a.make": one}])), answer) for one, answer in RARE]
    pairs += rare
    verdicts = package(
        {
            "functions": json.loads(item.functions),
            "possible_answers": json.loads(item.possible_answers),
            "category": item.domain,
            "answer": answer,
        }
        for item, answer in pairs
    )
    assert len(verdicts) == len(pairs) == ANSWERS_PER_QUESTION * 2_351 + len(rare)
    differences, kinds = [], Counter()
    for (item, answer), verdict in zip(pairs, verdicts, strict=True):
        expected = "checker_error" if verdict is None else "valid" if verdict[0] else verdict[1]
        label = judge(item, answer).label
        kinds[expected] += 1
        if label != expected:
            differences.append((item.id, answer, expected, label))
    assert differences == []
    # Of the pairs, enough are right and wrong, in each way.
    assert kinds["valid"] > 2_000
    assert len(kinds) >= 15, kinds
    assert sum(kinds.values()) - kinds["valid"] > 2_000


def test_four_references_are_wrong_for_the_checker_itself(bfcl):
    """Two have an argument for which nothing is accepted, one an argument and one a call that the schemas do not allow."""
    labels = {item.id: judge(item, item.reference_program).label for item in bfcl.items}
    assert {name: label for name, label in labels.items() if label != "valid"} == {
        "live_simple_106-63-0": "type_error:simple",
        "live_simple_112-68-0": "type_error:simple",
        "live_multiple_862-181-3": "simple_function_checker:unexpected_param",
        "live_multiple_964-207-0": "simple_function_checker:missing_required",
    }


def test_arithmetic_in_an_answer_is_computed_and_its_code_is_not_run(bfcl):
    item = bfcl.items[0]
    for base, label in {
        "5 + 5": "valid",
        "2 ** 3 + 2": "valid",
        "len('0123456789') + 0": "ast_decoder:decoder_failed",
        "__import__('os').getpid() + 0": "ast_decoder:decoder_failed",
        "10 ** 10 ** 10": "ast_decoder:decoder_failed",
        "'a' * 10 ** 9": "ast_decoder:decoder_failed",
        "1 << 10 ** 9": "ast_decoder:decoder_failed",
        "'%1000000000d' % 1": "ast_decoder:decoder_failed",
    }.items():
        assert judge(item, f"[calculate_triangle_area(base={base}, height=5)]").label == label, base


def test_reasoning_before_the_answer_does_not_count(bfcl):
    metrics, item = make_metrics(["ast_bfcl"], bfcl), bfcl.items[0]
    text = f"<think>[f(x=1)]?</think>\n{item.reference_program}"
    assert score(metrics, item, extract(text)).metrics == {"ast.bfcl": 1.0}
    assert score(metrics, item, extract("x" * 1_000_001)).labels == {"ast.bfcl": "too_long"}
