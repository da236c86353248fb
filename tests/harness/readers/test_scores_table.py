"""Tables of scores, as any script writes them: the same numbers as for a run of ours, and messages with file and line."""

import csv
import json

import pytest

from apigauge.__main__ import main

NAMES = {"ast.exact": "score", "rouge.1": "words"}


def write(path, header, rows, kind):
    if kind == "jsonl":
        text = "".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        return path
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter="\t" if kind == "tsv" else ",").writerows([header, *rows])
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_gate_and_comparison_say_what_they_say_of_a_run_of_ours(kind, ours, answers, same_numbers, tmp_path):
    header = ("id", "sample", "about", "score", "words")
    old, new = (write(tmp_path / f"{run.name}.{kind}", header, answers(run), kind) for run in ours)
    same_numbers(old, new, NAMES, "--cluster", "about", "--higher-is-better", "words")


def test_scores_in_another_range_and_direction_are_the_same_decision(ours, answers, judged, tmp_path):
    _, mine, _ = judged(ours[1], ours[0], "--metric", "ast.exact")
    header = ("id", "cluster", "failures")
    old, new = (
        write(
            tmp_path / f"{run.name}.csv",
            header,
            [(i, api, 100 - 100 * exact) for i, _, api, exact, _ in answers(run)],
            "csv",
        )
        for run in ours
    )
    options = ("--lower-is-better", "failures", "--top", "failures=100")
    _, theirs, _ = judged(new, old, *options)
    (one,), (other,) = mine["metrics"], theirs["metrics"]
    assert other["decision"] == one["decision"]
    assert other["p"] == pytest.approx(one["p"], abs=1e-12)
    assert [other["low"], other["high"]] == pytest.approx([-100 * one["high"], -100 * one["low"]], abs=1e-10)


def test_a_metric_named_as_one_of_ours_is_judged_alone(ours, answers, judged, tmp_path):
    old, new = (
        write(
            tmp_path / f"{run.name}.csv", ("id", "ast.exact"), [(i, exact) for i, _, _, exact, _ in answers(run)], "csv"
        )
        for run in ours
    )
    _, result, _ = judged(new, old)
    assert [one["name"] for one in result["metrics"]] == ["ast.exact"]


def test_several_answers_to_a_question_are_told_apart_and_clusters_default_to_the_question(judged, tmp_path):
    rows = [(f"q{n}", sample, (n + sample) % 2) for n in range(6) for sample in range(2)]
    file = write(tmp_path / "a.csv", ("id", "sample", "score"), rows, "csv")
    _, result, _ = judged(file, file, "--metric", "score", "--metric", "score.pass@2", "--metric", "score.consistency")
    values = {one["name"]: (one["after"], one["n"], one["apis"]) for one in result["metrics"]}
    assert values == {"score": (0.5, 12, 6), "score.pass@2": (1.0, 6, 6), "score.consistency": (0.0, 6, 6)}


def test_a_baseline_is_saved_and_judged_against(judged, tmp_path):
    old = write(tmp_path / "old.csv", ("id", "score", "seconds"), [(n, 1, 0.5) for n in range(200)], "csv")
    new = write(tmp_path / "new.csv", ("id", "score", "seconds"), [(n, n % 2, 0.5) for n in range(200)], "csv")
    seconds = ("--lower-is-better", "seconds")
    assert main(["gate", str(old), "--save-baseline", str(tmp_path / "base.json"), *seconds, "--quiet"]) == 0
    code, result, _ = judged(new, tmp_path / "base.json", *seconds)
    assert code == 1
    assert {one["name"]: one["decision"] for one in result["metrics"]} == {"score": "regression", "seconds": "pass"}
    code, _, error = judged(new, tmp_path / "base.json", "--higher-is-better", "seconds")
    assert code == 4
    assert "the scorer of seconds differs: 'lower is better'" in error


def test_logs_are_reported_and_left_as_they_are(tmp_path, capsys):
    header = ("id", "score", "question", "text")
    file = write(tmp_path / "a.csv", header, [("q1", 1, "Which?", "This"), ("q2", 0, "Why?", "So")], "csv")
    before = file.read_bytes()
    assert main(["report", str(file), "--out", str(tmp_path / "site"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == ["a.csv"]
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "site"]
    data = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "site" / "data").rglob("*.js"))
    assert "Which?" in data
    assert "This" in data


