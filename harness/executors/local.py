"""Scoring in processes of this machine."""

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.executors.chunks import in_order
from apigauge.harness.executors.prefetch import PENDING, Pending
from apigauge.harness.executors.types import OpenSandbox, Result, Say, Task
from apigauge.sandboxes.verdict import Sandbox

# Below this many tasks, starting processes takes longer than it saves.
_WORTH_PROCESSES = 200

_function: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Does everything on this machine: see :class:`apigauge.harness.executors.types.Executor`.

    Attributes:
        workers: processes for scoring; all cores by default.
    """

    workers: int | None = None

    def ordered(
        self,
        make: Callable[[], Callable[[Task], Result]],
        tasks: Iterable[Task | Pending],
        expected: int,
        set_aside: Callable[[Task, str], Result],  # noqa: ARG002 - a process that dies ends the command
    ) -> Iterator[Result | Pending]:
        """Results of tasks in the order of the tasks."""
        return ordered(make, tasks, expected, self.workers)

    def sandbox(self, open_sandbox: OpenSandbox, say: Say) -> Sandbox:
        """A sandbox of this machine."""
        return open_sandbox(None, say)


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
        _deaths_reported(),
    ):
        pickle.dump(make, file)
        file.flush()

        def submit(chunk: tuple[Task, ...]) -> Future[list[Result]]:
            with _interrupts_ignored():
                return pool.submit(_do_tasks, chunk)

        yield from in_order(tasks, submit, lambda: 4 * workers)


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
