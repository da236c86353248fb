"""Files of answers as they come: torn, mislabelled, huge and hostile. Through the real command line."""

import json

import pytest

TOPK = "torch.topk(scores, k=3)"
GOOD = ("mini-003", "mini-008", "mini-014", "mini-019")


def answer(item, text=f"<<<api_call>>>: {TOPK}\n<<<code>>>: import torch\nprint({TOPK})", **more):
    return json.dumps({"item": item, "text": text, **more}).encode()


GOOD_LINES = [answer(item) for item in GOOD]


def write(path, *lines):
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def score(apigauge, responses, out, *more):
    arguments = ("--benchmark", "mini", "--responses", responses, "--out", out, "--sandbox", "none", "--json")
    return apigauge("score", *arguments, *more)


def rows(out):
    return {
        (r["item"], r["sample"]): r for r in map(json.loads, (out / "scores.jsonl").read_text("utf-8").splitlines())
    }


@pytest.fixture(scope="module")
def undisturbed(apigauge, tmp_path_factory):
    """The scores of the good lines alone."""
    folder = tmp_path_factory.mktemp("good")
    done = score(apigauge, write(folder / "good.jsonl", *GOOD_LINES), folder / "run")
    assert done.returncode == 0, done.stderr
    rows_by_key = rows(folder / "run")
    assert set(rows_by_key) == {(item, 0) for item in GOOD}
    return rows_by_key, json.loads(done.stdout)["metrics"]


# What the line is, and a part of what must be said of it.
LEFT_OUT = {
    "a torn line": (b'{"item": "mini-023", "text": "torch.to', "not JSON"),
    "two rows on one line": (answer("mini-023") + answer("mini-064"), "not JSON"),
    "no text": (b'{"item": "mini-023"}', "no `text`"),
    "a text that is null": (b'{"item": "mini-023", "text": null}', "no `text`"),
    "a text that is a list": (b'{"item": "mini-023", "text": ["f(1)"]}', "no `text`"),
    "no id": (b'{"text": "f(1)"}', "neither `item` nor `question_id`"),
    "an id that is a list": (b'{"item": ["mini-023"], "text": "f(1)"}', "neither `item` nor `question_id`"),
    "an unknown id": (answer("mini-999"), "'mini-999'"),
    "an unknown question_id": (b'{"question_id": 117, "text": "f(1)"}', "'117'"),
    "an id of lone surrogates": (rb'{"item": "\ud800", "text": "f(1)"}', "no item"),
    "a duplicate": (answer("mini-003", "torch.other(1)"), "second answer"),
    "a list": (b'["mini-023", "f(1)"]', "neither"),
    "a number": (b"7", "neither"),
    "null": (b"null", "neither"),
    "deep nesting": (b"[" * 100_000, "not JSON"),
    "deep nesting that closes": (b"[" * 50_000 + b"]" * 50_000, "not JSON"),
    "a number of 5000 digits": (b'{"item": "mini-023", "text": "f(1)", "sample": ' + b"9" * 5_000 + b"}", "not JSON"),
    "NUL bytes for a line": (b"\0" * 100, "not JSON"),
    "two bytes a character": ('{"item": "mini-023", "text": "x"}'.encode("utf-16"), "not JSON"),
}  # fmt: skip


@pytest.fixture(scope="module")
def with_bad_lines(apigauge, tmp_path_factory):
    """One run over a file with every such line between the good ones; the first of them is line 3."""
    folder = tmp_path_factory.mktemp("bad")
    bad = [line for line, _ in LEFT_OUT.values()]
    return score(
        apigauge, write(folder / "bad.jsonl", *GOOD_LINES[:2], *bad, *GOOD_LINES[2:]), folder / "run"
    ), folder / "run"


def test_the_good_lines_are_scored_as_they_are_without_the_bad_ones(with_bad_lines, undisturbed):
    done, out = with_bad_lines
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    expected_rows, expected_metrics = undisturbed
    assert rows(out) == expected_rows
    assert json.loads(done.stdout)["metrics"] == expected_metrics


