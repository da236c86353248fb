"""A stage of work in a separate thread, so that later stages can work while it waits."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from enum import Enum
from typing import Any, Final, Literal, TypeVar

Value = TypeVar("Value")


class Pending(Enum):
    """Yielded by a stage while its next value is not ready, so that the next stage can finish its own work."""

    PENDING = "pending"


PENDING: Final = Pending.PENDING
_POLL = 0.02
# The thread's name, for who must know that it has not ended.
THREAD = "prefetch"
Kind = Literal["value", "end", "error"]


def prefetch(
    values: Iterable[Value], size: int, stop: Callable[[], None] = lambda: None, patience: float = 0.0
) -> Generator[Value | Pending, None, None]:
    """The values, drawn in a thread at most ``size`` ahead; ``PENDING`` whenever there is none for 20 ms.

    An error in drawing is raised here, after the values before it. When this generator is closed early, the thread ends
    at its next value and closes the iterator there.

    Args:
        values: what is drawn.
        size: how many may wait.
        stop: called repeatedly once this generator is closed early, until the thread has ended: makes the value that is
            being drawn end, or come soon.
        patience: seconds to wait for that; a value may take minutes.
    """
    results: queue.Queue[tuple[Kind, Any]] = queue.Queue(size)
    stopped = threading.Event()

    def put(kind: Kind, value: Any) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                results.put((kind, value), timeout=_POLL)
                return

    def draw() -> None:
        iterator: Iterator[Value] = iter(values)
        try:
            for value in iterator:
                put("value", value)
                if stopped.is_set():
                    break
            put("end", None)
        except BaseException as error:  # noqa: BLE001 - raised where the values are taken
            put("error", error)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    thread = threading.Thread(target=draw, name=THREAD, daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, value = results.get(timeout=_POLL)
            except queue.Empty:
                yield PENDING
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        _end(thread, stop, patience)


def _end(thread: threading.Thread, stop: Callable[[], None], patience: float) -> None:
    """Waits so many seconds for a thread to end."""
    until = time.monotonic() + patience
    while thread.is_alive() and time.monotonic() < until:
        stop()  # again and again: it may have come before there was anything to stop
        thread.join(_POLL)
