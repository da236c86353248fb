"""The client of OpenAI's protocol against a real server on the loopback: requests and answers, key and address."""

import base64
import json
import logging
import threading
import time

import pytest
from openai_client import KEY, answers, engine, error, requests
from openai_server import (
    good,
    send,
)

from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.openai import OpenAI
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Answer, Request

# Requests


def test_a_chat_puts_the_prompt_as_one_message_of_the_user(server):
    [(request, answer)] = engine(server).answer(requests(1), "chat")
    assert (request, answer) == (requests(1)[0], Answer("to p0", "stop", 5, 7))
    [received] = server.requests
    assert received.path == "/v1/chat/completions"
    assert received.headers["Content-Type"] == "application/json"
    assert received.body == {
        "model": "some/model",
        "messages": [{"role": "user", "content": "p0"}],
        "n": 1,
        "max_tokens": 512,
        "temperature": 0.0,
        "top_p": 1.0,
    }


@pytest.mark.parametrize("style", ["instruction", "/a/template.jinja"])
def test_any_other_style_puts_the_prompt_as_it_is_to_completions(server, style):
    sampling = Sampling(max_new_tokens=9, samples=2, temperature=0.5, top_p=0.9, top_k=40, stop=("\n\n", "###"))
    assert answers(engine(server, sampling), requests(1), style) == {"i0": Answer("to p0", "stop", 5, 7)}
    [received] = server.requests
    assert received.path == "/v1/completions"
    assert received.body == {
        "model": "some/model",
        "prompt": "p0",
        "n": 1,
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop": ["\n\n", "###"],
        "seed": 1000,
    }


def test_a_server_that_wants_the_newer_name_of_the_limit_is_given_it(server):
    """OpenAI's reasoning models refuse ``max_tokens``; older servers know no other name and would answer without end."""
    wants = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    server.react = lambda received: error(400, wants) if "max_tokens" in received.body else None
    client = engine(server, Sampling(max_new_tokens=7), concurrency=4)
    assert len(answers(client, requests(12))) == 12
    assert not client.problems
    assert sum("max_tokens" in one.body for one in server.requests) <= 4
    assert [one.body["max_completion_tokens"] for one in server.requests if "max_tokens" not in one.body] == [7] * 12


def test_each_answer_goes_to_the_request_it_was_made_for(server):
    def react(received):
        time.sleep(0.05 if received.prompt in ("p0", "p3") else 0)

    server.react = react
    by_request = answers(engine(server, concurrency=4), requests(20))
    assert by_request == {f"i{number}": Answer(f"to p{number}", "stop", 5, 7) for number in range(20)}
    assert sorted(server.prompts()) == sorted(f"p{number}" for number in range(20))


def test_a_prompt_that_is_not_unicode_is_asked_all_the_same(server):
    list(engine(server).answer([Request("i", 0, "lone \ud800", 1)], "chat"))
    assert server.prompts() == ["lone \ud800"]


def test_no_request_is_no_answer(server):
    assert answers(engine(server), []) == {}
    assert server.requests == []


# What is answered


def test_an_answer_is_cut_at_a_stop_text_that_the_server_did_not_stop_at(server):
    server.first([good("one END two", "length")])
    assert answers(engine(server, Sampling(stop=("END",))), requests(1)) == {"i0": Answer("one ", "stop", 5, 7)}


@pytest.mark.parametrize(
    ("given", "kept"), [("length", "length"), ("content_filter", "content_filter"), (None, "stop")]
)
def test_the_finish_reason_is_the_server_s(server, given, kept):
    server.first([good("text", given)])
    assert answers(engine(server), requests(1))["i0"].finish_reason == kept


@pytest.mark.parametrize("style", ["chat", "instruction"])
def test_no_content_is_an_empty_text(server, style):
    server.first([good(None)])
    assert answers(engine(server), requests(1), style) == {"i0": Answer("", "stop", 5, 7)}
    assert len(server.requests) == 1


@pytest.mark.parametrize("usage", [None, {}, "12", {"prompt_tokens": None, "completion_tokens": "7"}])
def test_token_counts_that_the_server_does_not_tell_are_none(server, usage):
    server.first([good("text", usage=usage)])
    assert answers(engine(server), requests(1)) == {"i0": Answer("text", "stop", None, None)}


# Concurrency


def test_as_many_requests_as_allowed_are_in_flight_and_never_more(server):
    together = threading.Barrier(3)

    def react(_):
        together.wait(5)  # Fewer than three never pass.
        time.sleep(0.05)  # A fourth would be seen.

    server.react = react
    assert len(answers(engine(server, concurrency=3), requests(12))) == 12
    assert server.peak == 3


def test_answers_come_as_they_are_made(server):
    held = threading.Event()
    server.react = lambda received: error(400, "late") if received.prompt == "p0" and not held.wait(5) else None
    stream = engine(server, concurrency=2).answer(requests(3), "chat")
    early = [next(stream)[0].item, next(stream)[0].item]
    held.set()
    assert (early, [request.item for request, _ in stream]) == (["i1", "i2"], ["i0"])