@pytest.mark.parametrize(("number", "what"), enumerate(LEFT_OUT, 3), ids=LEFT_OUT)
def test_a_line_that_is_no_answer_is_named_with_file_line_and_reason(with_bad_lines, number, what):
    done, out = with_bad_lines
    problems = json.loads((out / "summary.json").read_text("utf-8"))["problems"]
    (named,) = (p for p in problems if p.startswith(f"bad.jsonl, line {number}: ") and "not UTF-8" not in p)
    assert LEFT_OUT[what][1] in named
    if number == 3:
        assert named in done.stderr


SCORED = {
    "no text at all": answer("mini-023", ""),
    "NUL characters": answer("mini-023", "<<<api_call>>>: torch.topk(\0)\n<<<code>>>: \0\0"),
    "lone surrogates": answer("mini-023", "<<<api_call>>>: f('\ud800')\n<<<code>>>: '\udfff'"),
    "brackets in a section": answer("mini-023", "<<<api_call>>>: f" + "(" * 100_000),
    "brackets in a program": answer("mini-023", f"<<<api_call>>>: {TOPK}\n<<<code>>>: import torch\nx = " + "[" * 100_000),
    "closed brackets in a program": answer("mini-023", "```python\nx = " + "(" * 100_000 + ")" * 100_000 + "\n```"),
    "a program nested just within Python's limit": answer("mini-023", "```python\nx = " + "(" * 190 + ")" * 190 + "\n```"),
    "calls in calls": answer("mini-023", f"<<<api_call>>>: {'f(' * 900}{')' * 900}\n<<<code>>>: x = {'f(' * 900}{')' * 900}"),
    "brackets in prose": answer("mini-023", "Use torch.topk" + "(" * 100_000),
    "a chain of attributes": answer("mini-023", "```\nx" + ".a" * 20_000 + "()\n```"),
    "a chain of signs": answer("mini-023", "```\nx = " + "-" * 20_000 + "1\n```"),
    "a chain of sums": answer("mini-023", "```\nx = 1" + " + 1" * 10_000 + "\n```"),
    "an argument of many signs": answer("mini-023", "<<<api_call>>>: torch.topk(scores, k=" + "-" * 3_000 + "1)"),
    "an argument of many digits": answer("mini-023", "<<<api_call>>>: torch.topk(scores, k=" + "1" * 3_900 + ")"),
    "an argument of many powers": answer("mini-023", "<<<api_call>>>: torch.topk(scores, k=9" + "**9" * 50 + ")"),
    "a name for itself": answer("mini-023", "<<<api_call>>>: torch.topk(a, k=b)\n<<<code>>>: import torch\na = b\nb = a\ntorch.topk(a, k=b)"),
    "odd finish reason and tokens": answer("mini-023", TOPK, finish_reason=None, prompt_tokens="many", completion_tokens=[1]),
    "nested tokens": answer("mini-023", TOPK)[:-1] + b', "prompt_tokens": ' + b"[" * 700 + b"]" * 700 + b"}",
    "a sample that is no number": answer("mini-023", TOPK, sample="first"),
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(apigauge, tmp_path_factory):
    """All hostile texts in one file, each answering another item, between the good lines."""
    from apigauge.benchmarks import load_benchmark

    free = [item.id for item in load_benchmark("mini").items if item.id not in GOOD]
    ids = dict(zip(SCORED, free, strict=False))
    lines = [line.replace(b"mini-023", ids[what].encode()) for what, line in SCORED.items()]
    folder = tmp_path_factory.mktemp("hostile")
    done = score(apigauge, write(folder / "bad.jsonl", *GOOD_LINES[:2], *lines, *GOOD_LINES[2:]), folder / "run")
    return done, folder / "run", ids


def test_hostile_answers_are_scored_and_harm_no_other(hostile, undisturbed):
    done, out, ids = hostile
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    rows_by_key = rows(out)
    assert {key: row for key, row in rows_by_key.items() if key[0] in GOOD} == undisturbed[0]
    for what, item in ids.items():
        row = rows_by_key[item, 0]
        assert all(0 <= value <= 1 for value in row["metrics"].values()), what
        assert set(row["metrics"]) == set(undisturbed[1]), what


@pytest.mark.parametrize("what", ["no text at all", "brackets in prose", "a chain of signs"])
def test_an_answer_without_a_catalogue_call_has_no_call(hostile, what):
    _, out, ids = hostile
    row = rows(out)[ids[what], 0]
    assert row["metrics"]["ast.exact"] == 0
    assert row["metrics"]["hallucination"] == 0


def test_a_byte_that_is_not_utf_8_is_reported_and_the_answer_still_scored(apigauge, tmp_path, undisturbed):
    line = b'{"item": "mini-023", "text": "torch.topk(scores, k=3)  # caf\xe9"}'
    done = score(apigauge, write(tmp_path / "bad.jsonl", line, *GOOD_LINES), tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "bad.jsonl, line 1: byte 60 is not UTF-8" in done.stderr
    rows_by_key = rows(tmp_path / "run")
    assert rows_by_key["mini-023", 0]["extraction"]["call"] == TOPK
    assert {key: row for key, row in rows_by_key.items() if key[0] in GOOD} == undisturbed[0]
    (text,) = [
        r["text"]
        for r in map(json.loads, (tmp_path / "run" / "generations.jsonl").read_text("utf-8").splitlines())
        if r["item"] == "mini-023"
    ]
    assert text.endswith("caf\ufffd")


def test_a_last_line_without_its_end_is_an_answer_if_it_is_whole(apigauge, tmp_path, undisturbed):
    (tmp_path / "a.jsonl").write_bytes(b"\r\n".join(GOOD_LINES))
    done = score(apigauge, tmp_path / "a.jsonl", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "run") == undisturbed[0]
    assert json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))["problems"] == []


