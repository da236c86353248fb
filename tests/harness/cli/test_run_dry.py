"""``--dry-run``: the plan and its cost; nothing is written, no model loaded, no server called."""

import json
import math
import socket
from pathlib import Path

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.sandboxes import hubs


@pytest.fixture
def plan(capsys, tmp_path, monkeypatch):
    """The plan of ``apigauge run ... --dry-run``, which must leave the folder and the network alone."""
    monkeypatch.chdir(tmp_path)

    def refuse(*_):
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)

    def make(*arguments, command="run"):
        before = sorted(tmp_path.rglob("*"))
        assert main([command, "--benchmark", "mini", *arguments, "--dry-run", "--json"]) == 0
        assert sorted(tmp_path.rglob("*")) == before
        return json.loads(capsys.readouterr().out)

    return make


def test_a_server_is_planned_with_requests_prompts_and_cost(plan, mini):
    drawn = ["--samples", "2", "--temperature", "1", "--max-new-tokens", "100"]
    result = plan("--model", "openai:m", "--limit", "3", *drawn, "--price", "2", "8", "--sandbox", "none")
    questions = [item.instruction for item in mini.items[:3]]
    characters = 2 * sum(map(len, questions))
    tokens = math.ceil(characters / 4)
    assert result["first_prompt"] == questions[0]
    assert (result["items"], result["samples"], result["answers"], result["answered"]) == (3, 2, 6, 0)
    assert result["run"] == str(Path("runs") / "mini-openai-m")
    assert (result["sandbox"], result["programs_at_most"]) == (None, 6)
    assert result["cost"] == {
        "requests": 6,
        "prompt_characters": characters,
        "prompt_tokens": tokens,
        "answer_tokens_at_most": 600,
        "dollars_at_most": pytest.approx((tokens * 2 + 600 * 8) / 1e6),
    }


def test_answers_that_exist_are_counted_and_not_paid_again(plan, tmp_path, capsys):
    folder = tmp_path / "run"
    assert (
        main(["generate", "--benchmark", "mini", "--model", "constant:f(1)", "--limit", "4", "--out", str(folder)]) == 0
    )
    capsys.readouterr()
    result = plan("--model", "constant:f(1)", "--out", str(folder), "--limit", "10", "--sandbox", "none")
    assert (result["answers"], result["answered"]) == (10, 4)
    assert result["cost"]["requests"] == 0
    assert (
        plan("--model", "openai:m", "--out", str(folder), "--limit", "10", "--sandbox", "none")["cost"]["requests"] == 6
    )


def test_a_checkpoint_is_not_looked_for(plan):
    result = plan("--model", "hf:nobody/no-such-model", "--adapter", "nobody/lora", "--sandbox", "none")
    assert result["run"] == str(Path("runs") / "mini-hf-nobody-no-such-model-nobody-lora")
    assert result["prompt_is_exact"] is False
    assert result["cost"]["requests"] == 56


def test_programs_are_planned_in_a_sandbox_that_is_looked_at(plan):
    sandbox = plan("--model", "constant:f(1)", "--sandbox", "process", "--accept-no-isolation")["sandbox"]
    assert (sandbox["kind"], sandbox["environment"], sandbox["available"]) == ("process", "mini", True)
    assert sandbox["hub"] is None
    lacking = plan("--model", "constant:f(1)", "--sandbox", "process", "--environment", "tensorflowhub")["sandbox"]
    assert lacking["available"] is False
    assert "lacks" in lacking["problem"]
    assert plan("--model", "constant:f(1)", "--metrics", "rouge")["sandbox"] is None
    assert plan("--model", "constant:f(1)", command="generate")["sandbox"] is None


@pytest.mark.apibench
def test_a_hub_that_is_not_built_makes_the_sandbox_unavailable(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path / "hubs")
    run = ["run", "--benchmark", "apibench-torchhub", "--model", "constant:f(1)", "--data-dir", str(data_dir)]
    run += ["--dry-run", "--sandbox", "process", "--json"]
    assert main(run) == 0
    sandbox = json.loads(capsys.readouterr().out)["sandbox"]
    assert (sandbox["hub"], sandbox["available"]) == ("stand-in", False)
    assert "apigauge hubs build torchhub" in sandbox["problem"]
    assert main([*run, "--hub", "live"]) == 0
    assert not (tmp_path / "hubs").exists()


def test_people_read_the_plan_of_every_pair(tmp_path, capsys):
    run = ["run", "--benchmark", "mini", "--model", "openai:m", "constant:f(1)", "--out", str(tmp_path / "out")]
    assert main([*run, "--dry-run", "--sandbox", "none", "--price", "1", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("56 answers, of which 0 exist") == 2
    assert "56 requests" in shown
    assert "at most about $" in shown
    assert "no model is asked" in shown
    assert load_benchmark("mini").items[0].instruction[:40] in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [["--price", "-1", "2"], ["--price", "-1", "2", "--dry-run"]])
def test_a_price_without_sense_is_wrong_usage(tmp_path, capsys, more):
    run = ["run", "--benchmark", "mini", "--model", "openai:m", "--out", str(tmp_path / "out")]
    assert main([*run, *more]) == 2
    assert "--price" in capsys.readouterr().err
