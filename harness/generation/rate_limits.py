"""Limits of requests and tokens per minute: the user's own, and those that a server reports in its responses.

Servers report what is left in ``x-ratelimit-remaining-requests`` and ``-tokens``, and when all of it is there again in
``x-ratelimit-reset-requests`` and ``-tokens``: a duration such as ``6m0s``, ``1.5s`` or ``20ms``, or seconds.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE = 60.0
# No report of a server is waited for longer, in seconds: some count by the day.
LONGEST_PAUSE = 60.0
# What English and Python text take in the vocabularies of current models, roughly.
CHARACTERS_A_TOKEN = 4
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)"


@dataclass(slots=True)
class Sent:
    """A request that was sent: when, and the tokens that it takes, estimated until its answer says."""

    at: float
    tokens: int


@dataclass(slots=True)
class _Left:
    """What a server says is left, until everything is there again."""

    amount: int
    until: float


class Pace:
    """Says when the next request may be sent. For one event loop at a time.

    Args:
        requests: per minute; None for no limit.
        tokens: of prompts and answers, per minute; None for no limit.
    """

    def __init__(self, requests: int | None = None, tokens: int | None = None) -> None:
        self._requests, self._tokens = requests, tokens
        self._sent: deque[Sent] = deque()
        self._left: dict[str, _Left] = {}
        self._until = 0.0

    async def wait(self, tokens: int) -> Sent:
        """Returns when a request of so many tokens may be sent, and counts it as sent.

        A request that alone exceeds a limit is sent once no other one of the last minute counts.
        """
        while (seconds := self._delay(tokens)) > 0:  # noqa: ASYNC110 - time alone decides
            await asyncio.sleep(seconds)
        sent = Sent(time.monotonic(), tokens)
        self._sent.append(sent)
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            if kind in self._left:
                self._left[kind].amount -= amount
        return sent

    def pause(self, seconds: float) -> None:
        """Sends nothing for so long, as a server asked."""
        self._until = max(self._until, time.monotonic() + seconds)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Takes over what a response says is left."""
        for kind in ("requests", "tokens"):
            amount, reset = (headers.get(f"x-ratelimit-{name}-{kind}", "").strip() for name in ("remaining", "reset"))
            seconds = seconds_of(reset)
            if re.fullmatch(r"\d+", amount) and seconds is not None:
                self._left[kind] = _Left(int(amount), time.monotonic() + min(seconds, LONGEST_PAUSE))

    def _delay(self, tokens: int) -> float:
        """The seconds until a request of so many tokens may be sent; 0 or less for now."""
        now = time.monotonic()
        while self._sent and self._sent[0].at + MINUTE <= now:
            self._sent.popleft()
        until = self._until
        if self._requests and len(self._sent) >= self._requests:
            until = max(until, self._sent[-self._requests].at + MINUTE)
        if self._tokens:
            until = max(until, self._room(tokens, self._tokens))
        for kind, need in (("requests", 1), ("tokens", tokens)):
            left = self._left.get(kind)
            if left and left.until <= now:
                del self._left[kind]
            elif left and left.amount < need:
                until = max(until, left.until)
        return until - now

    def _room(self, tokens: int, limit: int) -> float:
        """When the requests of the last minute leave room for so many tokens; 0 for at once."""
        total, until = sum(sent.tokens for sent in self._sent), 0.0
        for sent in self._sent:
            if total + tokens <= limit:
                break
            total, until = total - sent.tokens, sent.at + MINUTE
        return until


def seconds_of(duration: str) -> float | None:
    """A duration such as ``1h2m3.5s`` or ``250ms``, or a number of seconds, in seconds; None if it is neither."""
    if re.fullmatch(r"\d+(\.\d+)?", duration):
        return float(duration)
    if not re.fullmatch(f"({_PART})+", duration):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, duration))


def estimated_tokens(prompt: str, longest_answer: int) -> int:
    """The tokens that a request may take, as servers estimate them before it is answered."""
    return len(prompt) // CHARACTERS_A_TOKEN + longest_answer
