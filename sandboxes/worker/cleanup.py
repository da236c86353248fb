"""Removes everything that a program leaves behind, and checks that nothing is left."""

import contextlib
import errno
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator

from apigauge.sandboxes.worker import kernel

_PATIENCE = 5.0
_MAX_DEPTH_BYTES = 3_000


def everyone_else() -> list[int]:
    """All processes of this PID namespace except the first, which is the supervisor."""
    return [pid for pid in kernel.pids() if pid != 1]


def descendants() -> list[int]:
    """All descendants of this process; orphans are its children, since it is their subreaper."""
    below, waiting = [], [os.getpid()]
    while waiting:
        children = list(_children(waiting.pop()))
        below += children
        waiting += children
    return below


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def kill_all(everyone: Callable[[], list[int]], *, alone: bool, rest: Callable[[float], object] = time.sleep) -> bool:
    """Kills and reaps every process of a program; returns whether none is left.

    Args:
        everyone: lists them.
        alone: whether the PID namespace holds only this process and the program's, so that one call kills them all at
            once, including those that are being forked at this moment.
        rest: waits so many seconds at most, or until a process has ended.
    """
    deadline = time.monotonic() + _PATIENCE
    pause = 0.001
    while True:
        if alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for pid in everyone():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        # Orphans become this process's children; only what has come from elsewhere into the namespace is none.
        if not _reap() and not everyone():
            return True
        if time.monotonic() > deadline:
            return False
        rest(pause)
        pause = min(2 * pause, 0.01)


def _reap() -> bool:
    """Reaps what has ended; returns whether there is still a child."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def entries(folders: list[str]) -> dict[str, frozenset[str]]:
    """The names in each folder."""
    return {folder: frozenset(os.listdir(folder)) for folder in folders}


def modes(folders: list[str]) -> dict[str, int]:
    """The permissions of each folder."""
    return {folder: stat.S_IMODE(os.stat(folder).st_mode) for folder in folders}


def restore(kept: dict[str, frozenset[str]], permissions: dict[str, int]) -> None:
    """Removes what has come into folders since :func:`entries`, and gives them the permissions of :func:`modes`."""
    for folder, names in kept.items():
        with contextlib.suppress(OSError):
            _empty(folder, names, time.monotonic() + _PATIENCE)
        with contextlib.suppress(OSError):  # a folder of another user's is as it was
            os.chmod(folder, permissions[folder])


class Folders:
    """The folders that a program can write to, emptied as the user who filled them.

    The supervisor takes on that user's id meanwhile, so it needs no capability to override permissions; no process of
    that user is alive.
    """

    def __init__(self, folders: list[str]) -> None:
        # Entries that exist at the start stay: a Python that is installed below /tmp is visible there.
        self._folders = entries(folders)
        self._inodes = self._used()
        self._objects = kernel.shared_objects()

    def empty(self, user: int | None) -> bool:
        """Empties them; returns whether they are empty and no deleted file is still open."""
        if user is not None:
            os.seteuid(user)
        try:
            for folder, kept in self._folders.items():
                with contextlib.suppress(OSError):  # not its own, so it cannot have changed the permissions
                    os.chmod(folder, 0o1777)  # noqa: S103 - as it was mounted
                _empty(folder, kept, time.monotonic() + _PATIENCE)
        finally:
            if user is not None:
                os.seteuid(0)
        try:
            empty = all(set(os.listdir(folder)) == kept for folder, kept in self._folders.items())
        except OSError:
            return False
        return empty and self._used() == self._inodes and kernel.shared_objects() == self._objects

    def _used(self) -> list[int]:
        counts = []
        for folder in self._folders:
            # On a file system that is shared with other programs the number of files means nothing.
            if os.path.ismount(folder):
                facts = os.statvfs(folder)
                counts.append(facts.f_files - facts.f_ffree)
        return counts


def _empty(folder: str, kept: frozenset[str], deadline: float) -> None:
    """Removes everything in a folder except some names; moves what is nested too deeply to the top first."""
    spare = 0
    waiting = [folder]
    while waiting and time.monotonic() < deadline:
        here = waiting[-1]
        deeper = False
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(here)):
                if here == folder and entry.name in kept:
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                try:
                    os.rmdir(entry.path)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    path = entry.path
                    os.chmod(path, 0o700)
                    if len(path) > _MAX_DEPTH_BYTES:
                        spare += 1
                        path = os.path.join(folder, f".moved-{spare}")
                        os.rename(entry.path, path)
                    waiting.append(path)
                    deeper = True
        if not deeper:
            waiting.pop()
            if here != folder:
                with contextlib.suppress(OSError):
                    os.rmdir(here)
