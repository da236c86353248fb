"""The files of ``report --export``: every digit where programs read them, and hostile names inert wherever they go."""

import csv
import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import pandas as pd
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from markdown_it import MarkdownIt

from apigauge.errors import ApigaugeError, RunError, UsageError
from apigauge.reports import formats
from apigauge.reports.export import COLUMNS, table_rows
from apigauge.reports.formats import texts
from apigauge.reports.formats.hub_results import percent, upload_command, write_results

HOSTILE = (
    '=HYPERLINK("http://a.example","x")',
    "+1|2\n| new | row |",
    "-1 --- \\input{/etc/passwd} $x^2$ & % # _ ~ {",
    "@everyone <script>alert(1)</script> [x](javascript:1) ![y](http://b.example) www.c.example",
    "a\u202eb\u200b\u2028c\x00\x1b[31m",
    "lone \ud800 surrogate \U0001f600",
    "- a: &b !!python/object:os.system 'x' \"y\" # z",
    "**bold** `code` *i* <b> \\",
    "x" * 5000,
)


@pytest.fixture
def hostile(run, item):
    """A run for each text, in which it stands wherever a text can."""

    def one(text):
        row = item(0, id=text, instruction=text, text=text, call=text, api=text, messages={"ast.exact": text})
        view = run(text, {"ast.exact": 1 / 3, "hallucination": 0.07, "exec.stage": 2.5}, spec=text, rows=[row])
        return dataclasses.replace(view, manifest={**view.manifest, "benchmark": {"name": text, "digest": text}})

    return [one(text) for text in HOSTILE]


def test_every_format_writes_hostile_runs_as_valid_utf8(hostile, tmp_path):
    for name in formats.NAMES:
        written = formats.export(name)(hostile, tmp_path)
        assert written.exists()
        assert formats.export(name)(hostile, tmp_path) == written, "again, over its own files"
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            path.read_bytes().decode("utf-8")
            assert path.resolve().is_relative_to(tmp_path.resolve())


def test_a_file_that_no_export_wrote_is_not_replaced(eighteen_runs, tmp_path):
    (tmp_path / "leaderboard.md").write_text("mine", encoding="utf-8")
    with pytest.raises(ApigaugeError, match="not overwritten"):
        formats.export("md")(eighteen_runs, tmp_path)
    assert (tmp_path / "leaderboard.md").read_text(encoding="utf-8") == "mine"


def test_no_cell_of_a_table_is_a_formula_and_numbers_stay_numbers(hostile, tmp_path):
    with formats.export("csv")(hostile, tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * len(HOSTILE)
    assert not [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@"))]
    assert {row["run"].removeprefix("'") for row in rows} == {texts.plain(text) for text in HOSTILE}
    assert texts.cell(-0.5) == -0.5
    assert {float(row["value"]) for row in rows} == {1 / 3, 0.07, 2.5}


def test_runs_of_one_name_are_told_apart(run, tmp_path):
    with formats.export("csv")([run("same"), run("same")], tmp_path).open(encoding="utf-8", newline="") as file:
        assert [row["page"] for row in csv.DictReader(file)] == ["runs/same.html", "runs/same-2.html"]


def test_pandas_reads_the_same_numbers_from_csv_and_parquet(eighteen_runs, tmp_path):
    from_csv = pd.read_csv(formats.export("csv")(eighteen_runs, tmp_path), float_precision="round_trip")
    from_parquet = pd.read_parquet(formats.export("parquet")(eighteen_runs, tmp_path))
    expected = table_rows(eighteen_runs)
    assert list(from_csv.columns) == list(from_parquet.columns) == list(COLUMNS)
    for name in ("value", "low", "high", "n", "clusters", "items"):
        assert from_csv[name].tolist() == from_parquet[name].tolist() == [row[name] for row in expected]


def test_json_has_manifest_and_summary_as_they_are(hostile, eighteen_runs, tmp_path):
    for runs in (hostile, eighteen_runs):
        content = json.loads(formats.export("json")(runs, tmp_path).read_text(encoding="utf-8"))["runs"]
        assert [(one["run"], one["manifest"], one["summary"]) for one in content] == [
            (run.name, run.manifest, run.summary) for run in runs
        ]


def test_markdown_shows_hostile_names_as_text_in_their_own_cells(hostile, tmp_path):
    text = formats.export("md")(hostile, tmp_path).read_text(encoding="utf-8")
    cards = formats.export("card")(hostile, tmp_path)
    for source in (text, *(path.read_text(encoding="utf-8") for path in cards.iterdir())):
        tokens = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(source)
        inline = [token for token in tokens if token.type == "inline"]
        assert {child.type for token in inline for child in token.children} <= {"text", "text_special"}
        assert not [token for token in tokens if token.type in ("html_block", "fence", "code_block")]
        assert not re.search(r"[\u202e\u200b\u2028\x00\x1b@]|://|www\.", source.split("\n\n", 1)[1])
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    cells = ["".join(c.content for c in tokens[at + 1].children) for at, t in enumerate(tokens) if t.type == "td_open"]
    assert len(cells) == len(HOSTILE) * 5
    assert cells[0::5] == [texts.one_line(text) for text in HOSTILE]


def test_latex_has_no_command_of_a_name(hostile, tmp_path):
    text = formats.export("tex")(hostile, tmp_path).read_text(encoding="utf-8")
    ours = {"usepackage", "begin", "end", "centering", "caption", "toprule", "midrule", "bottomrule", "textbackslash"}
    ours |= {"textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "textquotedbl"}
    assert set(re.findall(r"\\([A-Za-z]+)", text)) <= ours
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 2 * len(HOSTILE)
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {4}
    assert not re.search(r"(?<!\\)[$#_%]", text.split("\n", 1)[1])


def test_badges_are_static_have_a_title_and_only_text(hostile, tmp_path):
    folder = formats.export("badge")(hostile, tmp_path)
    assert len(list(folder.iterdir())) == len(HOSTILE)
    for path in folder.iterdir():
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags == {"svg", "title", "rect", "g", "text"}
        assert {key for element in root.iter() for key in element.attrib}.isdisjoint({"href", "onload", "style"})
        assert (root.attrib["role"], root.attrib["aria-labelledby"]) == ("img", root[0].attrib["id"])
        assert "33.3 %, 95 % interval 28.33 to 38.33" in root[0].text


def test_yaml_scalars_are_the_same_text_in_a_reader():
    for text in (*HOSTILE, "", "null", "1e3", "\x7f\x85\ufeff"):
        assert yaml.safe_load(f"a: {texts.yaml(text)}\n") == {"a": text}
        assert texts.yaml(text).isascii()


def test_huggingface_hub_parses_the_results(run, tmp_path):
    view = run("a", {"ast.exact": 1 / 3, "rouge.1": 0.07, "hallucination": 0.2, "exec.stage": 2.5})
    written = write_results([view], tmp_path, "org/model")
    (path,) = (written.folder / ".eval_results").iterdir()
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert [(one.dataset_id, one.task_id) for one in entries] == [
        ("apigauge/apibench-torchhub", "ast_exact"),
        ("apigauge/apibench-torchhub", "rouge_1"),
    ]
    assert [Decimal(repr(one.value)) / 100 for one in entries] == [Decimal(repr(1 / 3)), Decimal("0.07")]
    low, high = (view.summary["metrics"]["ast.exact"][end] for end in ("low", "high"))
    assert entries[0].notes.startswith(f"95 % interval {percent(low)} to {percent(high)}; 100 answers about 40 APIs")
    assert entries[0].source_url == "https://huggingface.co/org/model/blob/main/apigauge/a.html"
    assert (written.folder / "apigauge" / "a.html").is_file()
    assert written.left_out == ("a: hallucination: small values are good", "a: exec.stage: it goes up to 4")
    assert upload_command("org/model", written.folder) == f"hf upload org/model {written.folder} . --create-pr"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"items": 40}, "only 40 of 100"),
        ({"infra_error_rate": 0.01}, "the sandbox failed for 1.0%"),
        ({"withheld": ["exec.rate"]}, "the sandbox failed"),
        ({"kind": "constant"}, "no model answered"),
    ],
)
def test_runs_that_would_mislead_are_not_published(run, tmp_path, changes, reason):
    with pytest.raises(RunError, match=reason):
        write_results([run("a", **changes)], tmp_path, "org/model")
    assert not list(tmp_path.iterdir())


