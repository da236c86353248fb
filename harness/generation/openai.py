"""``openai:`` a model behind any server with OpenAI's protocol: OpenAI, vLLM, llama.cpp, a gateway."""

import asyncio
import contextlib
import json
import random
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

import httpx

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.chat_completion import read_choice
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.openai_batch import OpenAIBatch
from apigauge.harness.generation.openai_connection import (
    FORBIDDEN,
    NOT_AUTHENTICATED,
    RETRIED,
    Connection,
    changed,
    error_of,
    fields_of,
    left_out,
    path_of,
    retry_pause,
)
from apigauge.harness.generation.options import ModelOptions, Resampled
from apigauge.harness.generation.rate_limits import Pace, estimated_tokens
from apigauge.harness.generation.reasoning_tags import opened_reasoning
from apigauge.harness.generation.refusals import Change, refused_field
from apigauge.harness.generation.types import Answer, Request, Stop

ATTEMPTS = 6
# Seconds. A pause is drawn from 0 to BACK_OFF, doubled after each attempt ("full jitter"), so that requests that failed
# together are not repeated together; a server's Retry-After is added. Neither is above LONGEST_PAUSE.
BACK_OFF = 1.0
LONGEST_PAUSE = 60.0
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_TOO_MANY = 429
# So many questions refused, and none answered: it is the key.
_REFUSALS = 3
# What gateways write when a filter refuses one question: Azure, OpenAI, OpenRouter, Google, Amazon, Cloudflare.
_FILTERED = re.compile(
    "content[ _-]?(filter|polic|management)|moderation|flagged|safety|responsible[ _]?ai|guardrail|jailbreak",
    re.IGNORECASE,
)


# Answers, each with what is called once it was taken, or the error that ended them; None after the last one.
_Results = SimpleQueue[tuple[Request, Answer, Callable[[], object]] | BaseException | None]


class _AttemptError(Exception):
    """One attempt failed; the next one may succeed."""

    def __init__(
        self, reason: str, pause: float = 0.0, *, status: int = 0, is_final: bool = False, is_unreached: bool = False
    ) -> None:
        super().__init__(reason)
        self.pause, self.status, self.is_final, self.is_unreached = pause, status, is_final, is_unreached

    @property
    def is_not_allowed(self) -> bool:
        """Whether the server refused the request as not allowed, and not because of what it says."""
        return self.status in (NOT_AUTHENTICATED, FORBIDDEN)


class _RefusalError(Exception):
    """The server refuses a field that the request can do without, or wants it under another name."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.name)
        self.change = change


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``openai:``."""
    engine = (OpenAIBatch if options.batch else OpenAI)(argument, options)
    spec = f"openai:{argument}"
    return ModelGenerator(engine, options.sampling, options.prompting, spec, cached=options.cached)