def test_a_byte_order_mark_before_the_first_answer_does_not_lose_it(apigauge, tmp_path, undisturbed):
    """Editors on Windows write one."""
    responses = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + GOOD_LINES[0], *GOOD_LINES[1:])
    done = score(apigauge, responses, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "run") == undisturbed[0]


def test_an_answer_of_fifty_megabytes_scores_nothing_and_says_why(apigauge, tmp_path, undisturbed):
    huge = answer("mini-023", f"<<<api_call>>>: {TOPK}\n" + "x" * 50_000_000)
    done = score(apigauge, write(tmp_path / "bad.jsonl", *GOOD_LINES, huge), tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    rows_by_key = rows(tmp_path / "run")
    row = rows_by_key.pop(("mini-023", 0))
    # The reference CodeBLEU gives a quarter to no program at all: an empty candidate's data flow counts as matched.
    assert {value for name, value in row["metrics"].items() if name != "codebleu"} == {0.0}
    assert row["labels"]["ast.exact"] == "too_long"
    assert row["extraction"] == {"call": None, "program": None, "how": "too long"}
    assert rows_by_key == undisturbed[0]


def test_several_problems_are_counted_and_all_are_kept(apigauge, tmp_path):
    done = score(
        apigauge, write(tmp_path / "bad.jsonl", *GOOD_LINES, *[b"{"] * 15), tmp_path / "run", "--metrics", "rouge"
    )
    assert done.returncode == 0, done.stderr
    assert "5 more problems" in done.stderr
    problems = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))["problems"]
    assert [problem.split(":")[0] for problem in problems] == [f"bad.jsonl, line {number}" for number in range(5, 20)]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"{\n", b'{"item": "mini-999", "text": "x"}\n', b"\x7fELF\x02\x01\x00\n" * 50, b"\0" * 4096],
)
def test_a_file_without_one_usable_answer_has_exit_code_4_and_one_message(apigauge, tmp_path, content):
    (tmp_path / "bad.jsonl").write_bytes(content)
    done = score(apigauge, tmp_path / "bad.jsonl", tmp_path / "run")
    assert (done.returncode, done.stdout) == (4, "")
    messages = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(messages) == 1
    assert str(tmp_path / "bad.jsonl") in messages[0]


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_is_not_there_has_exit_code_4_and_one_message(apigauge, tmp_path, name):
    done = score(apigauge, tmp_path / name, tmp_path / "run")
    assert (done.returncode, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / name) in done.stderr
    assert not (tmp_path / "run").exists()


def test_after_a_useless_file_the_right_one_can_go_to_the_same_folder(apigauge, tmp_path, undisturbed):
    """A folder that holds nothing but the attempt must not have to be deleted by hand."""
    score(apigauge, write(tmp_path / "bad.jsonl", b"{"), tmp_path / "run")
    done = score(apigauge, write(tmp_path / "good.jsonl", *GOOD_LINES), tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "run") == undisturbed[0]