def test_a_run_with_a_limit_or_many_unfinished_answers_is_not_published(run, tmp_path):
    with pytest.raises(RunError, match="only 100 of 200 questions"):
        write_results([dataclasses.replace(run("a"), benchmark_items=200)], tmp_path, "org/model")
    unfinished = {"unfinished": {"count": 20, "answers": 100, "share": 0.2, "reasons": {"length": 20}}}
    view = run("a")
    with pytest.raises(RunError, match="20 of 100 answers unfinished"):
        write_results([dataclasses.replace(view, summary={**view.summary, **unfinished})], tmp_path, "org/model")


@pytest.mark.parametrize("items", [0, 200])
def test_logs_of_other_harnesses_say_that_a_run_asked_only_some_of_the_questions(run, tmp_path, items):
    view = dataclasses.replace(run("a"), benchmark_items=items)
    (log,) = formats.export("inspect")([view], tmp_path).rglob("*.json")
    records = [json.loads(log.read_bytes())["eval"]["metadata"]]
    aggregates = [
        json.loads(path.read_bytes()) for path in formats.export("every-eval-ever")([view], tmp_path).rglob("*.json")
    ]
    records += [one["score_details"]["details"] for about in aggregates for one in about["evaluation_results"]]
    assert len(records) > 1
    assert {record.get("partial") for record in records} == {"100 of 200 questions" if items else None}


@pytest.mark.parametrize("name", ["model", "a/b/c", "../x", "a/..", "a b/c", "-x/y"])
def test_what_is_no_repository_is_refused(run, tmp_path, name):
    with pytest.raises(UsageError, match="ORG/NAME"):
        write_results([run("a")], tmp_path, name)


def test_a_benchmark_becomes_a_dataset_with_its_questions(hostile, run, item, tmp_path):
    rows = [item(number, api=f"api{number}") for number in range(3)]
    folder = formats.export("dataset")([run("a", rows=rows)], tmp_path) / "apibench-torchhub"
    content = yaml.safe_load((folder / "eval.yaml").read_text(encoding="utf-8"))
    assert content["tasks"] == [{"id": "ast_exact", "config": "default", "split": "test"}]
    questions = [json.loads(line) for line in (folder / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one["api"] for one in questions] == ["api0", "api1", "api2"]
    written = formats.export("dataset")(hostile, tmp_path)
    texts_read = {
        json.loads(path.read_text(encoding="utf-8"))["instruction"]
        for path in written.rglob("*.jsonl")
        if path.parents[1] != folder
    }
    assert texts_read == set(HOSTILE)
    with pytest.raises(RunError, match="no run answers all"):
        formats.export("dataset")([run("a", items=40)], tmp_path)