# The key


def test_the_key_is_in_the_header_and_nowhere_else(server, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    echoes = {
        "p0": error(400, f"key {KEY} is odd"),
        "p1": error(422, "x" * 285 + KEY),  # Shortened first, half of it would be left.
        "p2": error(500, f"Bearer {KEY}"),
        "p3": send(f"<pre>{KEY}</pre>"),
        "p4": send(json.dumps({"detail": {"got": KEY}}), 400),
        "p5": send(json.dumps({"choices": [], "error": KEY})),
    }
    server.react = lambda received: echoes.get(received.prompt)
    client = engine(server)
    assert answers(client, requests(7)).keys() == {"i6"}
    assert {received.headers["Authorization"] for received in server.requests} == {f"Bearer {KEY}"}
    assert len(client.problems) == 6
    assert sum("***" in problem for problem in client.problems) == 5  # p4's body is not a message and is not repeated.
    assert any("Request" in record.getMessage() for record in caplog.records)
    logged = "".join(f"{record.getMessage()}{record.args!r}{record.exc_text}" for record in caplog.records)
    for text in ("\n".join(client.problems), logged, repr(client), str(client), json.dumps(client.describe())):
        assert KEY[:12] not in text


def test_a_key_that_comes_back_in_place_of_a_response_is_not_told(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.react = lambda _: lambda handler: handler.wfile.write(f"{KEY}\r\n\r\n".encode())
    client = engine(server)
    assert answers(client, requests(1)) == {}
    [problem] = client.problems
    assert "RemoteProtocolError" in problem
    assert "***" in problem
    assert KEY[:12] not in problem


@pytest.mark.parametrize("key", ["", " \n"])
def test_without_a_key_none_is_sent(server, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    answers(engine(server), requests(1))
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("key", ["sk-two words", "sk-two\nlines", "sk-\x07", "sk-\u2011hyphen"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as raised:
        OpenAI("m", ModelOptions())
    assert "sk-" not in str(raised.value)


# The address


def test_a_user_in_the_address_is_sent_and_not_shown(server, caplog):
    caplog.set_level(logging.INFO)
    server.first([error(400, "user and s3cret? with ver=2")])
    client = engine(
        server, base_url=server.url.replace("http://", "HTTP://user:s3cret@") + "/?ver=2#part", concurrency=1
    )
    assert answers(client, requests(2)).keys() == {"i1"}
    for received in server.requests:
        assert received.path == "/v1/chat/completions?ver=2"
        assert received.headers["Authorization"] == f"Basic {base64.b64encode(b'user:s3cret').decode()}"
    assert client.describe()["base_url"] == server.url
    assert client.problems == ["item 'i0', sample 0: HTTP 400: user and ***? with ***; it is left out"]
    assert "s3cret" not in caplog.text
    assert "chat/completions" in caplog.text


def test_a_key_goes_before_a_user_in_the_address(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    answers(engine(server, base_url=server.url.replace("http://", "http://user:pass@")), requests(1))
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_the_description_asks_nobody(server):
    assert engine(server).describe() == {
        "kind": "openai",
        "model": "some/model",
        "engine": "openai protocol",
        "base_url": server.url,
    }
    assert server.requests == []


def test_the_address_is_the_option_s_or_the_environment_s_or_openai_s(monkeypatch):
    def address(url=None):
        return OpenAI("m", ModelOptions(base_url=url)).describe()["base_url"]

    assert address() == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[::1]:8000/v1/")
    assert address() == "http://[::1]:8000/v1"
    assert address("https://example.org/v1") == "https://example.org/v1"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://user:s3cret@h/v1",
        "user:s3cret@h/v1",
        "http://",
        "http:///v1",
        "http://user:s3cret@h:port/v1",
        "http://h:70000/v1",
        "http://a..b/v1",
        "http://\0",
    ],
)
def test_an_address_that_is_none_is_refused_without_a_password_in_it_being_shown(url):
    with pytest.raises(UsageError, match="--base-url") as raised:
        OpenAI("m", ModelOptions(base_url=url))
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("odd", [{"concurrency": 0}, {"timeout": 0.0}])
def test_limits_under_which_nothing_could_be_asked_are_refused(odd):
    with pytest.raises(UsageError, match=f"--{next(iter(odd))}"):
        OpenAI("m", ModelOptions(**odd))


def test_a_proxy_that_cannot_be_used_is_told(server, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(UsageError, match="proxy"):
        answers(engine(server), requests(1))


# In the whole


def test_a_benchmark_is_answered_by_a_server_and_found_in_the_cache_on_request(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    benchmark = load_benchmark("mini")
    items = benchmark.items[:5]
    for hits in (0, 5):
        generator = open_generator("openai:some/model", ModelOptions(base_url=server.url, cached=True))
        made = {completion.item: completion.text for completion in generator.generate(benchmark, items)}
        assert made == {item.id: f"to {item.instruction}" for item in items}
        assert (generator.hits, len(server.requests)) == (hits, 5)
    assert generator.describe()["spec"] == "openai:some/model"
