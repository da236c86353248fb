"""``openai:`` a model behind any server that speaks OpenAI's protocol: theirs, vLLM's, llama.cpp's, a gateway."""

import asyncio
import contextlib
import json
import os
import random
import re
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import SimpleQueue
from typing import Any

import httpx

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.engine import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import cut
from apigauge.harness.generation.types import Answer, Request

ATTEMPTS = 6
# Seconds. A pause is drawn from 0 to BACK_OFF, doubled after each attempt ("full jitter"), so that what failed together
# does not come back together; what a server asks for in Retry-After comes on top. Neither is above LONGEST_PAUSE.
BACK_OFF = 1.0
LONGEST_PAUSE = 60.0
_NEWER_LIMIT = "max_completion_tokens"
_RETRIED = {408, 409, 425, 429}
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_LONGEST_MESSAGE = 300


class _Trouble(Exception):  # noqa: N818 - no error yet: it may be gone at the next attempt
    """One attempt failed."""

    def __init__(self, reason: str, pause: float = 0.0, *, is_final: bool = False, is_unreached: bool = False) -> None:
        super().__init__(reason)
        self.pause, self.is_final, self.is_unreached = pause, is_final, is_unreached


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``openai:``."""
    engine, spec = OpenAI(argument, options), f"openai:{argument}"
    return ModelGenerator(engine, options.sampling, options.prompting, spec, cached=options.cached)


class OpenAI:
    """A model by the name that its server knows it under.

    The key is ``OPENAI_API_KEY`` of the environment; it stands in the requests' header and nowhere else.

    Raises:
        UsageError: the address or the key cannot be one.
    """

    has_chat = True

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
        # Every server's name for the longest answer, until one says that it wants the newer name of OpenAI's own.
        self._limit = "max_tokens"

    def describe(self) -> dict[str, Any]:
        """The model's name and the server's address; what runs behind it no server can be relied on to tell."""
        url = str(self._url.copy_with(query=None)).rstrip("/")
        return {"kind": "openai", "model": self._model, "engine": "openai protocol", "base_url": url}

    def chat(self, message: str) -> str:
        """The message itself: the server applies the template."""
        return message

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Each answer as soon as it is there; ``concurrency`` requests are with the server at any time.

        Raises:
            ModelError: the key is not accepted, or nothing can be connected to at the address.
        """
        self._first_wave = min(self._options.concurrency, len(requests))
        made: SimpleQueue[tuple[Request, Answer] | BaseException | None] = SimpleQueue()
        with _alongside(self._work(requests, style, made)):
            while (one := made.get()) is not None:
                if isinstance(one, BaseException):
                    raise one
                yield one

    async def _work(
        self, requests: Sequence[Request], style: str, made: SimpleQueue[tuple[Request, Answer] | BaseException | None]
    ) -> None:
        waiting = iter(requests)

        async def work(client: httpx.AsyncClient) -> None:
            for request in waiting:
                if (answer := await self._ask(client, request, style)) is not None:
                    made.put((request, answer))

        try:
            async with self._client() as client, asyncio.TaskGroup() as group:
                for _ in range(self._first_wave):
                    group.create_task(work(client))
            made.put(None)
        except BaseExceptionGroup as several:
            made.put(several.exceptions[0])
        except BaseException as error:  # noqa: BLE001 - raised where the answers are taken
            made.put(error)

    def _client(self) -> httpx.AsyncClient:
        # How long an answer takes in all is limited in _try: httpx limits each read, which a trickle never exceeds.
        timeout = httpx.Timeout(None, connect=min(10.0, self._options.timeout / 2))
        # The workers bound the connections; a second bound in the pool could only make them wait for each other.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self._options.concurrency)
        try:
            return httpx.AsyncClient(headers=self._headers, auth=self._auth, timeout=timeout, limits=limits)
        except (ImportError, OSError, ValueError) as error:
            raise UsageError(f"the environment's proxy or certificates cannot be used: {self._hide(error)}") from error

    async def _ask(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer | None:
        name = f"item {request.item!r}, sample {request.sample}"
        for attempt in range(ATTEMPTS):
            try:
                return await self._try(client, request, style)
            except _Trouble as trouble:
                if trouble.is_final:
                    self.problems.append(f"{name}: {trouble}; it is left out")
                    return None
                last = trouble
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

    async def _try(self, client: httpx.AsyncClient, request: Request, style: str) -> Answer:
        path = self._url.path.rstrip("/") + ("/chat/completions" if style == "chat" else "/completions")
        limit = self._limit
        body = json.dumps(self._body(request, style, limit)).encode("ascii")
        try:
            async with asyncio.timeout(self._options.timeout):
                response = await client.post(self._url.copy_with(path=path), content=body)
        except TimeoutError:
            raise _Trouble(f"no answer within {self._options.timeout:g} seconds") from None
        except httpx.RequestError as error:
            reason = self._hide(f"{type(error).__name__}: {error}").rstrip(": ")
            raise _Trouble(reason, is_unreached=isinstance(error, _UNREACHED)) from None
        self._is_reached = True
        if response.is_success:
            try:
                return _read(response.json(), style, self._options.sampling.stop)
            except (ValueError, RecursionError, LookupError, TypeError) as error:
                reason = f"an answer that is not the protocol's ({type(error).__name__}): {_message(response)}"
                raise _Trouble(self._hide(reason).rstrip(": ")) from None
        status = response.status_code
        reason = self._hide(f"HTTP {status}: {_message(response)}").rstrip(": ")
        if status in (401, 403):
            raise ModelError(f"{self.describe()['base_url']} does not accept the key in OPENAI_API_KEY: {reason}")
        if limit == "max_tokens" and status == 400 and _NEWER_LIMIT in reason:
            self._limit = _NEWER_LIMIT
            raise _Trouble(reason)
        is_final = status not in _RETRIED and status < 500
        raise _Trouble(reason, _pause(response.headers.get("retry-after", "")), is_final=is_final)

    def _body(self, request: Request, style: str, limit: str) -> dict[str, Any]:
        sampling = self._options.sampling
        is_chat = style == "chat"
        return {
            "model": self._model,
            **({"messages": [{"role": "user", "content": request.prompt}]} if is_chat else {"prompt": request.prompt}),
            "n": 1,
            limit: sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # OpenAI's own server refuses fields that it does not know; top_k is vLLM's.
            **({"top_k": sampling.top_k} if sampling.top_k else {}),
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
            **({} if sampling.is_greedy else {"seed": request.seed}),
        }

    def _hide(self, message: object) -> str:
        """A message in one line, shortened only after the secrets are out: half of one would not be found."""
        text = str(message)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


@contextlib.contextmanager
def _alongside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Runs a coroutine in a thread of its own, and cancels it and waits for its end when the block is left.

    A coroutine because it can be cancelled wherever it waits. A thread in ``recv`` stays there until the server or the
    timeout ends it; closing its client from outside does not wake it.
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
    """The server's address; what is wrong with it is told without its text, which may hold a password."""
    try:
        url = httpx.URL(text.strip())
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 1 << 16:
        raise UsageError("--base-url (or OPENAI_BASE_URL): give an address such as http://localhost:8000/v1")
    return url


def _read(row: Any, style: str, stop: tuple[str, ...]) -> Answer:
    choice = row["choices"][0]
    text, reason = choice["message"]["content"] if style == "chat" else choice["text"], choice.get("finish_reason")
    if not isinstance(text, str | None) or not isinstance(reason, str | None):
        raise TypeError("text or finish_reason is no text")
    kept, is_cut = cut(text or "", stop)
    usage = row.get("usage")
    counts = [usage.get(f"{of}_tokens") if isinstance(usage, dict) else None for of in ("prompt", "completion")]
    prompt, completion = (count if type(count) is int else None for count in counts)
    return Answer(kept, "stop" if is_cut else reason or "stop", prompt, completion)


def _message(response: httpx.Response) -> str:
    """What a server says is wrong: OpenAI's form, vLLM's older one, FastAPI's, or plain text."""
    try:
        told = response.json()
    except (ValueError, RecursionError):
        return response.text
    while isinstance(told, dict | list) and told:
        names = ("error", "message", "detail", "msg")
        told = told[0] if isinstance(told, list) else next((told[name] for name in names if told.get(name)), None)
    return told if isinstance(told, str) else ""


def _pause(retry_after: str) -> float:
    """Seconds that a Retry-After asks for, as a number or a date (RFC 9110, section 10.2.3); 0 if it is neither."""
    try:
        if re.fullmatch(r"\d+(\.\d*)?", retry_after.strip()):
            seconds = float(retry_after)
        else:
            until = parsedate_to_datetime(retry_after)
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)