GOOD = "id,score\nq1,1\nq2,0\n"
BROKEN = {
    "cut off within a line": ("a.csv", "id,score\nq1,1\nq2", (), "a.csv, line 3: 1 values for 2 columns"),
    "no id": ("a.csv", "name,score\nq1,1\n", (), "a.csv, line 1: there is no column 'id'"),
    "no rows": ("a.csv", "id,score\n", (), "it has no rows"),
    "empty": ("a.csv", "", (), "a.csv, line 1: there is no column 'id'"),
    "no numbers": ("a.csv", "id,name\nq1,x\n", (), "line 2: it has no column of numbers"),
    "text among numbers": ("a.csv", "id,score\nq1,1\nq2,oops\n", (), "a.csv, line 3: score is 'oops'"),
    "not a number": ("a.csv", "id,score\nq1,1\nq2,nan\n", (), "a.csv, line 3: score is 'nan'"),
    "digits of Python": ("a.csv", "id,score\nq1,1\nq2,0_1\n", (), "a.csv, line 3: score is '0_1'"),
    "digits of other scripts": ("a.csv", "id,score\nq1,1\nq2,\u0661\n", (), "a.csv, line 3: score is '\u0661'"),
    "no sample": ("a.csv", "id,sample,score\nq1,nan,1\n", (), "a.csv, line 2: sample is 'nan'"),
    "a score twice": (
        "a.jsonl",
        '{"id": "q1", "score": 1, "score": 0}\n',
        (),
        "line 1: not JSON ('score' stands there",
    ),
    "twice": ("a.csv", "id,score\nq1,1\nq1,0\n", (), "line 3: sample 0 of 'q1' stands there twice, first at"),
    "two clusters": ("a.csv", "id,sample,cluster,score\nq1,0,a,1\nq1,1,b,1\n", (), "line 3: 'q1' is in cluster 'b'"),
    "quotes": ("a.csv", 'id,score\n"q1,1\nq2,0\n', (), "not CSV"),
    "bytes": ("a.csv", b"id,score\nq1,1\n\xff,1\n", (), "a.csv, line 3: not UTF-8"),
    "json cut off": ("a.jsonl", '{"id": "q1", "score": 1}\n{"id": "q2", "sc', (), "a.jsonl, line 2: not JSON"),
    "json list": ("a.jsonl", '{"id": "q1", "score": 1}\n[1]\n', (), "a.jsonl, line 2: a JSON object was expected"),
    "another format inside": ("a.jsonl", '{"id": "q1", "score": 1}\n{"doc_id": 1}\n', (), "line 2: there is no 'id'"),
    "large": ("a.csv", "id,bleu\nq1,44\n", ("--higher-is-better", "bleu"), "--top bleu=100"),
    "negative": ("a.csv", "id,score\nq1,-1\n", (), "line 2: score is -1"),
    "unknown direction": ("a.csv", "id,loss\nq1,0.5\n", (), "--lower-is-better loss"),
    "unknown metric": ("a.csv", GOOD, ("--lower-is-better", "scrore"), "did you mean 'score'?"),
    "unknown cluster": ("a.csv", GOOD, ("--cluster", "api"), "a.csv, line 2: there is no 'api'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_damaged_is_one_message_with_file_and_line(case, judged, tmp_path):
    name, content, options, message = BROKEN[case]
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, result, error = judged(file, file, *options)
    assert code in (2, 4)
    assert result is None
    assert message in error
    assert error.count("\n") == 1
    assert "internal error" not in error


def test_what_does_not_belong_together_is_refused(ours, judged, tmp_path):
    write(tmp_path / "a.csv", ("id", "score", "question"), [("q1", 1, "Which?"), ("q2", 1, "Who?")], "csv")
    write(tmp_path / "b.csv", ("id", "score", "question"), [("q1", 1, "Which?"), ("q2", 1, "Whom?")], "csv")
    write(tmp_path / "c.csv", ("id", "score", "question"), [("q1", 1, "Which?")], "csv")
    code, _, error = judged(tmp_path / "a.csv", tmp_path / "b.csv")
    assert code == 4
    assert "'q2' is another question in" in error
    code, _, error = judged(tmp_path / "c.csv", tmp_path / "a.csv")
    assert code == 4
    assert f"{tmp_path / 'c.csv'}: it lacks 1 answers, such as sample 0 of item 'q2'" in error
    code, _, error = judged(tmp_path / "a.csv", ours[0])
    assert code == 4
    assert "the benchmark differs: 'mini'" in error
    code, _, error = judged(ours[1], ours[0], "--cluster", "api")
    assert code == 2
    assert "--cluster is for results of other harnesses" in error
