"""A stage of work in a thread of its own, so that the stages behind it need not wait for each other."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from enum import Enum
from typing import Any, Final, Literal, TypeVar

Value = TypeVar("Value")


class Pending(Enum):
    """What a stage hands on while its next value is not there, so that the next stage can finish what it has."""

    PENDING = "pending"


PENDING: Final = Pending.PENDING
_POLL = 0.02
Kind = Literal["value", "end", "error"]


def prefetch(values: Iterable[Value], size: int) -> Generator[Value | Pending, None, None]:
    """The values, drawn in a thread that runs at most ``size`` ahead; ``PENDING`` whenever there is none for 20 ms.

    An error in drawing is raised here, in its place. Closed early, it lets the thread end at its next value and closes
    the values there; it does not wait for that, since the value may be minutes away.
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
        except BaseException as error:  # noqa: BLE001 - raised again where the values are taken
            put("error", error)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    threading.Thread(target=draw, name="prefetch", daemon=True).start()
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
