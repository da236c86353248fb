"""Files of other harnesses with given scores, written as their own code or documentation writes them.

``rows`` are tuples: the question's name, the sample's number, the API, a score of 0 or 1, a score between.
"""

import json

import pyarrow as pa
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
