"""Formats of harnesses that are not run here, written as their own code or documentation writes them."""

import json

import pyarrow as pa
import pytest
from pyarrow import parquet


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def nemo(path, rows):
    """As docs.nvidia.com/nemo/evaluator/evaluation/result-format has it."""
    return lines(
        path.with_suffix(".jsonl"),
        [
            {"problem_idx": n, "reward": score, "repeat": 0, "expected_answer": item, "model_response": "x"}
            | {"metadata": {"category": api}}
            for n, (item, _, api, score, _) in enumerate(rows)
        ],
    )


def evalplus(path, rows):
    """As ``evalplus/evaluate.py`` of version 0.3.1 has it."""
    return _tests(path, rows, lambda score: {"base_status": "pass", "plus_status": "pass" if score else "fail"})


def bigcodebench(path, rows):
    """As ``bigcodebench/evaluate.py`` of version 0.2.5 has it."""
    return _tests(path, rows, lambda score: {"status": "pass" if score else "timeout", "details": {}})


def _tests(path, rows, status):
    path = path.with_name(f"{path.name}_eval_results.json")
    results = {
        f"T/{n}": [{"task_id": f"T/{n}", "solution": "x", "api": api} | status(score)]
        for n, (_, _, api, score, _) in enumerate(rows)
    }
    path.write_text(
        json.dumps({"date": "2026-11-29 03:10", "hash": "abc", "eval": results}, indent=1), encoding="utf-8"
    )
    return path


def promptfoo(path, rows):
    """As promptfoo's format 3 has it."""
    results = [
        {"promptIdx": 0, "testIdx": n, "provider": {"id": "echo", "label": ""}, "prompt": {"raw": "?", "label": "?"}}
        | {"vars": {"item": item, "api": api}, "response": {"output": "x"}, "success": score == 1, "score": score}
        | {"failureReason": 0 if score else 1, "namedScores": {}}
        for n, (item, _, api, score, _) in enumerate(rows)
    ]
    path = path.with_suffix(".json")
    inner = {"version": 3, "timestamp": "2026-11-29T03:10:00.000Z", "prompts": [], "results": results, "stats": {}}
    path.write_text(json.dumps({"evalId": "eval-1", "results": inner, "config": {}}, indent=2), encoding="utf-8")
    return path


def every_eval_ever(path, rows):
    """As ``instance_level_eval.schema.json`` 0.2.1 and ``eval.schema.json`` have it."""
    about = {"schema_version": "0.2.1", "evaluation_id": "e", "source_metadata": {}, "evaluation_results": [
        {"evaluation_name": "t", "metric_config": {"lower_is_better": False}}]}  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    return lines(
        path.with_suffix(".jsonl"),
        [
            {
                "schema_version": "0.2.1",
                "evaluation_id": "e",
                "model_id": "m",
                "evaluation_name": "t",
                "sample_id": item,
            }
            | {"interaction_type": "single_turn", "input": {"raw": "?", "reference": ["x"]}, "output": {"raw": ["x"]}}
            | {
                "answer_attribution": [],
                "evaluation": {"score": score, "is_correct": score == 1},
                "metadata": {"api": api},
            }
            for item, _, api, score, _ in rows
        ],
    )


def lighteval(path, rows):
    """As ``logging/evaluation_tracker.py`` of version 0.13.0 has it."""
    details = [
        {"doc": {"query": "?", "choices": [item], "gold_index": 0, "id": "", "specific": {"api": api}}}
        | {"model_response": {"text": ["x"]}, "metric": {"acc": score, "corpus": [1.0]}}
        for item, _, api, score, _ in rows
    ]
    folder = path / "details" / "org" / "model" / "2026-11-29T03-10-00.000000"
    folder.mkdir(parents=True)
    file = folder / "details_t|0_2026-11-29T03-10-00.000000.parquet"
    parquet.write_table(pa.Table.from_pylist(details), file)
    return file


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
