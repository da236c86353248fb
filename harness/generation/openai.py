"""``openai:`` a model behind any server with OpenAI's protocol: OpenAI, vLLM, llama.cpp, a gateway."""

import asyncio
import contextlib
import json
import os
import random
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from queue import SimpleQueue
from typing import Any

import httpx

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.chat_completion import read_choice
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.reasoning_tags import opened_reasoning
from apigauge.harness.generation.refusals import LIMIT, Change, refused_field
from apigauge.harness.generation.types import Answer, Request, Stop

ATTEMPTS = 6
# Seconds. A pause is drawn from 0 to BACK_OFF, doubled after each attempt ("full jitter"), so that requests that failed
# together are not repeated together; a server's Retry-After is added. Neither is above LONGEST_PAUSE.
BACK_OFF = 1.0
LONGEST_PAUSE = 60.0
_RETRIED = {408, 409, 425, 429}
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_LONGEST_MESSAGE = 300
_NOT_AUTHENTICATED, _FORBIDDEN = 401, 403
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
        return self.status in (_NOT_AUTHENTICATED, _FORBIDDEN)


class _RefusalError(Exception):
    """The server refuses a field that the request can do without, or wants it under another name."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.name)
        self.change = change


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``openai:``."""
    engine, spec = OpenAI(argument, options), f"openai:{argument}"
    return ModelGenerator(engine, options.sampling, options.prompting, spec, cached=options.cached)


