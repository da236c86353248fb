"""Processes of this machine."""

import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from apigauge.errors import ApigaugeError

Task = TypeVar("Task")
Result = TypeVar("Result")

_CHUNK = 32
# Below this many tasks a process costs more than it gives.
_WORTH_PROCESSES = 200

_function: Callable[[Any], Any]


def ordered(
    make: Callable[[], Callable[[Task], Result]], tasks: Iterable[Task], workers: int | None = None
) -> Iterator[Result]:
    """Results of tasks in the order of the tasks, while further tasks are still being drawn.

    Args:
        make: builds the function that does a task; called once in each process, so it must pickle.
        tasks: drawn lazily, a bounded number ahead.
        workers: processes; all cores by default. One, or few tasks, stay in this process.
    """
    workers = workers or os.cpu_count() or 1
    head = list(itertools.islice(iter_tasks := iter(tasks), _WORTH_PROCESSES))
    if workers == 1 or len(head) < _WORTH_PROCESSES:
        function = make()
        yield from map(function, itertools.chain(head, iter_tasks))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(make,)) as pool:
        running: deque[Future[list[Any]]] = deque()
        rest = itertools.chain(head, iter_tasks)
        while chunk := tuple(itertools.islice(rest, _CHUNK)):
            with _interrupts_ignored():
                running.append(pool.submit(_run, chunk))
            if len(running) > 4 * workers:
                yield from _result(running.popleft())
        while running:
            yield from _result(running.popleft())


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process started in here ignores Ctrl-C, from its first instruction: it is for the parent to stop it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _result(chunk: Future[list[Any]]) -> list[Any]:
    try:
        return chunk.result()
    except BrokenProcessPool as error:
        raise ApigaugeError(
            "a scoring process died (killed, or out of memory?). What was scored is kept; run the same command again, "
            "perhaps with --workers 1."
        ) from error


def _start(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _function  # noqa: PLW0603 - one function a process is what an initializer is for
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _function = make()
    gc.freeze()  # what was built for scoring lives as long as the process


def _run(tasks: tuple[Any, ...]) -> list[Any]:
    return [_function(task) for task in tasks]


def _die_with_parent() -> None:
    """A worker whose parent was killed would wait for tasks for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
