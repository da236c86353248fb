"""The client of OpenAI's protocol against broken servers on the loopback: what is tried again, and what is not."""

import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from openai_client import KEY, Replaced, answers, engine, error, requests, still_running, unused_port
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

from apigauge.errors import ModelError
from apigauge.harness.generation import openai
from apigauge.harness.generation.openai import OpenAI
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Answer


@pytest.fixture
def pauses(monkeypatch):
    """What the client slept between attempts, in seconds as it asked for them: how late it wakes is the machine's."""
    seconds_slept, sleep = [], asyncio.sleep

    async def noted(seconds):
        seconds_slept.append(seconds)
        await sleep(min(seconds, 1.5))

    monkeypatch.setattr(openai, "asyncio", Replaced(asyncio, sleep=noted))
    return seconds_slept


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


def test_a_server_that_asks_to_wait_seconds_is_given_them(server, pauses):
    server.first([error(429, "slow down", Retry_After="1")])
    answers(engine(server), requests(1))
    assert server.requests[1].at - server.requests[0].at >= 1
    assert pauses == [pytest.approx(1, abs=0.01)]


def test_a_server_that_asks_to_wait_until_a_date_is_given_it(server, pauses):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    server.first([error(503, "slow down", Retry_After=date)])
    answers(engine(server), requests(1))
    assert server.requests[1].at - server.requests[0].at >= 1
    assert pauses == [pytest.approx(40, abs=11)]


@pytest.mark.parametrize("far", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_server_is_waited_for_longer_than_the_limit(server, monkeypatch, pauses, far):
    monkeypatch.setattr(openai, "LONGEST_PAUSE", 0.3)
    server.first([error(429, "slow down", Retry_After=far)])
    assert len(answers(engine(server), requests(1))) == 1
    assert server.requests[1].at - server.requests[0].at >= 0.3
    assert pauses == [pytest.approx(0.3, abs=0.01)]


@pytest.mark.parametrize(
    "odd", ["", "soon", "-5", "nan", "inf", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Foo 1 1:1:1"]
)
def test_a_wait_that_is_over_or_means_nothing_is_none(server, pauses, odd):
    server.first([error(429, "slow down", Retry_After=odd)])
    assert len(answers(engine(server), requests(1))) == 1
    assert pauses == [pytest.approx(0, abs=0.01)]


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
    ("body", "reported"),
    [
        ('{"object": "error", "message": "as vLLM said it"}', ": as vLLM said it"),
        ('{"error": "as a text"}', ": as a text"),
        ('{"detail": [{"loc": ["body", "messages"], "msg": "as FastAPI says it"}]}', ": as FastAPI says it"),
        ("<h1>as a proxy\x1b[2J says it</h1>", ": <h1>as a proxy [2J says it</h1>"),
        ("x" * 5000, f": {'x' * (300 - len('HTTP 400: '))}..."),
        ("{}", ""),
        ('{"error": null}', ""),
        ('{"detail": 7}', ""),
        ("", ""),
    ],
)
def test_a_server_s_own_words_are_reported_in_one_short_line(server, body, reported):
    server.first([send(body, 400)])
    client = engine(server)
    assert answers(client, requests(1)) == {}
    assert client.problems == [f"item 'i0', sample 0: HTTP 400{reported}; it is left out"]


@pytest.mark.parametrize("key", ["", KEY])
def test_a_key_that_is_not_accepted_ends_the_run_at_once(server, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.react = lambda received: error(401, f"bad key {key}") if received.prompt == "p3" else None
    with pytest.raises(ModelError, match=r"127.0.0.1.*OPENAI_API_KEY: HTTP 401: bad key") as raised:
        answers(engine(server, concurrency=1), requests(50))
    assert KEY not in str(raised.value)
    assert server.prompts() == ["p0", "p1", "p2", "p3"]
    assert not still_running()


def test_a_key_without_the_right_to_a_model_ends_the_run_after_a_few_questions(server):
    server.react = lambda _: error(403, "no access to this model")
    with pytest.raises(ModelError, match="OPENAI_API_KEY: HTTP 403: no access"):
        answers(engine(server, concurrency=1), requests(50))
    assert server.prompts() == ["p0", "p1", "p2"]
    assert not still_running()


@pytest.mark.parametrize("place", [0, 3, 8])
def test_a_question_that_a_filter_forbids_is_left_out_and_the_others_are_answered(server, place):
    """The first as well as the last: a fix that looks only at whether there were answers fails on one of them."""
    server.react = lambda received: error(403, "forbidden here") if received.prompt == f"p{place}" else None
    client = engine(server, concurrency=1)
    assert len(answers(client, requests(9))) == 8
    assert client.problems == [f"item 'i{place}', sample 0: HTTP 403: forbidden here; it is left out"]
    again = engine(server, concurrency=1)  # the run resumed: only that one is missing
    assert answers(again, requests(9)[place : place + 1]) == {}
    assert again.problems == client.problems


def test_a_filter_that_says_so_may_forbid_many_questions(server):
    message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy"
    server.react = lambda received: None if received.prompt == "p7" else error(403, message)
    client = engine(server, concurrency=1)
    assert len(answers(client, requests(9))) == 1
    assert len(client.problems) == 8


def test_answers_that_were_there_before_the_key_was_refused_are_had(server):
    server.react = lambda received: error(401, "revoked") if received.prompt == "p2" else None
    had = []
    with pytest.raises(ModelError):
        had.extend(request.item for request, _ in engine(server, concurrency=1).answer(requests(9), "chat"))
    assert had == ["i0", "i1"]


def test_a_programming_error_is_raised_where_the_answers_are_taken(server, monkeypatch):
    monkeypatch.setattr(openai, "read_choice", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        answers(engine(server), requests(3))
    assert not still_running()


# Whether there is a server


def test_no_server_at_all_ends_the_run_early():
    port = unused_port()
    client = OpenAI("m", ModelOptions(base_url=f"http://user:pass@127.0.0.1:{port}/v1?q=1"))
    with pytest.raises(ModelError, match=f"no server answers at http://127.0.0.1:{port}/v1 .*--base-url"):
        answers(client, requests(5000))
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
    while len(server.requests) < 3:
        time.sleep(0.01)
    assert still_running()
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 40
    assert not still_running()
    time.sleep(0.1)
    assert len(server.requests) == 3


def test_a_generator_that_is_closed_early_does_not_wait_for_a_pause(server):
    server.react = lambda received: None if received.prompt == "p0" else error(429, "later", Retry_After="50")
    stream = engine(server, concurrency=3).answer(requests(30), "chat")
    next(stream)
    while len(server.requests) < 3:  # a pause is for all, so that there may be no fourth before it ends
        time.sleep(0.01)
    time.sleep(0.2)
    assert still_running()
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 40
    assert not still_running()


def test_nothing_is_left_running_at_the_end(server):
    answers(engine(server), requests(20))
    assert not still_running()
