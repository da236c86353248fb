"""Formats of harnesses that are not run here, written as their own code or documentation writes them."""

import json
import shutil
from pathlib import Path

import pytest
from other_harness_files import bigcodebench, evalplus, every_eval_ever, lighteval, nemo, promptfoo

DATA = Path(__file__).parents[2] / "data" / "readers"


def by_number(n, _):
    return str(n)


def by_task(n, _):
    return f"T/{n}"


FORMATS = {
    "nemo": (nemo, "reward", "category", by_number),
    "evalplus": (evalplus, "plus", "api", by_task),
    "bigcodebench": (bigcodebench, "passed", "api", by_task),
    "lighteval": (lighteval, "acc", "api", by_number),
    "promptfoo": (promptfoo, "score", "api", by_number),
    "every-eval-ever": (every_eval_ever, "score", "api", lambda _, item: item),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_gate_and_comparison_say_what_they_say_of_a_run_of_ours(kind, ours, answers, same_numbers, tmp_path):
    write, metric, cluster, name = FORMATS[kind]
    names = {item: name(n, item) for n, (item, *_) in enumerate(answers(ours[1]))}
    old, new = (write(tmp_path / run.name, answers(run)) for run in ours)
    direction = ("--higher-is-better", metric) if kind == "lighteval" else ()
    same_numbers(old, new, {"ast.exact": metric}, "--cluster", cluster, *direction, lost=names.get)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_was_cut_off_is_one_message_with_its_line(kind, ours, answers, judged, tmp_path):
    file = FORMATS[kind][0](tmp_path / "a", answers(ours[0]))
    file.write_bytes(file.read_bytes()[:-40])
    code, result, error = judged(file, file)
    assert (code, result) == (4, None)
    assert (f"{file}: not a whole Parquet file" if kind == "lighteval" else f"{file}, line ") in error
    assert "copy it again" in error
    assert error.count("\n") == 1


def test_another_row_among_the_rows_is_one_message(judged, tmp_path):
    for kind in ("nemo", "every-eval-ever"):
        file = FORMATS[kind][0](tmp_path / kind, [("q", 0, "a", 1.0, 1.0)])
        file.write_bytes(file.read_bytes() + b'{"id": 1}\n')
        code, _, error = judged(file, file)
        assert code == 4
        assert f"{file}, line 2: it has no " in error


def test_evalplus_counts_plus_only_where_base_passed(judged, tmp_path):
    file = evalplus(tmp_path / "a", [("q", 0, "a", 1.0, 1.0), ("r", 0, "a", 1.0, 1.0)])
    file.write_text(
        file.read_text(encoding="utf-8").replace('"base_status": "pass"', '"base_status": "fail"', 1), encoding="utf-8"
    )
    _, result, _ = judged(file, file)
    assert {one["name"]: one["after"] for one in result["metrics"]} == {"base": 0.5, "plus": 0.5}


def test_providers_in_one_promptfoo_file_are_told_apart_and_errors_have_no_score(judged, tmp_path):
    file = promptfoo(tmp_path / "a", [(str(n), 0, "a", 1.0, 1.0) for n in range(4)])
    content = json.loads(file.read_text(encoding="utf-8"))
    results = content["results"]["results"]
    other = [{**one, "provider": {"id": "two", "label": ""}, "success": False, "score": 0} for one in results]
    content["results"]["results"] = results + other
    file.write_text(json.dumps(content), encoding="utf-8")
    code, _, error = judged(file, file)
    assert code == 2
    assert "--task 'echo' or 'two'" in error
    _, result, _ = judged(file, file, "--task", "two")
    assert [one["after"] for one in result["metrics"]] == [0, 0]
    results[0] |= {"failureReason": 2, "success": False, "score": 0}
    file.write_text(json.dumps(content), encoding="utf-8")
    _, _, error = judged(file, file, "--task", "echo")
    assert "has no" in error or "1 of 4" in error


PROMPTFOO = DATA / "promptfoo" / "results.json"


def test_repeats_that_promptfoo_numbers_as_tests_are_samples_of_one_question(judged, tmp_path):
    """Three tests, ``--repeat 2``: as promptfoo 0.121.20 wrote it, with ``testIdx`` from 0 to 5."""
    options = ("--metric", "pass", "--metric", "score", "--metric", "exact", "--metric", "pass.pass@2")
    _, result, _ = judged(PROMPTFOO, PROMPTFOO, *options, "--cluster", "api", "--higher-is-better", "exact")
    values = {one["name"]: (one["after"], one["n"], one["apis"]) for one in result["metrics"]}
    third = pytest.approx(1 / 3)
    assert values == {"pass": (third, 6, 2), "score": (0.5, 6, 2), "exact": (third, 6, 2), "pass.pass@2": (third, 3, 2)}
    content = json.loads(PROMPTFOO.read_text(encoding="utf-8"))
    del content["results"]["results"][1]
    file = tmp_path / "one-less.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    code, _, error = judged(file, file)
    assert code == 4
    assert "it has 5 results, and its statistics are of 6" in error


def test_other_assertions_are_another_question(judged, tmp_path):
    file = tmp_path / "other.json"
    text = PROMPTFOO.read_text(encoding="utf-8")
    file.write_text(text.replace('"value": "torch.topk"', '"value": "torch"'), encoding="utf-8")
    code, _, error = judged(file, PROMPTFOO, "--metric", "pass")
    assert code == 4
    assert "'0' is another question in" in error


def samples(folder, change=dict, copies=1):
    """Every Eval Ever's files of two questions, their lines changed and written several times."""
    folder.mkdir()
    file = every_eval_ever(folder / "a", [("q", 0, "a", 1.0, 1.0), ("r", 0, "a", 0.0, 1.0)])
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows += [change(row) for _ in range(copies) for row in rows[:2]]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_another_run_s_samples_are_not_taken_for_further_samples(judged, tmp_path):
    for name in ("model_id", "evaluation_id"):
        file = samples(tmp_path / name, lambda row, name=name: row | {name: "other"})
        code, _, error = judged(file, file)
        assert code == 4
        assert f"{file}, line 3: {name} is 'other', and " in error


def test_metrics_of_one_evaluation_are_told_apart_by_their_results(judged, tmp_path):
    def another(row):
        return row | {"evaluation_result_id": "t/f1", "evaluation": {"score": 0.25, "is_correct": False}}

    file = samples(tmp_path / "two", another)
    about = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    about["evaluation_results"] = [
        {"evaluation_name": "t", "evaluation_result_id": name, "metric_config": {"lower_is_better": is_lower}}
        for name, is_lower in (("t/f1", True), ("t/acc", False))
    ]
    file.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    code, _, error = judged(file, file)
    assert code == 2
    assert "--task 't: ' or 't: t/f1'" in error
    _, result, _ = judged(file, file, "--task", "t: t/f1")
    assert [(one["after"], one["n"]) for one in result["metrics"]] == [(0.25, 2)]
    code, _, error = judged(file, file, "--task", "t: ")
    assert code == 4
    assert "2 results are named 't', and its lines do not say which" in error


def test_samples_that_the_evaluation_does_not_count_are_an_error(judged, tmp_path):
    file = samples(tmp_path / "a")
    about = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    file.with_suffix(".json").write_text(
        json.dumps(about | {"detailed_evaluation_results": {"total_rows": 2}}), encoding="utf-8"
    )
    code, _, error = judged(file, file)
    assert code == 4
    assert "it has 4 lines, and its evaluation is of 2" in error


@pytest.mark.parametrize(("write", "status"), [(evalplus, "plus_status"), (bigcodebench, "status")])
def test_only_the_ends_that_tests_can_have_are_counted(write, status, judged, tmp_path):
    file = write(tmp_path / "a", [("q", 0, "a", 1.0, 1.0), ("r", 0, "a", 1.0, 1.0)])
    text = file.read_text(encoding="utf-8")
    cases = {
        text.replace(f'"{status}": "pass"', f'"{status}": "Pass"', 1): f"T/0 solution 0: {status} is 'Pass'",
        text.replace('"T/1": [', '"T/2": [], "T/1": ['): "'T/2': '[]' is no list of results",
        text.replace('"T/1": [', '"T/0": ['): "'T/0' stands there twice in one object",
    }
    for content, message in cases.items():
        file.write_text(content, encoding="utf-8")
        code, _, error = judged(file, file)
        assert code == 4
        assert message in error


def test_evalplus_s_own_file_gives_the_numbers_that_it_printed(judged):
    file = DATA / "evalplus" / "samples_eval_results.json"
    _, result, _ = judged(file, file)
    assert {one["name"]: (one["after"], one["n"]) for one in result["metrics"]} == {"base": (0.5, 4), "plus": (0.25, 4)}


def test_bigcodebench_s_own_file_is_read(judged):
    file = DATA / "bigcodebench" / "samples_eval_results.json"
    _, result, _ = judged(file, file)
    assert {one["name"]: (one["after"], one["n"]) for one in result["metrics"]} == {"passed": (0.0, 4)}


def test_nemo_s_own_files_give_the_numbers_that_it_printed_and_its_model(judged, tmp_path):
    file = DATA / "nemo" / "calls" / "results.jsonl"
    _, result, _ = judged(file, file, "--metric", "reward", "--metric", "reward.pass@2")
    values = {one["name"]: (one["after"], one["n"], one["apis"]) for one in result["metrics"]}
    assert values == {"reward": (0.5, 6, 3), "reward.pass@2": (pytest.approx(2 / 3), 3, 3)}
    assert result["models"]["run"]["spec"] == "mini"
    shutil.copytree(file.parent, tmp_path / "cut")
    cut = tmp_path / "cut" / "results.jsonl"
    cut.write_bytes(b"".join(cut.read_bytes().splitlines(keepends=True)[:5]))
    code, _, error = judged(cut, file)
    assert code == 4
    assert "it has 5 lines, and its evaluation is of 6" in error


@pytest.mark.parametrize(("category", "missing"), [("infra_error", True), ("system", True), ("graceful", False)])
def test_where_nemo_itself_failed_there_is_no_score(category, missing, judged, tmp_path):
    file = nemo(tmp_path / "a", [(f"q{n}", 0, "a", 1.0, 1.0) for n in range(4)])
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows[0] |= {"reward": 0.0, "scoring_details": {"error": "x", "error_category": category}}
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code, result, error = judged(file, file)
    assert (code == 4) == missing
    assert "1 of 4" in error if missing else result["metrics"][0]["after"] == 0.75


def test_lighteval_s_own_file_gives_the_number_that_it_printed_and_its_model(judged, tmp_path):
    date = "2026-11-29T09-02-33.631916"
    folder = tmp_path / "details" / "apigauge-mini" / date
    folder.mkdir(parents=True)
    file = shutil.copy(DATA / "lighteval" / "details.parquet", folder / f"details_calls|0_{date}.parquet")
    _, result, error = judged(file, file, "--higher-is-better", "acc", "--cluster", "api")
    (one,) = result["metrics"]
    assert (one["name"], one["after"], one["n"], one["apis"]) == ("acc", pytest.approx(1 / 3), 3, 2), error
    assert result["models"]["run"]["spec"] == "apigauge-mini"
