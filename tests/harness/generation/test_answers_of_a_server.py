"""A whole run against a server that fails: its answers are kept, the missing ones are reported and requested again."""

import json

import pytest
from openai_server import OpenAIServer, good, send

from apigauge.__main__ import main
from apigauge.harness.generation import openai

ANSWER = "<<<api_call>>>: torch.topk(scores, k=3)"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-written")
    running = OpenAIServer()
    yield running
    running.close()


def test_a_run_ends_with_what_could_be_had_and_running_again_finishes_only_the_rest(server, mini, tmp_path, capsys):
    lost = {mini.items[4].instruction, mini.items[30].instruction}

    def some(received):
        return send("{}", 500) if received.prompt in lost else good(ANSWER)

    out = tmp_path / "run"
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--sandbox", "none"]
    command += ["--no-cache", "--out", str(out), "--metrics", "ast_match"]
    server.react = some
    assert main(command) == 4
    message = capsys.readouterr().err
    assert "2 answers are missing" in message
    assert mini.items[4].id in message
    assert mini.items[30].id in message
    rows = [json.loads(line) for line in (out / "generations.jsonl").read_text().splitlines()]
    assert len(rows) == 54
    server.react = lambda _: good(ANSWER)
    before = len(server.requests)
    assert main(command) == 0
    assert sorted(server.prompts()[before:]) == sorted(lost)
    rows = [json.loads(line) for line in (out / "generations.jsonl").read_text().splitlines()]
    assert len({row["item"] for row in rows}) == len(rows) == 56
    assert all("sk-never-written" not in path.read_text() for path in out.iterdir() if path.is_file())
    manifest = json.loads((out / "manifest.json").read_text())["generator"]
    assert manifest["kind"] == "openai"
    assert manifest["prompt"] == "chat"
