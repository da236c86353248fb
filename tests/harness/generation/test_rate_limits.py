"""Limits of requests and tokens per minute, of the user and of a server, on a clock of the test's own."""

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from openai_client import Replaced, answers, engine, error, requests
from openai_server import good

from apigauge.harness.generation import rate_limits
from apigauge.harness.generation.rate_limits import Pace, seconds_of
from apigauge.harness.generation.sampling import Sampling


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still except where something sleeps; the list of its sleeps."""
    now, sleeps = [1000.0], []

    async def sleep(seconds):
        sleeps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(rate_limits.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(rate_limits.asyncio, "sleep", sleep)
    return now, sleeps


def run(send):
    """In a thread of its own, since a browser that an earlier test opened leaves a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, send()).result()


def sent_at(pace, clock, sizes, gap=0.0):
    async def send():
        times = []
        for size in sizes:
            times.append((await pace.wait(size)).at)
            clock[0][0] += gap
        return times

    return run(send)


def test_no_limit_is_no_wait(clock):
    assert sent_at(Pace(), clock, [10**9] * 50) == [1000.0] * 50


@pytest.mark.parametrize("seed", range(5))
def test_in_no_minute_there_are_more_requests_or_tokens_than_allowed(clock, seed):
    draw = random.Random(seed)
    sizes = [draw.randrange(1, 900) for _ in range(200)]
    times = sent_at(Pace(7, 1000), clock, sizes, gap=draw.random())
    for at in times:
        inside = [size for size, time in zip(sizes, times, strict=True) if at - 59.999 < time <= at]
        assert len(inside) <= 7
        assert sum(inside) <= 1000
    # Not slower than it must be: whenever one waited, one more would have been too many.
    assert times[-1] - 1000 <= 60 * (sum(sizes) / 1000 * 2 + 1)


def test_a_request_above_the_limit_is_sent_alone(clock):
    assert sent_at(Pace(tokens=100), clock, [500, 10, 500]) == [1000.0, 1060.0, 1120.0]


def test_an_answer_that_took_less_makes_room(clock):
    pace = Pace(tokens=100)

    async def send():
        (await pace.wait(90)).tokens = 20
        return (await pace.wait(80)).at

    assert run(send) == 1000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"remaining-requests": "2", "reset-requests": "12s"}, [1000.0, 1000.0, 1012.0]),
        ({"remaining-tokens": "15", "reset-tokens": "1m5ms"}, [1000.0, 1060.0, 1060.0]),
        ({"remaining-tokens": "0", "reset-tokens": "250ms"}, [1000.25] * 3),
        ({"remaining-requests": "0", "reset-requests": "24h"}, [1060.0] * 3),
        ({"remaining-requests": "0"}, [1000.0] * 3),
        ({"remaining-requests": "-1", "reset-requests": "5s"}, [1000.0] * 3),
        ({"remaining-requests": "none", "reset-requests": "5s"}, [1000.0] * 3),
        ({"remaining-requests": "0", "reset-requests": "soon"}, [1000.0] * 3),
    ],
)
def test_what_a_server_says_is_left_is_not_exceeded(clock, headers, expected):
    pace = Pace()
    pace.learn(httpx.Headers({f"X-RateLimit-{name}": value for name, value in headers.items()}))
    assert sent_at(pace, clock, [10, 10, 10]) == pytest.approx(expected)


def test_a_pause_holds_all_requests(clock):
    pace = Pace()
    pace.pause(3)
    pace.pause(1)
    assert sent_at(pace, clock, [1, 1]) == [1003.0, 1003.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("1h2m3.5s", 3723.5), ("20ms", 0.02), ("1d", 86400), ("7.5", 7.5), ("0", 0), ("", None), ("s", None),
     ("5 s", None), ("-5s", None), ("2026-11-29T06:00:00Z", None), ("1e5", None)],
)  # fmt: skip
def test_durations_are_read_as_servers_write_them(text, seconds):
    assert seconds_of(text) == seconds


# The client


def test_the_client_keeps_the_user_s_limit_of_requests(server, monkeypatch):
    monkeypatch.setattr(rate_limits, "MINUTE", 0.5)
    sent, wait = [], Pace.wait

    async def noted(self, tokens):
        sent.append(await wait(self, tokens))
        return sent[-1]

    monkeypatch.setattr(Pace, "wait", noted)
    assert len(answers(engine(server, requests_per_minute=3, concurrency=8), requests(8))) == 8
    times = [one.at for one in sent]
    assert times[3] - times[0] >= 0.5
    assert times[6] - times[3] >= 0.5


def test_the_client_keeps_the_user_s_limit_of_tokens(server, monkeypatch):
    """A request counts with its longest answer, 50 tokens, until it is answered, then with what it took: 12."""
    now, sleeps = [1000.0], []

    async def sleep(seconds):
        sleeps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(rate_limits, "time", Replaced(rate_limits.time, monotonic=lambda: now[0]))
    monkeypatch.setattr(rate_limits, "asyncio", Replaced(asyncio, sleep=sleep))
    client = engine(server, Sampling(max_new_tokens=50), tokens_per_minute=10**6, concurrency=1)
    assert len(answers(client, requests(4))) == 4
    assert not any(sleeps)
    client = engine(server, Sampling(max_new_tokens=50), tokens_per_minute=120, concurrency=1)
    sent = [len(sleeps) for _ in client.answer(requests(7), "chat")]
    assert not any(sleeps[: sent[5]])  # six: 5 * 12 + 50
    assert any(sleeps[sent[5] :])  # 6 * 12 + 50 are too many


def test_one_refusal_for_too_many_requests_holds_all_of_them(server, monkeypatch):
    """Not only the one that was refused: the others would be refused as well, again and again."""
    paused, pause = threading.Event(), Pace.pause

    def noted(self, seconds):
        pause(self, seconds)
        paused.set()

    monkeypatch.setattr(Pace, "pause", noted)
    refusal = error(429, "slow down", Retry_After="1")
    # The second is on its way until the client has read the refusal.
    server.react = lambda received: refusal if received is server.requests[0] else paused.wait(60) and None
    assert len(answers(engine(server, concurrency=2), requests(6))) == 6
    refused, _, *others = [one.at for one in server.requests]
    assert len(others) == 5
    assert min(others) - refused >= 1


def test_the_client_waits_where_a_server_says_that_nothing_is_left(server):
    left = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "600ms"}
    server.first([lambda handler: send_with(handler, left)])
    answers(engine(server, concurrency=1), requests(2))
    assert server.requests[1].at - server.requests[0].at >= 0.5


def send_with(handler, headers):
    original = handler.end_headers

    def end_headers():
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        original()

    handler.end_headers = end_headers
    good("x")(handler)
    handler.end_headers = original