class OpenAI(Resampled):
    """A model on a server, by the server's name for it; a request for each answer.

    Raises:
        UsageError: the address or the key is malformed.
    """

    has_chat = True
    is_identified = False

    def __init__(self, model: str, options: ModelOptions) -> None:
        if options.concurrency < 1 or options.timeout <= 0:
            raise UsageError("--concurrency must be 1 or more, and --timeout more than 0 seconds")
        self.problems: list[str] = []
        self._model, self._options = model, options
        self._connection = Connection(options.base_url)
        self._pace = Pace(options.requests_per_minute, options.tokens_per_minute)
        self._is_reached, self._first_wave = False, 0
        # Requests that the server refused as not allowed, and whether it has answered any.
        self._not_allowed, self._is_allowed = 0, False
        self._stop, self._results = Stop(), _Results()
        # What the server refused, once a request without it was answered: other names, None for what is left out.
        self._changes: dict[str, str | None] = {}

    def describe(self) -> dict[str, Any]:
        """The model's name and the server's address."""
        return self._connection.describe(self._model)

    def chat(self, message: str) -> str:
        """The message itself: the server applies the template."""
        return message

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Each answer as soon as it arrives; up to ``concurrency`` requests are open at a time.

        Raises:
            ModelError: the key is not accepted, or the address cannot be connected to.
        """
        self._first_wave = min(self._options.concurrency, len(requests))
        self._stop, self._results = Stop(), SimpleQueue()
        results = self._results
        with _in_thread(self._answer_all(requests, style, results)):
            while (result := results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                request, answer, taken = result
                yield request, answer
                taken()

    def stop(self, *, at_once: bool) -> None:
        """Ends the answers of another thread: no further request is sent; with ``at_once``, none is waited for."""
        self._stop.set(at_once=at_once)
        if at_once:
            self._results.put(None)

    async def _answer_all(self, requests: Sequence[Request], style: str, results: _Results) -> None:
        waiting, stop = iter(requests), self._stop

        async def work(client: httpx.AsyncClient) -> None:
            for request in waiting:
                if stop.is_set:
                    return
                if (answer := await self._answer_one(client, request, style)) is not None:
                    # The next request waits until this answer was taken, which may reach a limit of tokens or cost.
                    taken, loop = asyncio.Event(), asyncio.get_running_loop()
                    results.put((request, answer, partial(loop.call_soon_threadsafe, taken.set)))
                    await taken.wait()

        try:
            async with self._client() as client, asyncio.TaskGroup() as group:
                for _ in range(self._first_wave):
                    group.create_task(work(client))
            results.put(None)
        except BaseExceptionGroup as several:
            results.put(several.exceptions[0])
        except BaseException as error:  # noqa: BLE001 - raised where the answers are taken
            results.put(error)

    def _client(self) -> httpx.AsyncClient:
        # The total time of an answer is limited in _attempt: httpx limits each read, which a slow stream never exceeds.
        timeout = httpx.Timeout(None, connect=min(10.0, self._options.timeout / 2))
        # The number of workers limits the connections; a limit of the pool could only make them wait for each other.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self._options.concurrency)
        try:
            headers = {"Content-Type": "application/json", **self._connection.headers}
            return httpx.AsyncClient(headers=headers, auth=self._connection.auth, timeout=timeout, limits=limits)
        except (ImportError, OSError, ValueError) as error:
            raise self._connection.unusable(error) from error

    async def _answer_one(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer | None:
        name = f"item {request.item!r}, sample {request.sample}"
        tokens = estimated_tokens(request.prompt, self._options.sampling.max_new_tokens)
        for attempt in range(ATTEMPTS):
            sent = await self._pace.wait(tokens)
            if not attempt and self._stop.is_set:  # while it waited for its turn
                return None
            try:
                answer = await self._adapted(client, request, style)
            except _AttemptError as error:
                if error.is_not_allowed:
                    self._refuse_key(error)
                if error.is_final:
                    self.problems.append(f"{name}: {error}; it is left out")
                    return None
                last = error
                if error.status == _TOO_MANY:
                    self._pace.pause(error.pause)
            else:
                if answer.prompt_tokens is not None and answer.completion_tokens is not None:
                    sent.tokens = answer.prompt_tokens + answer.completion_tokens
                return answer
            if attempt < ATTEMPTS - 1:
                jitter = random.uniform(0, min(LONGEST_PAUSE, BACK_OFF * 2**attempt))  # noqa: S311 - no secret
                await asyncio.sleep(last.pause + jitter)
        if last.is_unreached and not self._is_reached:
            self._first_wave -= 1
            if self._first_wave <= 0:
                url = self._connection.address
                raise ModelError(f"no server answers at {url} ({last}): start it, or give --base-url its address")
        self.problems.append(f"{name}: {ATTEMPTS} attempts failed, the last one with: {last}; it is left out")
        return None

    def _refuse_key(self, error: _AttemptError) -> None:
        """Ends the answers if what the server refuses is the key rather than one question.

        HTTP 401 is about the key (RFC 9110, section 15.5.2). 403 may also be a filter's, of one question: it is the
        key's only if the server has answered nothing yet and refuses several questions.

        Raises:
            ModelError: it is the key.
        """
        self._not_allowed += 1
        if error.status == NOT_AUTHENTICATED or (not self._is_allowed and self._not_allowed >= _REFUSALS):
            raise ModelError(f"{self._connection.address} does not accept the key in OPENAI_API_KEY: {error}")

    async def _adapted(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer:
        """An attempt, repeated at once for each field that the server refuses.

        Other requests do without a field only after an answer without it: the refusal may have been of something else.
        """
        changes = dict(self._changes)
        fields = fields_of(self._model, self._options, request, style)
        while True:
            try:
                answer = await self._attempt(client, changed(fields, changes), style)
            except _RefusalError as refusal:
                changes[refusal.change.name] = refusal.change.renamed
                continue
            self._changes |= changes
            self._is_allowed = True
            opened = "" if style == "chat" else opened_reasoning(request.prompt)
            return answer._replace(text=opened + answer.text, **left_out(fields, changes))

    async def _attempt(self, client: httpx.AsyncClient, body: dict[str, Any], style: str) -> Answer:
        url = self._connection.url(path_of(style))
        try:
            async with asyncio.timeout(self._options.timeout):
                response = await client.post(url, content=json.dumps(body).encode("ascii"))
        except TimeoutError:
            raise _AttemptError(f"no answer within {self._options.timeout:g} seconds") from None
        except httpx.RequestError as error:
            reason = self._connection.hide(f"{type(error).__name__}: {error}").rstrip(": ")
            raise _AttemptError(reason, is_unreached=isinstance(error, _UNREACHED)) from None
        self._is_reached = True
        self._pace.learn(response.headers)
        if response.is_success:
            try:
                row = response.json()
                return read_choice(row["choices"][0], row.get("usage"), self._options.sampling.stop)
            except (ValueError, RecursionError, LookupError, TypeError) as error:
                reason = f"an answer that is not the protocol's ({type(error).__name__}): {error_of(response)[1]}"
                raise _AttemptError(self._connection.hide(reason).rstrip(": ")) from None
        status = response.status_code
        refusal, message = error_of(response)
        reason = self._connection.hide(f"HTTP {status}: {message}").rstrip(": ")
        if status in (NOT_AUTHENTICATED, FORBIDDEN):
            is_filtered = status == FORBIDDEN and _FILTERED.search(response.text)
            raise _AttemptError(reason, status=0 if is_filtered else status, is_final=True)
        if change := refused_field(status, refusal, message, body):
            raise _RefusalError(change)
        is_final = status not in RETRIED and status < 500
        pause = retry_pause(response.headers, LONGEST_PAUSE)
        raise _AttemptError(reason, pause, status=status, is_final=is_final)


@contextlib.contextmanager
def _in_thread(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Runs a coroutine in a separate thread; when the block is left, cancels it and waits for its end.

    A coroutine because it can be cancelled wherever it waits. A thread in ``recv`` stays there until the server or the
    timeout ends it; closing its client from another thread does not wake it.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run, name="openai", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()
