"""``apigauge report --watch``: the pages are written again while runs go on."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from apigauge.errors import RunError
from apigauge.harness.cli.find_runs import find_runs, is_locked
from apigauge.harness.cli.output import say_error
from apigauge.harness.evaluation.remote import refreshed
from apigauge.harness.evaluation.run_directory import GENERATIONS, MANIFEST, SCORES, SUMMARY

INTERRUPTED = 130
State = list[tuple[str, int, int]]


def watch(arguments: Sequence[Path], build: Callable[[], int], seconds: float) -> int:
    """Builds once, and then whenever a run's files have changed, until Ctrl-C.

    Args:
        arguments: the runs, and folders that hold runs.
        build: writes the pages.
        seconds: how long to wait before the runs are looked at again.

    Returns:
        The exit code of an interrupted command. Ctrl-C ends it after the build that is going on, so that all pages are
        of one build; a second one at once.
    """
    with _interrupted() as is_interrupted:
        former: State | None = None
        while not is_interrupted.is_set():
            _refresh(arguments)
            state = state_of(arguments)
            if state != former:
                former = state
                _build(build)
            is_interrupted.wait(seconds)
    return INTERRUPTED


def _refresh(arguments: Sequence[Path]) -> None:
    """Fetches what others have written at addresses; a store that does not answer now may do so the next time."""
    for one in arguments:
        try:
            refreshed(one)
        except RunError as error:
            say_error(str(error))


def state_of(arguments: Sequence[Path]) -> State:
    """Names, sizes and times of the files that a report reads; and of each run whether it goes on."""
    runs = [run for path in arguments for run in (find_runs(path) if path.is_dir() else [path])]
    files = [run / name if run.is_dir() else run for run in runs for name in (MANIFEST, GENERATIONS, SCORES, SUMMARY)]
    return [(str(run), int(_is_open(run)), 0) for run in runs] + [entry for path in files for entry in _entry(path)]


def _is_open(run: Path) -> bool:
    """Whether a run without a summary is being written; of others the lock is left alone."""
    return not (run / SUMMARY).exists() and is_locked(run)


def _entry(path: Path) -> Iterator[tuple[str, int, int]]:
    try:
        status = path.stat()
    except OSError:
        return
    yield str(path), status.st_size, status.st_mtime_ns


def _build(build: Callable[[], int]) -> None:
    """Writes the pages, if a run can be read yet."""
    try:
        build()
    except RunError as error:
        say_error(str(error))


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets."""
    event = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, former)
