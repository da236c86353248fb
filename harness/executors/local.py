"""Scoring in processes of this machine."""

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.executors.prefetch import PENDING, Pending

Task = TypeVar("Task")
Result = TypeVar("Result")

_CHUNK = 32
# Below this many tasks, starting processes takes longer than it saves.
_WORTH_PROCESSES = 200

_function: Callable[[Any], Any]


def ordered(
    make: Callable[[], Callable[[Task], Result]],
    tasks: Iterable[Task | Pending],
    expected: int,
    workers: int | None = None,
) -> Iterator[Result | Pending]:
    """Results of tasks in the order of the tasks, while later tasks are still being produced.

    Args:
        make: builds the function that does a task; called once in each process, so it must be picklable.
        tasks: drawn lazily, a bounded number ahead. At a ``PENDING``, the results so far are yielded, then ``PENDING``.
        expected: how many tasks there will be; a few are done in this process.
        workers: number of processes; all cores by default. With 1, all tasks are done in this process.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or expected < _WORTH_PROCESSES:
        function = make()
        for task in tasks:
            yield PENDING if isinstance(task, Pending) else function(task)
        return
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # This process imports the script that started it, and would start processes again.
        raise UsageError("workers: with more than one, the script needs `if __name__ == '__main__':` around its calls")
    context = multiprocessing.get_context("spawn")
    with (
        # A file, since starting a process that ends before it has read more than a pipe holds would wait without end.
        tempfile.NamedTemporaryFile(prefix="apigauge-") as file,
        ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(file.name,)) as pool,
    ):
        pickle.dump(make, file)
        file.flush()
        running: deque[Future[list[Any]]] = deque()
        for chunk in _chunks(tasks):
            if chunk:
                with _interrupts_ignored(), _deaths_reported():
                    running.append(pool.submit(_do_tasks, chunk))
            while running and (running[0].done() or len(running) > 4 * workers):
                yield from _results_of(running.popleft())
            if not chunk:
                yield PENDING
        while running:
            yield from _results_of(running.popleft())


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


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process started in this block ignores Ctrl-C from its first instruction: the parent stops it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _results_of(chunk: Future[list[Any]]) -> list[Any]:
    with _deaths_reported():
        return chunk.result()


@contextlib.contextmanager
def _deaths_reported() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise ApigaugeError(
            "a scoring process died (killed, or out of memory?). The scores so far are kept; run the same command "
            "again, perhaps with --workers 1 (in Python workers=1, or `if __name__ == '__main__':` around the calls)."
        ) from error


def _start_worker(file: str) -> None:
    global _function  # noqa: PLW0603 - an initializer can pass its result on in no other way
    threading.Thread(target=_die_with_parent, daemon=True).start()
    make: Callable[[], Callable[[Any], Any]] = pickle.loads(Path(file).read_bytes())  # noqa: S301 - written by ordered
    _function = make()
    gc.freeze()  # the scorer lives as long as the process


def _do_tasks(tasks: tuple[Any, ...]) -> list[Any]:
    return [_function(task) for task in tasks]


def _die_with_parent() -> None:
    """Ends the worker with its parent; it would wait for tasks for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
