"""Which parts of the cache are in use: a lock for each, held while a process needs it; its time says when that was.

``apigauge cache prune`` removes nothing whose lock it cannot take for itself.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

# What this process uses until it ends.
_held: dict[Path, int] = {}


def lock_of(name: str) -> Path:
    """The lock of a part of the cache, by its path or an image's tag."""
    return platformdirs.user_cache_path("apigauge") / "locks" / hashlib.sha256(name.encode()).hexdigest()[:32]


def hold(name: str) -> None:
    """Holds a part of the cache until this process ends; where no lock can be written, nothing is held.

    It waits while the part is being removed, so look for the part afterwards.
    """
    path = lock_of(name)
    if path in _held:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            os.ftruncate(descriptor, 1)  # unlike one that only `taken` made
            os.utime(path)
        except OSError:
            os.close(descriptor)
            raise
        _held[path] = descriptor


def last_used(name: str) -> float | None:
    """When a process began to use it, in seconds since 1970; None if that was never noted."""
    try:
        status = lock_of(name).stat()
    except OSError:
        return None
    return status.st_mtime if status.st_size else None


@contextlib.contextmanager
def taken(path: Path) -> Iterator[bool]:
    """Takes a lock for itself, so that nobody begins to use what it guards; whether that was possible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
