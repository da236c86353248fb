"""The data next to the pages: every answer and question once, unchanged, in files that a page can load alone."""

import json
import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.harness.cli.report_views import view
from apigauge.reports.data_files import DIGITS, LINES, column, layouts, natural
from apigauge.reports.leaderboard import write_site

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028\u2029 \x00 é 日本 \\ \" ' ` ${alert(1)} \\` \r\n"
SCRIPT = re.compile(r'apigauge\("([^"]+)",String\.raw`([^`]*)`\);\n// written by apigauge, sha256:[0-9a-f]{64}\n')


def data_of(out, path):
    """What a file calls the page with, read without its help."""
    text = (out / "data" / f"{path}.js").read_bytes().decode("utf-8")
    whole = SCRIPT.fullmatch(text)
    assert whole, text[:200]
    assert whole[1] == path
    assert not re.search("[<>&$\u2028\u2029\ud800-\udfff\x00]", whole[2])
    return json.loads(whole[2])


def decoded(data):
    """The rows of a column, by arithmetic of its own."""
    values, codes = data["values"], data["codes"]
    width = next(size for size in (1, 2, 3, 4) if 64**size >= len(values))
    pieces = [codes[at : at + width] for at in range(0, len(codes), width)]
    return [values[sum(DIGITS.index(one) * 64 ** (width - 1 - at) for at, one in enumerate(p))] for p in pieces]


def folder_of(out):
    (folder,) = (out / "data" / "benchmarks").iterdir()
    return f"benchmarks/{folder.name}"


@given(st.lists(st.none() | st.integers(-5, 5) | st.floats(0, 1) | st.text(max_size=3)))
def test_a_column_holds_its_rows_and_its_numbers_sort_as_codes(rows):
    data = column(rows)
    assert decoded(data) == rows
    numbers = [value for value in data["values"] if isinstance(value, int | float)]
    assert numbers == sorted(numbers)
    assert None not in data["values"][1:]


@pytest.mark.parametrize("count", [1, 64, 65, 4_096, 4_097, 300_000])
def test_a_column_has_as_many_digits_as_it_needs(count):
    rows = random.Random(7).sample(range(count), count)
    data = column(rows)
    assert data["values"] == sorted(rows)
    assert decoded(data) == rows
    assert len(data["codes"]) == count * {1: 1, 64: 1, 65: 2, 4_096: 2, 4_097: 3, 300_000: 4}[count]


def test_names_sort_by_the_numbers_in_them():
    in_order = ["", "0", "009", "010", "item", "item-9", "item-9b", "item-10", "item-10-2", "item-10-10"]
    in_order += ["item-" + 5_000 * "9", "item-a"]  # no number that Python would read
    assert sorted(random.Random(3).sample(in_order, len(in_order)), key=natural) == in_order


def test_every_answer_and_question_is_there_once_and_unchanged(run, item, tmp_path):
    rows = [
        item(
            number, sample=sample, text=f"{HOSTILE} {number} {sample}", call=HOSTILE if number % 3 else None,
            program=HOSTILE, instruction=f"{HOSTILE} {number}", api=HOSTILE, domain=f"d{number % 7}",
            labels={"ast.exact": "exact", "z": HOSTILE} if number % 2 else {}, unfinished="length" if number % 5 == 0 else None,
            metrics={"ast.exact": float(number % 2), "rouge.1": number / 977} if number % 4 else {"rouge.1": 0.5},
            verdict={"status": "failed", "stage": number % 5, "evidence": {"__proto__": HOSTILE}} if number % 2 else None,
        )
        for number in range(123)
        for sample in range(2)
    ]  # fmt: skip
    shuffled = random.Random(3).sample(rows, len(rows))
    write_site([run("a", rows=shuffled), run("b", rows=shuffled[:50])], tmp_path)
    folder = folder_of(tmp_path)
    questions = data_of(tmp_path, f"{folder}/questions")
    assert questions["ids"] == [str(number) for number in range(123)]
    assert decoded(questions["domain"]) == [f"d{number % 7}" for number in range(123)]
    assert decoded(questions["api"]) == [HOSTILE] * 123
    lines = data_of(tmp_path, f"{folder}/lines-0")
    assert lines["instruction"] == [f"{HOSTILE} {number}" for number in range(123)]
    assert lines["referenceCall"] == [row.reference_call for row in rows[::2]]
    programs = [data_of(tmp_path, f"{folder}/texts-{part}")["referenceProgram"] for part in range(3)]
    assert [len(part) for part in programs] == [50, 50, 23]
    assert [program for part in programs for program in part] == [row.reference_program for row in rows[::2]]
    items = data_of(tmp_path, "runs/a/items")
    assert [questions["ids"][number] for number in items["question"]] == [row.id for row in rows]
    assert decoded(items["sample"]) == [row.sample for row in rows]
    assert [name for name, _ in items["scores"]] == ["ast.exact", "rouge.1"]
    assert [decoded(values) for _, values in items["scores"]] == [
        [row.metrics.get(name) for row in rows] for name in ("ast.exact", "rouge.1")
    ]
    assert [(name, decoded(values)) for name, values in items["labels"]] == [
        (name, [row.labels.get(name) for row in rows]) for name in ("ast.exact", "z")
    ]
    assert decoded(items["stage"]) == [row.verdict and row.verdict["stage"] for row in rows]
    assert decoded(items["unfinished"]) == [row.unfinished for row in rows]
    assert decoded(items["length"]) == [len(row.text) for row in rows]
    calls = data_of(tmp_path, "runs/a/lines-0")
    assert (calls["begin"], calls["call"]) == (0, [row.call for row in rows])
    parts = [data_of(tmp_path, f"runs/a/texts-{part}") for part in range(3)]
    assert [part["begin"] for part in parts] == [0, 100, 200]
    answers = [answer for part in parts for answer in part["answers"]]
    for row, answer in zip(rows, answers, strict=True):
        assert (questions["ids"][answer["question"]], answer["sample"]) == (row.id, row.sample)
        assert (answer["text"], answer["call"], answer["program"]) == (row.text, row.call, row.program)
        assert (answer["scores"], answer["labels"], answer["verdict"]) == (row.metrics, row.labels, row.verdict)
        assert (answer["messages"], answer["how"], answer["reasoning"]) == (row.messages, row.how, row.reasoning)
    everything = [data_of(tmp_path, p.relative_to(tmp_path / "data").as_posix()[:-3]) for p in tmp_path.rglob("*.js")]
    assert len({data["layout"] for data in everything}) == 1


