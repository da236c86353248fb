"""Runs at addresses that fsspec reads and writes (``s3://``, ``gs://``, ``file://``), for what reads and writes runs.

A run at an address is written to its journal, a run directory in the user's cache (:mod:`.addresses`), and copied
(:mod:`.copies`). Processes of one machine share a journal: while one writes, readers leave it as it is, and otherwise
one after the other fetches.
"""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.evaluation.addresses import address_of, journal
from apigauge.harness.evaluation.copies import NOTE, Journal

LOCK = ".copies.lock"
# Seconds between two copies of a run that is being written; and the longest share of the time that copying may take.
_PAUSE, _SHARE = 30.0, 0.1
_log = logging.getLogger("apigauge")


def fetched(path: str | os.PathLike[str]) -> Path:
    """A path itself; of an address its journal, after the newest copies of the runs below it were fetched.

    Runs that a process of this machine is writing are left as they are: they are newer than their copies. An address of
    a file is fetched as it is.

    Raises:
        UsageError: the address cannot be one, or what fsspec needs for it is not installed.
        RunError: the store cannot be read, has nothing of what was copied, or a run has changed on both sides.
    """
    folder = journal(path)
    address = address_of(folder)
    if address is None:
        return folder
    top = Journal(folder)
    there = {folder / below for below in top.runs()}
    here = {note.parent for note in folder.rglob(NOTE)}
    if not there and any(Journal(one).is_noted() for one in here):
        raise top.gone()
    for one in sorted(there | here):
        with _locked(one, writes=False) as is_free:
            if is_free and one in there:
                Journal(one).fetch()
            elif is_free:
                Journal(one).drop()
    if not there:
        top.fetch_file()
    return folder


def refreshed(folder: Path) -> Path:
    """A folder, after the newest copies were fetched if it is a journal; errors are those of :func:`fetched`."""
    address = address_of(folder)
    return folder if address is None else fetched(address)


def is_copied(folder: Path) -> bool:
    """Whether all that a journal holds has been copied."""
    return not Journal(folder).is_changed()


@contextlib.contextmanager
def copied(folder: Path, *, is_growing: bool) -> Iterator[None]:
    """While a folder is written to: fetches its newest copy before, sends one in the end, and meanwhile if it grows.

    It does nothing for a folder that is no journal. A copy that fails meanwhile is logged and tried again; what was
    written stays. Before anything is written an address without a run gets a first, empty copy, so that one that cannot
    be written costs nothing.

    Raises:
        UsageError, RunError: as for :func:`fetched`; or the first or the last copy failed.
    """
    if address_of(folder) is None:
        yield
        return
    store, ended = Journal(folder), threading.Event()
    with _locked(folder, writes=True) as hold:
        store.fetch()
        if not store.is_noted():
            store.send()
        hold()
        thread = threading.Thread(target=_keep_sending, args=(store, ended), name="copies", daemon=True)
        if is_growing:
            thread.start()
        try:
            yield
        except BaseException:
            _end(thread, ended)
            with contextlib.suppress(RunError):
                store.send()
            raise
        _end(thread, ended)
        store.send()


def _end(thread: threading.Thread, ended: threading.Event) -> None:
    ended.set()
    if thread.ident:
        thread.join()


def _keep_sending(store: "Journal", ended: threading.Event) -> None:
    pause, logged = _PAUSE, ""
    while not ended.wait(pause):
        began = time.monotonic()
        try:
            store.send()
            logged = ""
        except Exception as error:  # noqa: BLE001 - a full disk of this machine, too: the run itself goes on
            if str(error) != logged:
                _log.warning("not copied, and the run goes on: %s", error)
            logged = str(error)
        pause = max(_PAUSE, (time.monotonic() - began) / _SHARE)


@contextlib.contextmanager
def _locked(folder: Path, *, writes: bool) -> Iterator[Any]:
    """Keeps others of this machine from fetching a journal meanwhile.

    A writer is given a function that lets readers in again, who then know that it is being written. A reader waits for
    other readers, and is given whether there is no writer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        if writes:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lambda: fcntl.flock(lock, fcntl.LOCK_SH)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(
                lock, fcntl.LOCK_SH
            )  # at once if it is a writer, who lets readers in; else when the reader ends
            yield False
        else:
            yield True
