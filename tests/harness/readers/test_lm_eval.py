"""Logs of lm-evaluation-harness 0.4.13, as it wrote them.

``tests/data/readers/lm_eval``: two tasks over five questions of mini, answered by its checkpoint with the seeds 1 and 2:
``lm_eval run --model hf --model_args pretrained=apigauge-mini --tasks calls,domains --include_path tasks --seed 1
--log_samples --output_path old``. Of the results, what describes the machine was taken out, and they were indented.
"""

import json
import shutil
from pathlib import Path

import pytest

from apigauge.__main__ import main

DATA = Path(__file__).parents[2] / "data" / "readers" / "lm_eval"
OLD, NEW = DATA / "old", DATA / "new"


def samples(folder, task):
    (path,) = folder.rglob(f"samples_{task}_*.jsonl")
    return path


def test_the_means_are_those_that_the_harness_printed(judged):
    for task in ("calls", "domains"):
        _, result, _ = judged(NEW, OLD, "--task", task)
        values = {one["name"]: (one["before"], one["after"]) for one in result["metrics"]}
        printed = []
        for folder in (OLD, NEW):
            (path,) = folder.rglob("results_*.json")
            entries = json.loads(path.read_text(encoding="utf-8"))["results"][task]
            printed.append({k.removesuffix(",none"): v for k, v in entries.items() if "," in k and "_stderr" not in k})
        assert values == {name: pytest.approx((printed[0][name], printed[1][name])) for name in printed[0]}
    assert values


def test_model_seeds_and_clusters_are_the_log_s(judged, capsys):
    _, result, _ = judged(samples(NEW, "calls"), samples(OLD, "calls"), "--cluster", "domain")
    assert result["models"]["run"]["spec"] == "hf:apigauge-mini"
    assert result["models"]["run"]["sampling"]["random_seed"] == 2
    assert {(one["n"], one["apis"]) for one in result["metrics"]} == {(5, 1)}
    assert any("Answers were drawn differently" in note for note in result["notes"])


def test_texts_are_compared(capsys):
    assert main(["compare", str(OLD), str(NEW), "--task", "calls", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    texts = [
        [json.loads(line) for line in samples(folder, "calls").read_text(encoding="utf-8").splitlines()]
        for folder in (OLD, NEW)
    ]
    same = sum(a["resps"] == b["resps"] for a, b in zip(*texts, strict=True) if a["filter"] == "strict-match")
    assert (result["texts"]["compared"], result["texts"]["identical"]) == (5, same)


def log(folder, name, scores, higher=True):
    """A log as version 0.4.13 writes it; ``scores`` has item, cluster and score."""
    (folder / name).mkdir()
    rows = [
        {"doc_id": n, "doc": {"api": api, "item": item}, "target": "", "arguments": {}, "resps": [["x"]]}
        | {"filter": "none", "metrics": ["acc"], "doc_hash": item, "acc": score}
        for n, (item, api, score) in enumerate(scores)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name / "samples_t_2026-11-29T03-02-13.682826.jsonl").write_text(text, encoding="utf-8")
    results = {"higher_is_better": {"t": {"acc": higher}}, "n-samples": {"t": {"effective": len(rows)}}}
    (folder / name / "results_2026-11-29T03-02-13.682826.json").write_text(json.dumps(results), encoding="utf-8")
    return folder / name


def test_gate_and_comparison_say_what_they_say_of_a_run_of_ours(ours, answers, same_numbers, tmp_path):
    numbers = {item: str(n) for n, (item, *_) in enumerate(answers(ours[1]))}
    old, new = (
        log(tmp_path, run.name, [(item, api, exact) for item, _, api, exact, _ in answers(run)]) for run in ours
    )
    same_numbers(old, new, {"ast.exact": "acc"}, "--cluster", "api", lost=numbers.get)


def test_the_direction_is_the_harness_s_and_asked_for_without_its_results(judged, tmp_path):
    old, new = (log(tmp_path, name, [("q", "a", score)], higher=False) for name, score in (("old", 0.5), ("new", 1.0)))
    _, result, _ = judged(new, old)
    assert result["metrics"][0]["lost"] == {"0": [["0", 0]]}
    for folder in (old, new):
        (path,) = folder.glob("results_*")
        path.unlink()
    code, _, error = judged(new, old)
    assert code == 2
    assert "--lower-is-better acc" in error


def damaged(folder, change):
    shutil.copytree(OLD, folder / "log")
    path = samples(folder / "log", "calls")
    path.write_bytes(change(path.read_bytes()))
    return folder / "log"


CHANGES = {
    "cut off within a line": (lambda text: text[:-300], "line 10: not JSON"),
    "cut off behind a line": (lambda text: b"".join(text.splitlines(True)[:4]), "has 4 documents, and its results are of 5"),
    "a line twice": (lambda text: text + text.splitlines(True)[0], "line 11: document 0 with filter 'strict-match'"),
    "another format": (lambda text: text + b'{"id": 1}\n', "line 11: it has no doc_id"),
    "a filter without a name": (lambda text: text.replace(b'"filter": "strict-match"', b'"filter": null', 1), "line 1: filter is 'None'"),
    "a metric that is not there": (lambda text: text.replace(b'"metrics": ["exact_match"]', b'"metrics": ["f1"]', 1), "line 1: it has no f1"),
    "a score that is none": (lambda text: text.replace(b'"exact_match": 0.0', b'"exact_match": NaN', 1), "line 1: exact_match"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_what_is_damaged_is_one_message_with_file_and_line(case, judged, tmp_path):
    change, message = CHANGES[case]
    code, result, error = judged(damaged(tmp_path, change), OLD, "--task", "calls")
    assert (code, result) == (4, None)
    assert message in error
    assert "samples_calls_" in error
    assert error.count("\n") == 1


def test_documents_and_task_versions_that_differ_are_refused(judged, tmp_path):
    other = damaged(tmp_path, lambda text: text.replace(b'"doc_hash": "', b'"doc_hash": "0', 1))
    code, _, error = judged(other, OLD, "--task", "calls")
    assert code == 4
    assert "'0' is another question in" in error
    shutil.rmtree(other)
    shutil.copytree(OLD, other)
    (path,) = other.rglob("results_*.json")
    path.write_text(path.read_text(encoding="utf-8").replace('"calls": 1.0', '"calls": 1.1'), encoding="utf-8")
    code, _, error = judged(other, OLD, "--task", "calls")
    assert code == 4
    assert "task version 1.1" in error


def test_tasks_with_different_metrics_are_not_mixed(judged):
    code, _, error = judged(NEW, OLD)
    assert code == 2
    assert "--task NAME reads one" in error
    code, _, error = judged(NEW, OLD, "--task", "call")
    assert code == 2
    assert "did you mean 'calls'?" in error
