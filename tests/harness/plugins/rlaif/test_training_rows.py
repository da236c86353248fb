"""Training rows from the catalogue, where the benchmark's training file is not here."""

import ast
import json
from dataclasses import replace

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import Api, Benchmark, Item, api_key
from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif.training_rows import catalogue_items, rows_from, with_training_rows

ASKED = Item("1", "Do it", "AutoModel.from_pretrained('a/asked')", "", "NLP", "x", json.dumps({"api_name": "a/asked"}))


def api(call, example="", name="", description="Does something.", library="transformers"):
    return Api(call, "NLP", name or call, description, example, library=library)


def programs(*catalogue, items=(ASKED,)):
    benchmark = Benchmark("made", items, tuple(catalogue), "digest")
    return {item.id: item.reference_program for item in catalogue_items(benchmark)}


def test_an_example_that_makes_the_call_is_the_program():
    example = "from transformers import AutoModel\nmodel = AutoModel.from_pretrained('b/free')\nmodel.eval()"
    assert programs(api("AutoModel.from_pretrained('b/free')", example)) == {"row-0": example}


def test_where_the_example_is_no_python_the_call_stands_behind_its_import():
    example = "from timm import create_model\nmodel = create_model(name without quotes)"
    assert programs(api("create_model('b/free')", example, library="")) == {
        "row-0": "from timm import create_model\nmodel = create_model('b/free')"
    }
    assert programs(api("AutoModel.from_pretrained('b/free')", "N/A"))["row-0"].startswith(
        "from transformers import AutoModel\n"
    )


def test_an_example_of_another_call_is_not_the_program():
    example = "from transformers import pipeline\npipe = pipeline('ner')"
    assert "pipeline" not in programs(api("AutoModel.from_pretrained('b/free')", example))["row-0"]


@pytest.mark.parametrize(
    "row",
    [
        api(ASKED.reference_call, name="other"),
        api("AutoTokenizer.from_pretrained('a/asked')", name="a/asked"),
        api("no call at all"),
        api("unknown('b')", "N/A", library=""),
        api("AutoModel.from_pretrained('b/free')", description="N/A"),
    ],
    ids=["same call", "same model", "no call", "no import", "no description"],
)
def test_what_a_question_asks_for_or_makes_no_program_is_left_out(row):
    reference = replace(ASKED, api=api_key(ASKED.reference_call))
    assert programs(row, items=(reference,)) == {}


def test_a_row_that_stands_twice_is_taken_once():
    row = api("AutoModel.from_pretrained('b/free')")
    assert list(programs(row, row)) == ["row-0"]


def test_the_file_goes_first_where_either_will_do():
    mini = load_benchmark("mini")
    assert with_training_rows(mini, "either") is mini
    assert with_training_rows(mini, "file") is mini
    bare = replace(mini, train=())
    assert with_training_rows(bare, "file").train == ()
    assert rows_from(mini) == "training file"
    with pytest.raises(UsageError, match="no row with a program"):
        with_training_rows(replace(bare, catalogue=()), "either")


@pytest.mark.apibench
def test_no_row_of_hugging_face_is_about_a_model_that_a_question_asks_for():
    benchmark = with_training_rows(load_benchmark("apibench-huggingface"), "catalogue")
    assert rows_from(benchmark) == "catalogue"
    assert len(benchmark.train) == 299
    names = {json.loads(item.document)["api_name"] for item in (*benchmark.items, *benchmark.rows)}
    assert {json.loads(item.document)["api_name"] for item in benchmark.train} & names == set()
    assert {item.api for item in benchmark.train} & {item.api for item in benchmark.rows} == set()
    for item in benchmark.train:
        function = ast.parse(item.reference_call.strip()).body[0].value
        function = function.func if isinstance(function, ast.Call) else function
        assert ast.unparse(function) in ast.unparse(ast.parse(item.reference_program)), item.id
