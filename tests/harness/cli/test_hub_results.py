"""``apigauge report RUN --hub-results ORG/MODEL``: real runs, written or refused."""

import json

import pytest
import yaml

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.run_directory import read_summary
from apigauge.reports.formats.hub_results import percent


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    rows = [{"item": item.id, "text": item.reference_call} for item in load_benchmark("mini").items]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def scored(answers, out, *options):
    command = ["run", "--benchmark", "mini", "--model", f"replay:{answers}", "--sandbox", "none", "--out", str(out)]
    assert main([*command, "--metrics", "ast_match", "--quiet", *options]) == 0
    return out


def test_a_whole_run_is_written_and_the_upload_command_printed(answers, tmp_path, capsys):
    run = scored(answers, tmp_path / "whole")
    capsys.readouterr()
    site = tmp_path / "site"
    assert (
        main(["report", str(run), "--out", str(site), "--hub-results", "org/model", "--hub-dataset", "org/mini"]) == 0
    )
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1] == f"hf upload org/model {site}/hub/org/model . --create-pr"
    assert "left out: whole: hallucination: small values are good" in shown.err
    entries = yaml.safe_load((site / "hub/org/model/.eval_results/whole.yaml").read_text(encoding="utf-8"))
    summary = read_summary(run)["metrics"]["ast.exact"]
    assert entries[0]["dataset"] == {"id": "org/mini", "task_id": "ast_exact"}
    assert entries[0]["value"] == float(percent(summary["value"]))
    assert entries[0]["notes"].startswith(f"95 % interval {percent(summary['low'])} to {percent(summary['high'])};")


def test_a_run_with_a_limit_is_refused_before_anything_is_written(answers, tmp_path, capsys):
    run = scored(answers, tmp_path / "part", "--limit", "10")
    assert main(["report", str(run), "--out", str(tmp_path / "site"), "--hub-results", "org/model"]) == 4
    assert "only 10 of 56 questions are scored; run it without --limit" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_a_dataset_without_results_is_a_wrong_use(answers, tmp_path, capsys):
    run = scored(answers, tmp_path / "whole")
    assert main(["report", str(run), "--out", str(tmp_path / "site"), "--hub-dataset", "org/mini"]) == 2
    assert "--hub-results" in capsys.readouterr().err