class OpenAI:
    """A model on a server, by the server's name for it.

    The key is ``OPENAI_API_KEY`` of the environment; it is in the requests' header and nowhere else.

    Raises:
        UsageError: the address or the key is malformed.
    """

    has_chat = True
    is_identified = False

    def __init__(self, model: str, options: ModelOptions) -> None:
        if options.concurrency < 1 or options.timeout <= 0:
            raise UsageError("--concurrency must be 1 or more, and --timeout more than 0 seconds")
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if key and not re.fullmatch("[!-~]+", key):
            raise UsageError("OPENAI_API_KEY: a space, or a character that is not ASCII, cannot be part of a key")
        url = _address(options.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
        self.problems: list[str] = []
        self._model, self._options = model, options
        self._url = url.copy_with(username="", password="", fragment=None)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._auth = httpx.BasicAuth(url.username, url.password) if url.userinfo and not key else None
        self._secrets = [secret for secret in (key, url.password, url.query.decode("ascii")) if secret]
        self._is_reached, self._first_wave = False, 0
        # Requests that the server refused as not allowed, and whether it has answered any.
        self._not_allowed, self._is_allowed = 0, False
        self._stop, self._results = Stop(), _Results()
        # What the server refused, once a request without it was answered: other names, None for what is left out.
        self._changes: dict[str, str | None] = {}

    def describe(self) -> dict[str, Any]:
        """The model's name and the server's address; servers do not report reliably what runs behind the name."""
        url = str(self._url.copy_with(query=None)).rstrip("/")
        return {"kind": "openai", "model": self._model, "engine": "openai protocol", "base_url": url}

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
            return httpx.AsyncClient(headers=self._headers, auth=self._auth, timeout=timeout, limits=limits)
        except (ImportError, OSError, ValueError) as error:
            raise UsageError(f"the environment's proxy or certificates cannot be used: {self._hide(error)}") from error

    async def _answer_one(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer | None:
        name = f"item {request.item!r}, sample {request.sample}"
        for attempt in range(ATTEMPTS):
            try:
                return await self._adapted(client, request, style)
            except _AttemptError as error:
                if error.is_not_allowed:
                    self._refuse_key(error)
                if error.is_final:
                    self.problems.append(f"{name}: {error}; it is left out")
                    return None
                last = error
            if attempt < ATTEMPTS - 1:
                jitter = random.uniform(0, min(LONGEST_PAUSE, BACK_OFF * 2**attempt))  # noqa: S311 - no secret
                await asyncio.sleep(last.pause + jitter)
        if last.is_unreached and not self._is_reached:
            self._first_wave -= 1
            if self._first_wave <= 0:
                url = self.describe()["base_url"]
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
        if error.status == _NOT_AUTHENTICATED or (not self._is_allowed and self._not_allowed >= _REFUSALS):
            raise ModelError(f"{self.describe()['base_url']} does not accept the key in OPENAI_API_KEY: {error}")

    async def _adapted(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer:
        """An attempt, repeated at once for each field that the server refuses.

        Other requests do without a field only after an answer without it: the refusal may have been of something else.
        """
        changes = dict(self._changes)
        fields = self._fields(request, style)
        while True:
            names = {name: changes.get(name, name) for name in fields}
            body = {other: fields[name] for name, other in names.items() if other is not None}
            try:
                answer = await self._attempt(client, body, style)
            except _RefusalError as refusal:
                changes[refusal.change.name] = refusal.change.renamed
                continue
            self._changes |= changes
            self._is_allowed = True
            opened = "" if style == "chat" else opened_reasoning(request.prompt)
            return answer._replace(
                text=opened + answer.text,
                left_out=tuple(sorted(name for name, other in changes.items() if other is None and name in fields)),
                renamed=tuple(sorted((name, other) for name, other in changes.items() if other and name in fields)),
            )

    async def _attempt(self, client: httpx.AsyncClient, body: dict[str, Any], style: str) -> Answer:
        path = self._url.path.rstrip("/") + ("/chat/completions" if style == "chat" else "/completions")
        try:
            async with asyncio.timeout(self._options.timeout):
                response = await client.post(self._url.copy_with(path=path), content=json.dumps(body).encode("ascii"))
        except TimeoutError:
            raise _AttemptError(f"no answer within {self._options.timeout:g} seconds") from None
        except httpx.RequestError as error:
            reason = self._hide(f"{type(error).__name__}: {error}").rstrip(": ")
            raise _AttemptError(reason, is_unreached=isinstance(error, _UNREACHED)) from None
        self._is_reached = True
        if response.is_success:
            try:
                row = response.json()
                return read_choice(row["choices"][0], row.get("usage"), self._options.sampling.stop)
            except (ValueError, RecursionError, LookupError, TypeError) as error:
                reason = f"an answer that is not the protocol's ({type(error).__name__}): {_error(response)[1]}"
                raise _AttemptError(self._hide(reason).rstrip(": ")) from None
        status = response.status_code
        refusal, message = _error(response)
        reason = self._hide(f"HTTP {status}: {message}").rstrip(": ")
        if status in (_NOT_AUTHENTICATED, _FORBIDDEN):
            is_filtered = status == _FORBIDDEN and _FILTERED.search(response.text)
            raise _AttemptError(reason, status=0 if is_filtered else status, is_final=True)
        if change := refused_field(status, refusal, message, body):
            raise _RefusalError(change)
        is_final = status not in _RETRIED and status < 500
        raise _AttemptError(reason, _retry_pause(response.headers.get("retry-after", "")), is_final=is_final)

    def _fields(self, request: Request, style: str) -> dict[str, Any]:
        sampling, prompting = self._options.sampling, self._options.prompting
        is_chat = style == "chat"
        template = dict(prompting.chat_template_args) if is_chat else {}
        return {
            "model": self._model,
            **({"messages": prompting.messages(request.prompt)} if is_chat else {"prompt": request.prompt}),
            **({"chat_template_kwargs": template} if template else {}),
            "n": 1,
            LIMIT: sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # OpenAI's own server refuses fields that it does not know; top_k is vLLM's.
            **({"top_k": sampling.top_k} if sampling.top_k else {}),
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
            **({} if sampling.is_greedy else {"seed": request.seed}),
        }

    def _hide(self, message: object) -> str:
        """A message in one line without secrets; shortened last, since half a secret would not be recognised."""
        text = str(message)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


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


def _address(text: str) -> httpx.URL:
    """The server's address; the error message does not repeat it, since it may contain a password."""
    try:
        url = httpx.URL(text.strip())
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 1 << 16:
        raise UsageError("--base-url (or OPENAI_BASE_URL): give an address such as http://localhost:8000/v1")
    return url


def _error(response: httpx.Response) -> tuple[Any, str]:
    """The body as JSON, and the message in it: in OpenAI's form, vLLM's older one, FastAPI's, or as plain text."""
    try:
        body = whole = response.json()
    except (ValueError, RecursionError):
        return None, response.text
    while isinstance(body, dict | list) and body:
        names = ("error", "message", "detail", "msg")
        body = body[0] if isinstance(body, list) else next((body[name] for name in names if body.get(name)), None)
    return whole, body if isinstance(body, str) else ""


def _retry_pause(retry_after: str) -> float:
    """The seconds of a Retry-After, a number or a date (RFC 9110, section 10.2.3); 0 if it is neither."""
    try:
        if re.fullmatch(r"\d+(\.\d*)?", retry_after.strip()):
            seconds = float(retry_after)
        else:
            until = parsedate_to_datetime(retry_after)
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)