def test_a_part_has_the_same_questions_for_every_run_of_a_digest(run, item, tmp_path):
    long = [item(number, text="x" * 30_000) for number in range(40)]
    views = [run("long", rows=long), run("short", rows=[item(number) for number in range(7, 60)])]
    write_site(views, tmp_path)
    assert layouts(views)[views[0].benchmark, views[0].digest].texts == 10
    for name, wanted in (("long", range(40)), ("short", range(7, 60))):
        parts = [data_of(tmp_path, f"runs/{name}/texts-{part}")["answers"] for part in range(6)]
        assert [[answer["question"] for answer in part] for part in parts] == [
            [number for number in range(first, first + 10) if number in wanted] for first in range(0, 60, 10)
        ]


def test_digests_have_folders_of_their_own_that_no_other_run_renames(run, tmp_path):
    views = [run("a", digest="1"), run("b", digest="2"), run("c", digest="2", benchmark="x" * 200)]
    write_site(views[1:], tmp_path / "two")
    write_site(views, tmp_path / "three")
    two, three = ({p.name for p in (tmp_path / name / "data" / "benchmarks").iterdir()} for name in ("two", "three"))
    assert len(two) == 2
    assert len(three) == 3
    assert two < three
    assert max(map(len, three)) <= 80


def test_the_benchmarks_own_questions_win_over_those_of_other_data(run, item, tmp_path):
    other = replace(run("a", rows=[item(0, instruction="other")]), data_here="sha256:00")
    write_site([other, run("b", rows=[item(0, instruction="own")])], tmp_path)
    assert data_of(tmp_path, f"{folder_of(tmp_path)}/lines-0")["instruction"] == ["own"]


def test_data_of_removed_runs_goes_and_files_of_others_stay(run, tmp_path):
    write_site([run("a"), run("b")], tmp_path)
    own = tmp_path / "data" / "runs" / "own.js"
    own.write_text("mine")
    write_site([run("a")], tmp_path)
    assert sorted(path.name for path in (tmp_path / "data" / "runs").iterdir()) == ["a", "own.js"]


def test_the_same_runs_in_any_order_make_the_same_files(run, item, tmp_path):
    rows = [item(number) for number in range(30)]
    views = [run("a", rows=rows), run("a", rows=rows[:9]), run("b", rows=rows[3:])]
    write_site(views, tmp_path / "one")
    write_site(views[::-1], tmp_path / "two")
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two


def test_long_output_is_cut_to_its_end(run, item, tmp_path):
    evidence = {"stderr": "start" + "x" * 5_000 + "the end", "tries": ["y" * 5_000], "line": 3}
    rows = [item(0, verdict={"status": "failed", "stage": 2, "evidence": evidence})]
    write_site([run("a", rows=rows)], tmp_path)
    shown = data_of(tmp_path, "runs/a/texts-0")["answers"][0]["verdict"]["evidence"]
    assert shown["stderr"].endswith("the end")
    assert "startx" not in shown["stderr"]
    assert all(len(text) < 2_100 for text in (shown["stderr"], *shown["tries"]))
    assert shown["line"] == 3


def test_twenty_thousand_answers_load_in_files_of_few_megabytes(run, item, tmp_path):
    draw = random.Random(11)
    kinds = [lambda: float(draw.random() < 0.5), lambda: draw.randrange(60) / draw.randrange(60, 99), draw.random]
    metrics = {f"metric.{number}": kinds[0 if number < 8 else 1 if number < 11 else 2] for number in range(13)}
    rows = [
        item(
            number,
            metrics={name: score() for name, score in metrics.items()},
            text="answer " * draw.randrange(100, 400),
            api=f"api {number % 900}",
        )
        for number in range(20_000)
    ]
    write_site([run("a", rows=rows)], tmp_path)
    first = [f"{folder_of(tmp_path)}/questions", f"{folder_of(tmp_path)}/lines-0", "runs/a/items", "runs/a/lines-0"]
    assert sum((tmp_path / "data" / f"{path}.js").stat().st_size for path in first) < 2_900_000
    assert len(data_of(tmp_path, f"runs/a/lines-{20_000 // LINES - 1}")["call"]) == LINES
    assert max(path.stat().st_size for path in (tmp_path / "data" / "runs" / "a").glob("texts-*.js")) < 1_000_000


def test_a_document_that_is_written_with_the_first_answer_is_that_of_each_and_an_older_run_has_none(
    write_run, tmp_path
):
    folder = write_run(tmp_path / "run", 1, count=2)
    assert [row.document for row in view(folder, None, {}).rows] == ["", ""]
    for name in ("generations", "scores"):
        path = folder / f"{name}.jsonl"
        first, second = map(json.loads, path.read_text().splitlines())
        document = {"document": "a row"} if name == "generations" else {}
        lines = [first | document, second, first | {"sample": 1}]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = view(folder, None, {}).rows
    assert {(row.id, row.sample): row.document for row in rows} == {("0", 0): "a row", ("1", 0): "", ("0", 1): "a row"}
