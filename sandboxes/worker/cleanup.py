"""Nothing of a program is left, and the proof of it."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Iterator

from apigauge.sandboxes.worker import kernel

_PATIENCE = 5.0
_MAX_DEPTH_BYTES = 3_000


def everyone_else() -> list[int]:
    """All processes of this PID namespace but its first, which is the supervisor."""
    return [pid for pid in kernel.pids() if pid != 1]


def descendants() -> list[int]:
    """All processes below this one, however deep; orphans among them are its children (it is their subreaper)."""
    found, waiting = [], [os.getpid()]
    while waiting:
        children = list(_children(waiting.pop()))
        found += children
        waiting += children
    return found


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def kill_all(everyone: Callable[[], list[int]], *, alone: bool) -> bool:
    """Kills and reaps every process of a program; whether none is left.

    Args:
        everyone: lists them.
        alone: whether they are all there is beside this process (its PID namespace is the program's), so that one call
            reaches them all at once, those included which are being forked at this moment.
    """
    deadline = time.monotonic() + _PATIENCE
    pause = 0.0001
    while True:
        if alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        for pid in everyone():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        if not everyone():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.01)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Folders:
    """The places a program can write to, emptied by the user who filled them.

    The supervisor takes on that user's id for the while: it needs no capability to override permissions, and no process
    of that user is alive.
    """

    def __init__(self, folders: list[str]) -> None:
        # What is there from the start (where a Python is shown that lives below /tmp) stays.
        self._folders = {folder: frozenset(os.listdir(folder)) for folder in folders}
        self._inodes = self._used()
        self._objects = kernel.shared_objects()

    def empty(self, user: int | None) -> bool:
        """Empties them; whether they are, and no file lives on without a name."""
        if user is not None:
            os.seteuid(user)
        try:
            for folder, kept in self._folders.items():
                with contextlib.suppress(OSError):  # not its own: then it cannot have closed it either
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
        found = []
        for folder in self._folders:
            # Where a program shares a file system with others its number of files says nothing.
            if os.path.ismount(folder):
                facts = os.statvfs(folder)
                found.append(facts.f_files - facts.f_ffree)
        return found


def _empty(folder: str, kept: frozenset[str], deadline: float) -> None:
    """Removes all there is in a folder, but for some names in it, by moving what is too deep to the top first."""
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
