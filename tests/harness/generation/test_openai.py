"""The client of OpenAI's protocol against real servers on the loopback, good ones and broken ones."""

import base64
import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from openai_server import (
    OpenAIServer,
    completion,
    dropped,
    good,
    send,
    silent,
    torn,
    torn_without_a_length,
    trickling,
)

from apigauge.benchmarks import load_benchmark
from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation import open_generator, openai
from apigauge.harness.generation.engine import Answer, Request
from apigauge.harness.generation.openai import OpenAI
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling

KEY = "sk-a-key-that-must-not-be-seen"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", *(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)


@pytest.fixture
def server():
    running = OpenAIServer()
    yield running
    running.close()


def engine(server, sampling=None, **options):
    options = {"base_url": server.url, "timeout": 10.0, **options}
    return OpenAI("some/model", ModelOptions(sampling=sampling or Sampling(), **options))


def requests(count):
    return [Request(f"i{number}", 0, f"p{number}", 1000 + number) for number in range(count)]


def answers(client, asked, style="chat"):
    return {request.item: answer for request, answer in client.answer(asked, style)}


def error(status, message, **headers):
    return send(json.dumps({"error": {"message": message, "type": "x"}}), status, **headers)


def still_running():
    return [thread.name for thread in threading.enumerate() if thread.name == "openai"]


def unused_port():
    gone = OpenAIServer()
    gone.close()
    return gone.server.server_port


# What is asked


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
    found = answers(engine(server, concurrency=4), requests(20))
    assert found == {f"i{number}": Answer(f"to p{number}", "stop", 5, 7) for number in range(20)}
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


# What is tried again

