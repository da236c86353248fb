"""The parts of the cache: what each is, how much it takes, when it was last used, and how it is removed.

A part is one unit of removal: an answer, a site's entries, a virtual environment, a hub, an image, a set of wheels.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs

from apigauge.errors import SandboxError

# In the order of lists. What `prune` removes without --kind, and what each is.
KINDS = {
    "completions": "answers of models, by all that they depend on",
    "reports": "what pages of earlier reports were made of",
    "ceilings": "what references reach in a sandbox",
    "environments": "virtual environments of the process sandbox",
    "hubs": "stand-in hubs and live ones",
    "images": "images of environments, on the engine",
    "wheelhouse": "packages that images and environments are built from",
}
# Never removed by `prune` but by name: they are fetched, or say what a name such as pandas==2.3 means here.
KEPT = {
    "benchmarks": "benchmarks that `apigauge benchmarks fetch` converted",
    "gorilla": "files that `apigauge benchmarks fetch` downloaded",
    "made-environments": "the locks of environments made from packages",
    "remote": "runs at addresses; what has not been copied there stays",
}
_ENGINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of removal.

    Attributes:
        kind: a key of ``KINDS`` or ``KEPT``.
        name: for lists.
        size: in bytes.
        used: when it was last used, or written where use is not noted; seconds since 1970.
        path: its file or folder; None for an image.
        locks: of those who use or build it; all must be free for its removal.
        remove: removes it.
    """

    kind: str
    name: str
    size: int
    used: float
    path: Path | None
    locks: tuple[Path, ...]
    remove: Callable[[], None]


def root() -> Path:
    """The folder of the cache."""
    return platformdirs.user_cache_path("apigauge")


def parts(kinds: "tuple[str, ...] | None" = None) -> Iterator[Part]:
    """The parts of the cache.

    Args:
        kinds: only these; all by default. The engine is asked only for images; without one there are none.
    """
    for kind in kinds or (*KINDS, *KEPT):
        if kind == "images":
            yield from _images()
        elif kind == "completions":
            yield from _files(kind, "??/*.json")
        elif kind == "ceilings":
            yield from _files(kind, "*.json")
        elif kind == "remote":
            yield from _journals()
        else:
            yield from _folders(kind)


def _files(kind: str, pattern: str) -> Iterator[Part]:
    for path in (root() / kind).glob(pattern):
        with contextlib.suppress(OSError):  # removed meanwhile
            status = path.stat()
            name = str(path.relative_to(root() / kind))
            yield Part(kind, name, status.st_size, status.st_mtime, path, (), _unlink(path))


def _folders(kind: str) -> Iterator[Part]:
    from apigauge.sandboxes.in_use import last_used, lock_of

    folder = root() / kind
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name == "lock":
            continue
        locks = [lock_of(str(path))]
        if kind == "environments":
            locks.append(folder / "lock")  # one is being made
        if kind in ("wheelhouse", "hubs", "made-environments"):
            locks.append(root() / "build.lock")
        with contextlib.suppress(OSError):
            used = last_used(str(path)) or path.stat().st_mtime
            yield Part(kind, path.name, size_of(path), used, path, tuple(locks), _remove_folder(path))


def _journals() -> Iterator[Part]:
    """Runs at addresses; not those of which something has not been copied."""
    from apigauge.harness.evaluation import addresses, copies, remote

    for note in sorted(addresses.root().rglob(copies.NOTE)):
        folder = note.parent
        with contextlib.suppress(OSError):
            files = [one for one in folder.iterdir() if one.is_file()]
            size, used = sum(one.stat().st_size for one in files), max(one.stat().st_mtime for one in files)
            locks = (folder / ".lock", folder / remote.LOCK)
            if remote.is_copied(folder):
                name = str(addresses.address_of(folder))
                yield Part("remote", name, size, used, folder, locks, partial(_remove_files, folder))


def _remove_files(folder: Path) -> None:
    """Removes the files of a folder, which may have folders with files that stay."""
    for one in folder.iterdir():
        if one.is_file():
            one.unlink()


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; a file with several names counts once."""
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size
    visited: set[tuple[int, int]] = set()
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - hundreds of thousands of files
                if (status.st_dev, status.st_ino) not in visited:
                    visited.add((status.st_dev, status.st_ino))
                    total += status.st_size
    return total


def _unlink(path: Path) -> Callable[[], None]:
    return lambda: path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
            return
        # Under another name first: what is half removed must not be taken for what it was.
        doomed = path.with_name(f".{path.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        path.rename(doomed)
        for folder, _, _ in os.walk(doomed):
            Path(folder).chmod(0o700)  # hubs are read-only
        shutil.rmtree(doomed)

    return remove


def _images() -> Iterator[Part]:
    """The images that apigauge built, by label; the engine itself refuses to remove one that a container uses."""
    import requests
    from docker.errors import DockerException

    from apigauge.sandboxes.build import ENVIRONMENT_LABEL
    from apigauge.sandboxes.engine import connect
    from apigauge.sandboxes.in_use import last_used, lock_of

    try:
        client = connect(_ENGINE_SECONDS)
    except SandboxError:
        return
    try:
        for image in client.images.list(filters={"label": ENVIRONMENT_LABEL}):
            for tag in image.tags:
                used = last_used(tag) or _built(image)
                locks = (lock_of(tag), root() / "build.lock")
                yield Part("images", tag, int(image.attrs["Size"]), used, None, locks, _remove_image(tag))
    except (DockerException, requests.RequestException):
        return
    finally:
        client.close()


def _built(image: Any) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(image.attrs["Created"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0


def _remove_image(tag: str) -> Callable[[], None]:
    def remove() -> None:
        from docker.errors import DockerException, ImageNotFound

        from apigauge.sandboxes.engine import connect

        with contextlib.closing(connect(_ENGINE_SECONDS)) as client, contextlib.suppress(ImageNotFound):
            try:
                client.images.remove(tag)
            except DockerException as error:
                if isinstance(error, ImageNotFound):
                    raise
                raise SandboxError(f"{tag}: the engine does not remove it ({error})") from error

    return remove
