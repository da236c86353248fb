"""A stage of work in a thread of its own, so that the stages behind it need not wait for each other."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Final, TypeVar

Value = TypeVar("Value")

# Handed out while there is nothing yet, so that whoever takes the values can look after what it has already.
IDLE: Final[Any] = type("Idle", (), {"__repr__": lambda _: "IDLE"})()
_POLL = 0.02


def ahead(values: Iterable[Value], size: int) -> Generator[Value, None, None]:
    """The values, drawn in a thread that runs at most ``size`` ahead; ``IDLE`` whenever there is none for 20 ms.

    An error in drawing is raised here, in its place. Closed early, it lets the thread end at its next value and closes
    the values there; it does not wait for that, since the value may be minutes away.
    """
    found: queue.Queue[tuple[str, Any]] = queue.Queue(size)
    stopped = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                found.put((kind, value), timeout=_POLL)
                return

    def draw() -> None:
        iterator: Iterator[Value] = iter(values)
        try:
            for value in iterator:
                put("value", value)
                if stopped.is_set():
                    break
            put("end", None)
        except BaseException as error:  # noqa: BLE001 - raised again where the values are taken
            put("error", error)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    threading.Thread(target=draw, name="ahead", daemon=True).start()
    try:
        while True:
            try:
                kind, value = found.get(timeout=_POLL)
            except queue.Empty:
                yield IDLE
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
