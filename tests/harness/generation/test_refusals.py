"""Servers that refuse a field of a request: it is left out or renamed, once, and recorded; other refusals are errors."""

import json

import pytest
from openai_client import answers, engine, error, requests
from openai_server import good, send

from apigauge.__main__ import main
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.refusals import refused_field
from apigauge.harness.generation.sampling import Sampling

DRAWN = Sampling(max_new_tokens=9, temperature=0.5, top_p=0.9, top_k=40, stop=("END",))


def refusing(name, message, **more):
    """A server that refuses every request that has a field."""
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", **more}})
    return lambda received: send(body, 400) if name in received.body else None


# What servers were seen to say, and how each names the field.
OPENAI = "Unsupported value: '{}' does not support 0.0 with this model. Only the default (1) value is supported."
MESSAGES = {
    "OpenAI, a value": {"error": {"message": OPENAI, "param": "{}", "code": "unsupported_value"}},
    "OpenAI, a field": {
        "error": {"message": "Unsupported parameter: '{}' is not supported with this model.", "param": "{}"}
    },
    "OpenAI, long ago": {"error": {"message": "Unrecognized request argument supplied: {}", "param": None}},
    "Anthropic": {"error": {"message": "`{}` is deprecated for this model.", "type": "invalid_request_error"}},
    "Mistral": {"message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "{}"], "msg": "Extra inputs"}]}},
    "FastAPI": {"detail": [{"type": "extra_forbidden", "loc": ["body", "{}"], "msg": "Extra inputs are forbidden"}]},
    "Google": [{"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "{}": Cannot find'}}],
    "xAI": {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: {}"},
    "plain": {"error": "this model does not support the parameter `{}`"},
}


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k", "seed", "stop"])
@pytest.mark.parametrize("body", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("status", [400, 422])
def test_a_field_is_left_out_where_a_server_refuses_it(server, field, body, status):
    text = json.dumps(body).replace("{}", field)
    server.react = lambda received: send(text, status) if field in received.body else good(f"{received.prompt} END x")
    client = engine(server, DRAWN, concurrency=1)
    for number in range(4):
        answer = answers(client, requests(4)[number : number + 1])[f"i{number}"]
        assert (answer.text, answer.left_out, answer.renamed) == (f"p{number} ", (field,), ())
    refused, *rest = server.requests
    assert field in refused.body
    assert [one.prompt for one in rest] == ["p0", "p1", "p2", "p3"]
    assert all(one.body == {key: refused.body[key] for key in refused.body if key != field} | one.body for one in rest)
    assert not any(field in one.body for one in rest)
    assert not client.problems


def test_several_fields_are_left_out_one_after_the_other_without_counting_as_failures(server):
    refused = ("n", "temperature", "top_p", "top_k", "seed", "stop", "max_tokens")

    def react(received):
        field = next((name for name in refused if name in received.body), None)
        return error(400, f"Unsupported parameter: '{field}'") if field else None

    server.react = react
    answer = answers(engine(server, DRAWN), requests(1))["i0"]
    assert answer.text == "to p0"
    assert answer.left_out == ("n", "seed", "stop", "temperature", "top_k", "top_p")
    assert answer.renamed == (("max_tokens", "max_completion_tokens"),)
    assert server.requests[-1].body == {
        "model": "some/model",
        "messages": [{"role": "user", "content": "p0"}],
        "max_completion_tokens": 9,
    }


def test_of_two_fields_that_may_not_stand_together_the_temperature_is_kept(server):
    message = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    server.react = lambda received: error(400, message) if {"temperature", "top_p"} <= received.body.keys() else None
    assert answers(engine(server, DRAWN), requests(1))["i0"].left_out == ("top_p",)
    assert server.requests[-1].body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("top_p", "Input validation error: `top_p` must be > 0.0 and < 1.0"),
        ("temperature", "Input validation error: `temperature` must be strictly positive"),
    ],
)
def test_a_value_that_means_nothing_is_left_out_where_a_server_wants_another(server, field, message):
    """As TGI does. A value that was set on purpose and is out of the server's range is an error."""
    server.react = lambda received: send(json.dumps({"error": message}), 422) if field in received.body else None
    assert answers(engine(server), requests(1))["i0"].left_out == (field,)
    set_on_purpose = engine(server, DRAWN)
    assert answers(set_on_purpose, requests(1)) == {}
    assert len(set_on_purpose.problems) == 1


OTHERS = {
    "a range": {"error": {"message": "Invalid 'temperature': decimal above maximum value.", "param": "temperature"}},
    "the context": {"error": {"message": "maximum context length is 10 tokens; unsupported", "param": "messages"}},
    "the limit": {"error": {"message": "max_tokens is too large: 512. This model supports at most 100"}},
    "the template": {"error": {"message": "chat_template_kwargs is not supported", "param": "chat_template_kwargs"}},
    "a prompt with the word": {"error": {"message": "Unsupported content: 'set temperature'", "param": "messages[0]"}},
    "stop in prose": {"error": {"message": "Unknown error: the engine had to stop early"}},
    "the role": {"error": {"message": "System role not supported"}},
}


@pytest.mark.parametrize("body", OTHERS.values(), ids=OTHERS)
def test_a_refusal_of_something_else_stays_an_error(server, body):
    server.react = lambda _: send(json.dumps(body), 400)
    client = engine(server, DRAWN)
    assert answers(client, requests(1)) == {}
    assert len(server.requests) == 1
    assert len(client.problems) == 1


@pytest.mark.parametrize("status", [404, 409, 413, 500, 503])
def test_only_a_bad_request_is_a_refusal_of_a_field(status):
    assert refused_field(status, None, "temperature is not supported", {"temperature": 0.5}) is None


def test_a_field_is_missed_by_others_only_after_an_answer_without_it(server):
    """The refusal may have been of something else: then leaving the field out does not help, and others have it."""
    server.react = lambda one: error(400, "temperature is not supported for p0") if one.prompt == "p0" else None
    client = engine(server, DRAWN, concurrency=1)
    others = answers(client, requests(3))
    assert others.keys() == {"i1", "i2"}
    assert [answer.left_out for answer in others.values()] == [(), ()]
    assert [("temperature" in one.body) for one in server.requests] == [True, False, True, True]
    assert len(client.problems) == 1


def test_a_limit_that_is_too_large_is_not_tried_under_both_names_without_end(server):
    message = "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's context length is 100"
    server.react = lambda _: error(400, message)
    assert answers(engine(server), requests(1)) == {}
    assert len(server.requests) == 2


def test_ten_thousand_entries_of_an_error_are_read_in_no_time():
    deep = json.loads("[" * 500 + "]" * 500)
    for body in (deep, {"detail": [{"loc": ["body"], "msg": "x"}] * 10_000}, {"error": {"param": {"a": []}}}, 7, None):
        assert refused_field(400, body, "x" * 1_000_000, {"temperature": 0.5, "n": 1}) is None


def run(server, out, *options, limit=6):
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--sandbox", "none"]
    return main([*command, "--out", str(out), "--metrics", "ast_match", "--limit", str(limit), *options])


def test_what_was_left_out_is_said_once_recorded_and_no_hindrance_to_resuming(server, tmp_path, capsys):
    server.react = refusing("temperature", "temperature is not supported", param="temperature")
    assert run(server, tmp_path / "run") == 0
    assert capsys.readouterr().err.count("the server refuses temperature") == 1
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["generator"]["left_out"] == ["temperature"]
    # Again, and with more items: the server has not refused anything yet when the manifests are compared.
    assert run(server, tmp_path / "run") == 0
    assert run(server, tmp_path / "run", limit=9) == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["generator"]["left_out"] == ["temperature"]
    assert manifest["benchmark"]["items"] == 9


def test_answers_from_the_cache_remember_what_was_not_sent(server, mini):
    server.react = refusing("temperature", "temperature is not supported")
    first, second = (open_generator("openai:m", ModelOptions(base_url=server.url, cached=True)) for _ in range(2))
    assert len(list(first.generate(mini, mini.items[:3]))) == 3
    server.react = lambda _: error(500, "gone")
    assert len(list(second.generate(mini, mini.items[:3]))) == 3
    assert second.hits == 3
    for opened in (first, second):
        assert opened.describe()["left_out"] == ["temperature"]
        assert opened.problems == ["the server refuses temperature: it is left out, and the server's own value holds"]


def test_two_runs_of_which_one_lacks_a_field_are_not_the_same(server, tmp_path):
    from apigauge.harness.evaluation.run_directory import differences, read_manifest

    server.react = refusing("top_p", "top_p is not supported")
    assert run(server, tmp_path / "a", "--no-cache") == 0
    server.react = lambda _: None
    assert run(server, tmp_path / "b", "--no-cache") == 0
    a, b = (read_manifest(tmp_path / name) for name in "ab")
    assert differences(a, b) == [("generator.left_out", ["top_p"], None)]
