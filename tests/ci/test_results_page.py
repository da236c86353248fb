"""The workflow that the page on other harnesses gives to users of lm-evaluation-harness: every step of it is run."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from ci_steps import ROOT, outside, run_action
from doc_pages import blocks

from apigauge.benchmarks import load_benchmark, mini

pytestmark = [pytest.mark.lm_eval, pytest.mark.slow]
_FEW = 6


@pytest.fixture
def page():
    """By title, the files that the page shows."""
    shown = blocks(ROOT / "docs" / "how-to" / "other-harnesses.md")
    return {block.title: block.text for block in shown if block.title}


@pytest.fixture
def steps(page):
    """Of the workflow, what comes behind the checkout: the commands, and what the action is given."""
    checkout, *commands, gate = yaml.safe_load(page[".github/workflows/lm-eval.yml"])["jobs"]["gate"]["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    assert gate["uses"].startswith("OWNER/apigauge@")
    return [step["run"] for step in commands], gate["with"]


def test_the_gate_is_five_lines(page):
    text = page[".github/workflows/lm-eval.yml"]
    assert len(text[text.index("- uses: OWNER/apigauge") :].strip().splitlines()) == 5


def test_the_workflow_of_the_page_runs_from_its_first_baseline_to_a_decision(
    page, steps, lm_eval_python, checkout, machine, tmp_path
):
    commands, given = steps
    work = tmp_path / "work"
    (work / "tasks").mkdir(parents=True)
    (work / "my-model").symlink_to(mini.FOLDER / "checkpoint")
    (work / "tasks" / "calls.yaml").write_text(page["tasks/calls.yaml"], encoding="utf-8")
    rows = [
        {"question": item.instruction, "call": item.reference_call.partition("(")[0], "api": item.api}
        for item in load_benchmark("mini").items[:_FEW]
    ]
    (work / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # What the first command installs is there, and nothing is fetched.
    environment = outside(Path(lm_eval_python).parent) | {"HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1"}
    environment |= {"HOME": str(tmp_path)}
    for command in commands:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def gate():
        return run_action(tmp_path, given, {"token": "", "action_path": str(checkout), "event": {}}, machine)

    first = gate()
    assert (first.exit, first.outputs["decision"]) == (4, "broken")
    ((_, artifact),) = [used for used in first.used if "upload-artifact" in used[0]]
    baseline = Path(artifact["path"]) / given["baseline"]
    (work / given["baseline"]).write_bytes(baseline.read_bytes())
    again = gate()
    assert (again.exit, again.outputs["decision"]) == (3, "inconclusive"), again.log  # six questions are too few
    assert "exact_match,function" in again.summary
    assert f"{_FEW} answers" in again.log
    assert Path(again.outputs["report"]).is_file()
