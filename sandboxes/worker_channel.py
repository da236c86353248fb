"""The host's side of the channel to a worker: sends requests, receives answers, and never waits for ever."""

import hashlib
import json
import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import inputs, worker
from apigauge.sandboxes.worker import wire

# On a machine as isolated as -I, except that the hash seed can be set, which -I ignores: sets would have another order
# every time. In an image and in namespaces there is nothing to be isolated from, and a program would see the options in
# ``sys.flags``.
PYTHON_OPTIONS = ("-s", "-P", "-c")
INNER_OPTIONS = ("-c",)
# A supervisor reports every second that it is alive; even on a busy machine it is not silent for this long.
SILENCE_SECONDS = 60.0
_FOLDER = Path(worker.__file__).parent
_MAX_ANSWER = 4 << 20
# The environment of every program, whatever the environment of this process is.
VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


_FORGEABLE = (
    "a program that replaces parts of the libraries it calls (their globals, what their functions enclose), or writes "
    "to its interpreter's memory, can forge its own verdict, and nothing else"
)
_COUNTERS = "counters of the kernel (network, last process id, peak of memory) tell a program of the one before"


class LostError(Exception):
    """A worker no longer answers; the message says why. The caller starts another."""


class ThreadsError(Exception):
    """A worker's children wait for threads that its libraries started.

    Attributes:
        modules: those that must not be imported before a fork.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        super().__init__(f"{', '.join(modules)} started threads, and a fork waits for them")
        self.modules = frozenset(modules)


def bootstrap() -> str:
    """The source that ``python -c`` runs."""
    return (_FOLDER / "bootstrap.py").read_text(encoding="utf-8")


def opening(config: dict[str, Any]) -> bytes:
    """The first message: the worker's modules and its configuration."""
    modules = [(name, (_FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in worker.MODULES]
    if config.get("inputs") == "fixtures":
        config = config | {"input_files": inputs.packed()}
    return wire.pack({"modules": modules, "config": config})


def worker_digest() -> str:
    """Twelve hexadecimal digits over the worker's source, which decides a verdict together with image and limits."""
    digest = hashlib.sha256(bootstrap().encode())
    for name in worker.MODULES:
        digest.update((_FOLDER / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


class WorkerChannel:
    """Messages to and from a worker over two descriptors.

    Args:
        incoming: descriptor that is readable when ``receive`` has bytes to return.
        receive: returns the bytes that have arrived, b"" at the end of the stream.
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
            LostError: the worker is gone or sent something else.
        """
        self._number += 1
        self.send(wire.pack(request | {"id": self._number}))
        answer = self.next()
        if answer.get("id") != self._number:
            raise LostError("it answered another request than the one that was sent")
        return answer

    def next(self) -> dict[str, Any]:
        """The next message that is not just a sign of life.

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
            raise LostError("it sent bytes that are no message") from error
        return message if isinstance(message, dict) else {}


def writer(descriptor: int) -> Callable[[bytes], None]:
    """A function that writes all bytes to a descriptor."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write


def caveats(ready: dict[str, Any]) -> list[str]:
    """What no worker can check, and what this one cannot, by its first message."""
    result = [_FORGEABLE, _COUNTERS]
    if ready.get("ends") != "kernel":
        result.append("this runtime does not say where a stopped process stands: the end is taken on its word")
    if ready.get("calls") != "frames":
        result.append(
            "this Python's frames are not known: that the call returned, and what calls passed, is taken on the "
            "program's word"
        )
    return result


def check_ready(ready: dict[str, Any], close: Callable[[], None]) -> None:
    """Checks a new worker's first message.

    Raises:
        SandboxError: the worker could not import a module, or failed its trial program.
        ThreadsError: it may work without some of the modules.
    """
    if ready.get("threaded") and not ready.get("ready"):
        close()
        raise ThreadsError(ready["threaded"])
    problems = list(ready.get("problems", []))
    if not ready.get("ready"):
        probe = ready.get("probe", {})
        problems.append(
            f"its trial program was {probe.get('status')} ({probe.get('reason')}), clean: {probe.get('clean')}"
        )
    if problems:
        close()
        raise SandboxError(f"a sandbox does not work: {'; '.join(problems)}")
