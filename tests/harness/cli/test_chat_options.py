"""``--system``, ``--chat-template-arg`` and ``--trust-remote-code``: read, recorded, sent, and part of what runs are."""

import json

import pytest
from openai_server import OpenAIServer

from apigauge import ModelOptions, run
from apigauge.__main__ import main
from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.prompts import Prompting


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = OpenAIServer()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("apigauge.harness.generation.cache.folder", lambda: tmp_path / "completions")


def command(server, out, *options):
    start = ["run", *options[:1]] if options and options[0].endswith(".toml") else ["run"]
    rest = options[1:] if len(start) > 1 else options
    given = ["--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--sandbox", "none"]
    return main([*start, *given, "--metrics", "ast_match", "--limit", "2", "--out", str(out), *rest])


def test_a_server_gets_the_system_prompt_and_the_template_s_variables(server, tmp_path):
    options = ["--system", "Answer briefly.", "--chat-template-arg", "enable_thinking=false", 'level="7"']
    assert command(server, tmp_path / "run", *options, "--chat-template-arg", "effort=low", "budget=7") == 0
    variables = {"enable_thinking": False, "level": "7", "effort": "low", "budget": 7}
    for received in server.requests:
        assert [message["role"] for message in received.body["messages"]] == ["system", "user"]
        assert received.body["messages"][0]["content"] == "Answer briefly."
        assert received.body["chat_template_kwargs"] == variables
    generator = run_directory.read_manifest(tmp_path / "run")["generator"]
    assert (generator["system"], generator["chat_template_args"]) == ("Answer briefly.", variables)


def test_without_them_requests_and_manifest_are_as_before(server, tmp_path):
    assert command(server, tmp_path / "run") == 0
    assert "chat_template_kwargs" not in server.requests[0].body
    generator = run_directory.read_manifest(tmp_path / "run")["generator"]
    assert not {"system", "chat_template_args", "trust_remote_code", "quantization", "left_out"} & generator.keys()


def test_a_system_prompt_may_stand_in_a_file_and_options_in_a_run_file(server, tmp_path):
    (tmp_path / "system.txt").write_text("Zeile eins\nzwei: ü", encoding="utf-8")
    file = tmp_path / "run.toml"
    file.write_text(f"system = '@{tmp_path / 'system.txt'}'\nchat-template-arg = ['enable_thinking=false']\n")
    assert command(server, tmp_path / "run", str(file)) == 0
    body = server.requests[0].body
    assert body["messages"][0] == {"role": "system", "content": "Zeile eins\nzwei: ü"}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--system", "@nowhere.txt"], "--system @nowhere.txt: the file cannot be read"),
        (["--system", " "], "is empty"),
        (["--chat-template-arg", "enable_thinking"], "give NAME=VALUE"),
        (["--chat-template-arg", "=1"], "give NAME=VALUE"),
        (["--chat-template-arg", "a b=1"], "give NAME=VALUE"),
        (["--chat-template-arg", "a=1", "a=2"], "a: is given twice"),
        (["--chat-template-arg", "add_generation_prompt=false"], "is set by apigauge"),
        (["--chat-template-arg", "tokenize=true"], "is set by apigauge"),
        (["--system", "x", "--prompt", "instruction"], "--system: is part of a chat, and the prompt is --prompt"),
        (["--chat-template-arg", "a=1", "--prompt", "instruction"], "--chat-template-arg: is part of a chat"),
        (["--stop", ""], "--stop: an empty text"),
        (["--stop", "\udcff"], "--stop: a text that is not UTF-8"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(server, tmp_path, capsys, options, message):
    assert command(server, tmp_path / "run", *options) == 2
    assert message in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize(
    "options",
    [["--system", "Another."], ["--chat-template-arg", "enable_thinking=true"], ["--chat-template-arg", "x=1"]],
)
def test_other_settings_of_the_chat_are_another_run_with_answers_of_its_own(server, tmp_path, options):
    first = ["--system", "One.", "--chat-template-arg", "enable_thinking=false", "--cache"]
    assert command(server, tmp_path / "run", *first) == 0
    merged = [*options, *(first[:2] if options[0] != "--system" else first[2:])]
    assert command(server, tmp_path / "run", *merged) == RunError.exit_code
    assert command(server, tmp_path / "other", *merged) == 0
    assert len(server.requests) == 4  # None from the cache.
    assert command(server, tmp_path / "again", *first) == 0
    assert len(server.requests) == 4


def test_the_python_interface_has_them(server, tmp_path):
    prompting = Prompting(system="Briefly.", chat_template_args={"enable_thinking": False})
    options = ModelOptions(prompting=prompting, base_url=server.url)
    result = run("mini", "openai:m", out=tmp_path / "run", limit=1, metrics=["ast.exact"], options=options)
    assert result.manifest["generator"]["chat_template_args"] == {"enable_thinking": False}
    assert server.requests[0].body["messages"][0]["content"] == "Briefly."


def test_a_dry_run_counts_the_system_prompt_of_each_request(tmp_path, capsys):
    costs = []
    for options in ([], ["--system", "x" * 100]):
        given = ["--benchmark", "mini", "--model", "openai:m", "--limit", "3", "--out", str(tmp_path / "run"), "--json"]
        assert main(["run", "--dry-run", *given, *options]) == 0
        costs.append(json.loads(capsys.readouterr().out)["cost"]["prompt_characters"])
    assert costs[1] - costs[0] == 300
    assert main(["run", "--dry-run", "--benchmark", "mini", "--model", "openai:m", "--system", "Be\nbrief."]) == 0
    assert "  system prompt:\n    Be\n    brief.\n  first prompt:\n" in capsys.readouterr().out
    assert main(["run", "--dry-run", "--benchmark", "mini", "--model", "hf:gpt2", "--system", "x"]) == 0
