"""The host's end of a worker: requests out, answers in, and never a wait without an end."""

import hashlib
import json
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import inputs, worker

# As isolated as -I, but for the hash seed, which -I would not let us fix: sets would have another order every time.
PYTHON_OPTIONS = ("-s", "-P", "-c")
# A supervisor says every second that it is alive; a machine may be busy, but not for this long.
SILENCE_SECONDS = 60.0
_FOLDER = Path(worker.__file__).parent
_MAX_ANSWER = 4 << 20


class LostError(Exception):
    """A worker can no longer be talked to; the message says why. Whoever catches it starts another."""


def bootstrap() -> str:
    """What ``python -c`` is given."""
    return (_FOLDER / "bootstrap.py").read_text(encoding="utf-8")


def opening(config: dict[str, Any]) -> bytes:
    """The first message: the worker's modules and its orders."""
    modules = [(name, (_FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in worker.MODULES]
    if config.get("inputs") == "fixtures":
        config = config | {"input_files": inputs.packed()}
    return packed({"modules": modules, "config": config})


def worker_digest() -> str:
    """Twelve hexadecimal digits over the worker's source: what decides, beside image and limits, on a verdict."""
    digest = hashlib.sha256(bootstrap().encode())
    for name in worker.MODULES:
        digest.update((_FOLDER / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def packed(message: dict[str, Any]) -> bytes:
    """A message as bytes: four of length, then JSON in ASCII."""
    body = json.dumps(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


class Link:
    """Messages over two descriptors.

    Args:
        incoming: descriptor that is readable when ``receive`` has something to give.
        receive: the bytes that have come, b"" at the end of the stream.
        send: sends all bytes.
    """

    def __init__(self, incoming: int, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        self._incoming = incoming
        self._receive = receive
        self._send = send
        self._data = bytearray()
        self._number = 0

    def send(self, data: bytes) -> None:
        """Sends bytes.

        Raises:
            LostError: the worker is gone.
        """
        try:
            self._send(data)
        except OSError as error:
            raise LostError(f"its input is closed ({error.strerror})") from error

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            LostError: there will be none.
        """
        self._number += 1
        self.send(packed(request | {"id": self._number}))
        answer = self.next()
        if answer.get("id") != self._number:
            raise LostError("it answered something else than was asked")
        return answer

    def next(self) -> dict[str, Any]:
        """The next message that is more than a sign of life.

        Raises:
            LostError: the stream ended, or nothing came for ``SILENCE_SECONDS``.
        """
        silence = SILENCE_SECONDS
        deadline = time.monotonic() + silence
        while True:
            while (message := self._take()) is None:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._incoming], [], [], left)[0]:
                    if time.monotonic() >= deadline:
                        raise LostError(f"it said nothing for {silence:g} s")
                    continue
                try:
                    data = self._receive()
                except OSError as error:
                    raise LostError(f"its output broke off ({error.strerror})") from error
                if not data:
                    raise LostError("it ended")
                self._data += data
            if "alive" not in message:
                return message
            deadline = time.monotonic() + silence

    def _take(self) -> dict[str, Any] | None:
        if len(self._data) < 4:
            return None
        length = int.from_bytes(self._data[:4], "big")
        if length > _MAX_ANSWER:
            raise LostError(f"it sent a message of {length} bytes")
        if len(self._data) < 4 + length:
            return None
        body = bytes(self._data[4 : 4 + length])
        del self._data[: 4 + length]
        try:
            message = json.loads(body)
        except ValueError as error:
            raise LostError("it sent what is no message") from error
        return message if isinstance(message, dict) else {}


def write_all(descriptor: int) -> Callable[[bytes], None]:
    """A function that writes all bytes to a descriptor."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write


def check_ready(ready: dict[str, Any], close: Callable[[], None]) -> None:
    """Looks at a new worker's first message.

    Raises:
        SandboxError: it could not import what it should, or failed its own trial program.
    """
    problems = list(ready.get("problems", []))
    if not ready.get("ready"):
        probe = ready.get("probe", {})
        problems.append(
            f"its trial program was {probe.get('status')} ({probe.get('reason')}), clean: {probe.get('clean')}"
        )
    if problems:
        close()
        raise SandboxError(f"a sandbox does not work: {'; '.join(problems)}")


def digest_of(data: bytes) -> str:
    """Twelve hexadecimal digits, for a manifest."""
    return hashlib.sha256(data).hexdigest()[:12]