TROUBLES = {
    **{f"status {status}": error(status, "later") for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
    "connection closed in the middle of the body": torn,
    "body without a length that ends early": torn_without_a_length,
    "connection closed before an answer": dropped,
    "not HTTP": lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"),
    "not JSON": send("<html>busy</html>"),
    "not UTF-8": send('{"choices": "\ud800"}'),
    "empty body": send(""),
    "nested too deeply": send("[" * 100_000),
    "a list": send("[]"),
    "null": send("null"),
    "no choices": send('{"object": "x"}'),
    "empty choices": send('{"choices": []}'),
    "choices of another kind": send('{"choices": {"0": 1}}'),
    "a choice that is text": send('{"choices": ["x"]}'),
    "no message": send('{"choices": [{"finish_reason": "stop"}]}'),
    "a message without content": send('{"choices": [{"message": {}}]}'),
    "content of another kind": send(json.dumps(completion(["x"]))),  # type: ignore[arg-type]
    "finish reason of another kind": good("x", {"x": 1}),  # type: ignore[arg-type]
    "an error with status 200": send('{"error": {"message": "overloaded"}}'),
    "encoding that cannot be undone": send("plain", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble_that_may_pass_is_tried_again(server, trouble):
    server.first([trouble, trouble])
    client = engine(server)
    assert answers(client, requests(1)) == {"i0": Answer("to p0", "stop", 5, 7)}
    assert (server.prompts(), client.problems) == (["p0"] * 3, [])


@pytest.mark.parametrize("trouble", [silent, trickling])
def test_an_answer_that_does_not_come_in_time_is_asked_for_again(server, trouble):
    server.first([trouble])
    started = time.monotonic()
    assert answers(engine(server, timeout=0.5), requests(1))["i0"].text == "to p0"
    assert 0.5 <= time.monotonic() - started < 3
    assert len(server.requests) == 2


def test_requests_that_fail_again_and_again_are_left_out_and_told_and_the_others_are_had(server):
    server.react = lambda received: error(500, "the disk\nis full") if received.prompt in ("p1", "p2") else None
    client = engine(server, concurrency=2)
    assert answers(client, requests(6)).keys() == {"i0", "i3", "i4", "i5"}
    assert [server.prompts().count(f"p{number}") for number in range(6)] == [1, 6, 6, 1, 1, 1]
    assert sorted(client.problems) == [
        f"item 'i{number}', sample 0: 6 attempts failed, the last one with: HTTP 500: the disk is full; it is left out"
        for number in (1, 2)
    ]


def test_pauses_are_drawn_from_a_span_that_doubles_up_to_a_limit(server, monkeypatch):
    spans = []
    monkeypatch.setattr(openai.random, "uniform", lambda low, high: spans.append((low, high)) or 0.0)
    monkeypatch.setattr(openai, "BACK_OFF", 1.0)
    monkeypatch.setattr(openai, "LONGEST_PAUSE", 7.0)
    server.react = lambda _: error(500, "no")
    answers(engine(server), requests(1))
    assert spans == [(0, 1), (0, 2), (0, 4), (0, 7), (0, 7)]


def test_a_pause_is_made_between_attempts(server, monkeypatch):
    monkeypatch.setattr(openai.random, "uniform", lambda _low, _high: 0.3)
    server.first([error(500, "no")])
    answers(engine(server), requests(1))
    assert server.requests[1].at - server.requests[0].at >= 0.3


def test_a_server_that_asks_to_wait_seconds_is_given_them(server):
    server.first([error(429, "slow down", Retry_After="1")])
    answers(engine(server), requests(1))
    assert 1 <= server.requests[1].at - server.requests[0].at < 3


def test_a_server_that_asks_to_wait_until_a_date_is_given_it(server):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    server.first([error(503, "slow down", Retry_After=date)])
    answers(engine(server), requests(1))
    assert 1 <= server.requests[1].at - server.requests[0].at < 5


@pytest.mark.parametrize("far", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_server_is_waited_for_longer_than_the_limit(server, monkeypatch, far):
    monkeypatch.setattr(openai, "LONGEST_PAUSE", 0.3)
    server.first([error(429, "slow down", Retry_After=far)])
    assert len(answers(engine(server), requests(1))) == 1
    assert 0.3 <= server.requests[1].at - server.requests[0].at < 3


@pytest.mark.parametrize(
    "odd", ["", "soon", "-5", "nan", "inf", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Foo 1 1:1:1"]
)
def test_a_wait_that_is_over_or_means_nothing_is_none(server, odd):
    server.first([error(429, "slow down", Retry_After=odd)])
    assert len(answers(engine(server), requests(1))) == 1
    assert server.requests[1].at - server.requests[0].at < 1


# What is not


@pytest.mark.parametrize("status", [307, 400, 404, 413, 422])
def test_a_request_that_the_server_refuses_is_told_once_and_the_others_are_had(server, status):
    refusal = error(status, "the prompt\n is too long", Location="/elsewhere")
    server.react = lambda received: refusal if received.prompt == "p1" else None
    client = engine(server)
    assert answers(client, requests(4)).keys() == {"i0", "i2", "i3"}
    assert client.problems == [f"item 'i1', sample 0: HTTP {status}: the prompt is too long; it is left out"]
    assert server.prompts().count("p1") == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"object": "error", "message": "as vLLM said it"}', ": as vLLM said it"),
        ('{"error": "as a text"}', ": as a text"),
        ('{"detail": [{"loc": ["body", "n"], "msg": "as FastAPI says it"}]}', ": as FastAPI says it"),
        ("<h1>as a proxy\x1b[2J says it</h1>", ": <h1>as a proxy [2J says it</h1>"),
        ("x" * 5000, f": {'x' * (300 - len('HTTP 400: '))}..."),
        ("{}", ""),
        ('{"error": null}', ""),
        ('{"detail": 7}', ""),
        ("", ""),
    ],
)
def test_a_server_s_own_words_are_told_in_one_short_line(server, body, told):
    server.first([send(body, 400)])
    client = engine(server)
    assert answers(client, requests(1)) == {}
    assert client.problems == [f"item 'i0', sample 0: HTTP 400{told}; it is left out"]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("key", ["", KEY])
def test_a_key_that_is_not_accepted_ends_the_run_at_once(server, monkeypatch, status, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.react = lambda received: error(status, f"bad key {key}") if received.prompt == "p3" else None
    with pytest.raises(ModelError, match=f"127.0.0.1.*OPENAI_API_KEY: HTTP {status}: bad key") as raised:
        answers(engine(server, concurrency=1), requests(50))
    assert KEY not in str(raised.value)
    assert server.prompts() == ["p0", "p1", "p2", "p3"]
    assert not still_running()


def test_answers_that_were_there_before_the_key_was_refused_are_had(server):
    server.react = lambda received: error(401, "revoked") if received.prompt == "p2" else None
    had = []
    with pytest.raises(ModelError):
        had.extend(request.item for request, _ in engine(server, concurrency=1).answer(requests(9), "chat"))
    assert had == ["i0", "i1"]


def test_an_error_of_our_own_is_raised_where_the_answers_are_taken(server, monkeypatch):
    monkeypatch.setattr(openai, "_read", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        answers(engine(server), requests(3))
    assert not still_running()


# Whether there is a server


def test_no_server_at_all_ends_the_run_early():
    port = unused_port()
    client = OpenAI("m", ModelOptions(base_url=f"http://user:pass@127.0.0.1:{port}/v1?q=1"))
    started = time.monotonic()
    with pytest.raises(ModelError, match=f"no server answers at http://127.0.0.1:{port}/v1 .*--base-url"):
        answers(client, requests(5000))
    assert time.monotonic() - started < 5
    assert len(client.problems) < 2 * 8


def test_a_server_that_starts_late_is_waited_for(monkeypatch):
    monkeypatch.setattr(openai, "BACK_OFF", 0.2)
    monkeypatch.setattr(openai.random, "uniform", lambda _low, high: high)
    port = unused_port()
    late = []
    timer = threading.Timer(0.5, lambda: late.append(OpenAIServer(port)))
    timer.start()
    try:
        client = OpenAI("m", ModelOptions(base_url=f"http://127.0.0.1:{port}/v1"))
        assert len(answers(client, requests(9))) == 9
    finally:
        timer.join()
        late[0].close()


def test_a_server_that_answered_and_went_away_does_not_end_the_run(server):
    client = engine(server, concurrency=1)
    stream = client.answer(requests(4), "chat")
    # The second request finds no server: the first one's thread closes it before it answers.
    server.react = lambda _: (server.server.socket.close(), send_and_close)[1]
    assert [request.item for request, _ in stream] == ["i0"]
    assert len(client.problems) == 3
    assert all("6 attempts failed" in problem and "Connect" in problem for problem in client.problems)


def send_and_close(handler):
    good("last", "stop")(handler)
    handler.close_connection = True


# The end


def test_a_generator_that_is_closed_early_leaves_nothing_running(server):
    server.react = lambda received: None if received.prompt == "p0" else silent
    stream = engine(server, concurrency=3, timeout=60.0).answer(requests(30), "chat")
    next(stream)
    while len(server.requests) < 4:
        time.sleep(0.01)
    assert still_running()
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 1
    assert not still_running()
    time.sleep(0.1)
    assert len(server.requests) == 4


def test_a_generator_that_is_closed_early_does_not_wait_for_a_pause(server):
    server.react = lambda received: None if received.prompt == "p0" else error(429, "later", Retry_After="50")
    stream = engine(server, concurrency=3).answer(requests(30), "chat")
    next(stream)
    while len(server.requests) < 4:
        time.sleep(0.01)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 1
    assert not still_running()


def test_nothing_is_left_running_at_the_end(server):
    answers(engine(server), requests(20))
    assert not still_running()


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
    assert sum("***" in problem for problem in client.problems) == 5  # Of what is no message, p4's, nothing is told.
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
    def found(url=None):
        return OpenAI("m", ModelOptions(base_url=url)).describe()["base_url"]

    assert found() == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[::1]:8000/v1/")
    assert found() == "http://[::1]:8000/v1"
    assert found("https://example.org/v1") == "https://example.org/v1"


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


def test_a_benchmark_is_answered_by_a_server_and_found_in_the_cache_afterwards(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    benchmark = load_benchmark("mini")
    items = benchmark.items[:5]
    for hits in (0, 5):
        generator = open_generator("openai:some/model", ModelOptions(base_url=server.url))
        made = {completion.item: completion.text for completion in generator.generate(benchmark, items)}
        assert made == {item.id: f"to {item.instruction}" for item in items}
        assert (generator.hits, len(server.requests)) == (hits, 5)
    assert generator.describe()["spec"] == "openai:some/model"
