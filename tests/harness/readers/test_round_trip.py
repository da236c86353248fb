"""What ``report --export`` writes for other programs, read back as runs: the same decision and the same numbers."""

import json

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.run_directory import read_summary
from apigauge.harness.evaluation.summary import summarise
from apigauge.harness.evaluation.usage import Usage

# By metric, what the gate is told of it: partial scores, and one of which small values are good.
METRICS = ("ast.exact", "rouge.1", "hallucination")


def merged(first, second, path):
    """A run with two samples a question: those of one run, then those of another."""
    path.mkdir()
    (path / "manifest.json").write_bytes((first / "manifest.json").read_bytes())
    for name in ("generations.jsonl", "scores.jsonl"):
        lines = [
            json.dumps({**json.loads(line), "sample": sample})
            for sample, run in enumerate((first, second))
            for line in (run / name).read_text(encoding="utf-8").splitlines()
        ]
        (path / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    summarise(load_benchmark("mini"), path, [], Usage())
    return path


@pytest.fixture(scope="module")
def two_samples(ours, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    old, new = ours
    return merged(old, new, folder / "old"), merged(new, new, folder / "new")


@pytest.fixture(scope="module")
def exported(two_samples, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported")
    for run in two_samples:
        command = ["report", str(run), "--out", str(out / run.name), "--export", "every-eval-ever", "inspect"]
        assert main([*command, "--quiet"]) == 0
    return out / "old", out / "new"


@pytest.mark.parametrize("metric", METRICS)
def test_every_eval_ever_read_back_gives_the_same_gate_and_comparison(metric, two_samples, exported, judged, capsys):
    old, new = (next((out / "every-eval-ever").rglob("*_samples.jsonl")) for out in exported)
    options = ("--task", f"mini/{metric}", "--cluster", "api")
    code, mine, _ = judged(two_samples[1], two_samples[0], "--metric", metric)
    code_back, back, error = judged(new, old, "--metric", "score", *options)
    assert back is not None, error
    assert (code_back, back["decision"]) == (code, mine["decision"])
    one, other = ({key: value for key, value in side["metrics"][0].items() if key != "name"} for side in (mine, back))
    assert one.pop("lost") == other.pop("lost")
    assert one == pytest.approx(other, rel=1e-12, abs=1e-12)


def test_the_evaluation_has_the_numbers_of_the_summary(two_samples, exported):
    for run, out in zip(two_samples, exported, strict=True):
        (path,) = (out / "every-eval-ever").rglob("*.json")
        content = json.loads(path.read_text(encoding="utf-8"))
        summary = read_summary(run)["metrics"]
        results = {one["metric_config"]["metric_id"]: one for one in content["evaluation_results"]}
        assert results.keys() == summary.keys()
        for name, entry in summary.items():
            details = results[name]["score_details"]
            interval = details["uncertainty"]["confidence_interval"]
            numbers = (details["score"], interval["lower"], interval["upper"], details["uncertainty"]["num_samples"])
            assert numbers == (entry["value"], entry["low"], entry["high"], entry["n"])
            assert results[name]["metric_config"]["lower_is_better"] == name.startswith("hallucination")
        assert content["detailed_evaluation_results"]["total_rows"] == len(summary) * 80


def test_an_inspect_log_has_the_scores_and_the_numbers(two_samples, exported):
    for run, out in zip(two_samples, exported, strict=True):
        (path,) = (out / "inspect").iterdir()
        log = json.loads(path.read_text(encoding="utf-8"))
        rows = {
            (row["item"], row["sample"] + 1): row["metrics"]
            for row in map(json.loads, (run / "scores.jsonl").read_text(encoding="utf-8").splitlines())
        }
        written = {
            (one["id"], one["epoch"]): {name: score["value"] for name, score in one["scores"].items()}
            for one in log["samples"]
        }
        assert written == rows
        for one in log["results"]["scores"]:
            entry = read_summary(run)["metrics"][one["name"]]
            numbers = {name: value["value"] for name, value in one["metrics"].items()}
            assert numbers == {"mean": entry["value"], "interval_low": entry["low"], "interval_high": entry["high"]}
