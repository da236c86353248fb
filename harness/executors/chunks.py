"""Tasks in chunks, several of them in flight, their results in order: what every executor does."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from apigauge.harness.executors.prefetch import PENDING, Pending
from apigauge.harness.executors.types import Result, Task

_CHUNK = 32


def in_order(
    tasks: Iterable[Task | Pending],
    submit: Callable[[tuple[Task, ...]], "Future[list[Result]]"],
    most: Callable[[], int],
) -> Iterator[Result | Pending]:
    """Results of tasks in the order of the tasks; at a ``PENDING`` those that are ready, then ``PENDING``.

    Args:
        tasks: drawn lazily, a bounded number ahead.
        submit: starts a chunk of them.
        most: how many chunks may be in flight.
    """
    running: deque[Future[list[Any]]] = deque()
    for chunk in _chunks(tasks):
        if chunk:
            running.append(submit(chunk))
        while running and (running[0].done() or len(running) > most()):
            yield from running.popleft().result()
        if not chunk:
            yield PENDING
    while running:
        yield from running.popleft().result()


def _chunks(tasks: Iterable[Task | Pending]) -> Iterator[tuple[Task, ...]]:
    """Tasks in chunks of ``_CHUNK``; at a ``PENDING`` the tasks so far, perhaps none."""
    chunk: list[Task] = []
    for task in tasks:
        if not isinstance(task, Pending):
            chunk.append(task)
        if isinstance(task, Pending) or len(chunk) == _CHUNK:
            yield tuple(chunk)
            chunk.clear()
    if chunk:
        yield tuple(chunk)
