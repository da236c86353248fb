"""The calls of OpenAI's Batch API: upload, create, look up, find again, download; each repeated where it may pass."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote

import httpx

from apigauge.errors import ModelError
from apigauge.harness.generation.openai_connection import (
    NOT_AUTHENTICATED,
    RETRIED,
    Connection,
    error_of,
    retry_pause,
)

ATTEMPTS = 6
# Seconds; a pause is drawn from 0 to BACK_OFF, doubled after each attempt, and a server's Retry-After is added.
BACK_OFF = 1.0
LONGEST_PAUSE = 60.0
# How many batches a page of the list has, and how much older than ours a listed batch may be, whatever the clocks say.
_PAGE, _OLDER = 100, 86400.0
# The metadata entry by which a batch is found again.
METADATA = "apigauge"
Result = TypeVar("Result")


class InterruptedWaitError(Exception):
    """The wait for a server was ended by whoever wants no more answers."""


class _PassingError(Exception):
    """A call failed, and may not fail again; ``pause`` is what the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0.0, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.pause, self.is_missing = pause, is_missing


class BatchServer:
    """A server with the Batch API.

    Args:
        connection: its address and key.
        timeout: seconds without a byte after which a call is tried again.
        stopped: set by another thread to end every wait with :class:`InterruptedWaitError`.

    Raises:
        UsageError: the environment's proxy or certificates cannot be used.
    """

    def __init__(self, connection: Connection, timeout: float, stopped: threading.Event) -> None:
        self._connection, self._stopped = connection, stopped
        limits = httpx.Timeout(timeout, connect=min(10.0, timeout / 2))
        try:
            self._client = httpx.Client(headers=connection.headers, auth=connection.auth, timeout=limits)
        except (ImportError, OSError, ValueError) as error:
            raise connection.unusable(error) from error

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def wait(self, seconds: float) -> None:
        """Waits.

        Raises:
            InterruptedWaitError: it was ended.
        """
        if self._stopped.wait(seconds):
            raise InterruptedWaitError

    def upload(self, name: str, file: IO[bytes]) -> str:
        """Uploads a batch's requests; returns the id of the file.

        Raises:
            ModelError: the server does not take it.
        """

        def once() -> str:
            file.seek(0)
            form = {"file": (name, file, "application/jsonl")}
            return _id(self._object("POST", "/files", files=form, data={"purpose": "batch"}))

        return self._repeated("upload the requests", once)

    def create(self, token: str, file: str, endpoint: str, since: float) -> dict[str, Any]:
        """Creates a batch of an uploaded file, or returns the one that was created of it.

        A creation whose response was lost may have succeeded. So before it is repeated, the batch is looked for; and
        servers that know ``Idempotency-Key`` can tell a repetition themselves.

        Args:
            token: of this batch alone; becomes its metadata.
            file: the file's id.
            endpoint: such as ``/v1/chat/completions``.
            since: when the token was made, in seconds since 1970.

        Raises:
            ModelError: the server does not take it.
        """
        attempts = iter(range(ATTEMPTS))
        body = {"input_file_id": file, "endpoint": endpoint, "completion_window": "24h", "metadata": {METADATA: token}}

        def once() -> dict[str, Any]:
            if next(attempts, 0) and (batch := self.find(token, file, since)):
                return batch
            batch = self._object("POST", "/batches", json=body, headers={"Idempotency-Key": token})
            _id(batch)
            return batch

        return self._repeated("create the batch", once)

    def find(self, token: str, file: str, since: float) -> dict[str, Any] | None:
        """The batch with this token or file among those that the server lists; None if there is none.

        Raises:
            ModelError: the server lists no batches, so that nobody can say.
        """
        for batch in self._listed():
            metadata, created = batch.get("metadata"), batch.get("created_at")
            if isinstance(metadata, dict) and metadata.get(METADATA) == token:
                return batch
            if batch.get("input_file_id") == file:
                return batch
            if isinstance(created, int | float) and created < since - _OLDER:  # the list begins with the newest
                return None
        return None

    def retrieve(self, batch: str) -> dict[str, Any] | None:
        """A batch as it stands; None if the server does not know it, asked several times.

        Raises:
            ModelError: the server cannot be asked.
        """
        with suppress(_UnknownError):
            path = f"/batches/{quote(batch, safe='')}"
            return self._repeated(f"look up batch {batch}", partial(self._object, "GET", path))
        return None

    def download(self, file: str, path: Path) -> bool:
        """Writes a file of the server to a path; False if the server does not know it, asked several times.

        Raises:
            ModelError: it cannot be downloaded.
        """
        url = self._connection.url(f"/files/{quote(file, safe='')}/content")

        def once() -> bool:
            try:
                with (
                    self._client.stream("GET", url, follow_redirects=True) as response,
                    path.open("wb") as target,
                ):
                    if not response.is_success:
                        response.read()
                    self._check(response)
                    for part in response.iter_bytes():
                        target.write(part)
            except httpx.RequestError as error:
                raise self._unreached(error) from None
            return True

        try:
            return self._repeated(f"download file {file}", once)
        except _UnknownError:
            return False

    def _listed(self) -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            query = {"limit": _PAGE} | ({"after": after} if after else {})
            try:
                page = self._repeated("list the batches", partial(self._object, "GET", "/batches", query))
            except _UnknownError:
                raise ModelError(
                    f"{self._connection.address} lists no batches, so that a batch whose creation was interrupted "
                    "cannot be found again. If the server shows elsewhere that there is none, delete batches.json"
                ) from None
            rows = [row for row in page.get("data") or () if isinstance(row, dict)]
            yield from rows
            last = rows[-1].get("id") if rows else None
            if not page.get("has_more") or not isinstance(last, str) or last == after:
                return
            after = last

    def _repeated(self, what: str, once: Callable[[], Result]) -> Result:
        """Makes a call until it succeeds.

        Raises:
            ModelError: it fails for good, or too often.
            _UnknownError: each time, the server did not know what was asked for.
        """
        is_missing = True
        for attempt in range(ATTEMPTS):
            try:
                return once()
            except _PassingError as error:
                last, is_missing = error, is_missing and error.is_missing
            if attempt < ATTEMPTS - 1:
                jitter = random.uniform(0, min(LONGEST_PAUSE, BACK_OFF * 2**attempt))  # noqa: S311 - no secret
                self.wait(last.pause + jitter)
        if is_missing:
            raise _UnknownError(str(last))
        raise ModelError(
            f"{self._connection.address}: {ATTEMPTS} attempts to {what} failed, the last one with: {last}. The same "
            "command goes on"
        )

    def _object(self, method: str, path: str, query: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
        """The JSON object that a call returns."""
        url = self._connection.url(path)
        try:
            response = self._client.request(method, url.copy_merge_params(query) if query else url, **request)
        except httpx.RequestError as error:
            raise self._unreached(error) from None
        self._check(response)
        try:
            value = response.json()
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise _PassingError(self._connection.hide(f"a response that is not the protocol's: {response.text}"))
        return value

    def _check(self, response: httpx.Response) -> None:
        """Raises unless a response is a success."""
        if response.is_success:
            return
        status = response.status_code
        reason = self._connection.hide(f"HTTP {status}: {error_of(response)[1]}").rstrip(": ")
        if status == NOT_AUTHENTICATED:
            raise ModelError(f"{self._connection.address} does not accept the key in OPENAI_API_KEY: {reason}")
        if status in RETRIED or status >= 500:
            raise _PassingError(reason, retry_pause(response.headers, LONGEST_PAUSE))
        if status in (404, 405) and response.request.method == "GET":
            raise _PassingError(reason, is_missing=True)
        raise ModelError(f"{self._connection.address} refuses {response.request.url.path}: {reason}")

    def _unreached(self, error: httpx.RequestError) -> _PassingError:
        return _PassingError(self._connection.hide(f"{type(error).__name__}: {error}").rstrip(": "))


class _UnknownError(Exception):
    """The server does not know what was asked for."""


def _id(value: dict[str, Any]) -> str:
    """The id of what a server made."""
    if not isinstance(value.get("id"), str) or not value["id"]:
        raise _PassingError("a response without an id")
    return str(value["id"])


def now() -> float:
    """Seconds since 1970."""
    return time.time()
