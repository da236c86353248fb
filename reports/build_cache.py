"""What earlier builds of a site computed: rows read and joined, pairs compared, and which files came of which inputs.

It lies in the user's cache folder, a folder for each site, and not in the site: a site is what is published, and may
come from somebody else. An entry's name is a digest of all that it depends on, our own code included; its last line is
the digest of name and content, so that what is damaged, or was renamed, is computed anew.
"""

import contextlib
import functools
import hashlib
import itertools
import json
import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs

_PACKAGE = Path(__file__).parents[1]
_CODE = {".py", ".html", ".js", ".css", ".json"}
_LIBRARIES = ("jinja2", "markupsafe", "matplotlib", "numpy")
# What no build has used for so long goes, and of what is left the oldest beyond so much.
KEPT_DAYS, LARGEST = 30, 2_000_000_000
# Of a list that is written, so many values at once.
_PART = 10_000


class BuildCache:
    """Entries of one site; of which those that a build did not use are removed after it."""

    def __init__(self, folder: Path | None) -> None:
        """Opens a cache.

        Args:
            folder: where it lies; None for one that keeps nothing.
        """
        self._folder = folder
        self._used: set[str] = set()

    def read(self, kind: str, inputs: Any) -> Any:
        """What was written under the same inputs, which can be put into JSON; None if that is not whole."""
        name = _name(kind, inputs)
        self._used.add(name)
        if not self._folder:
            return None
        try:
            content, _, end = (self._folder / name).read_bytes().rpartition(b"\n")
        except OSError:
            return None
        return json.loads(content) if end == _end(name, content) else None

    def write(self, kind: str, inputs: Any, value: Any) -> None:
        """Keeps a value that JSON can hold; not where the folder cannot be written, which costs time only."""
        if not self._folder:
            return
        name = _name(kind, inputs)
        self._used.add(name)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / name, _signed(name, value))

    def prune(self) -> None:
        """Removes what has been neither read nor written, and the caches of sites that nobody builds any more."""
        if not self._folder:
            return
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in self._used:
                    path.unlink()
            _remove_old(self._folder)
        self.keep()

    def keep(self) -> None:
        """Notes that the cache is in use."""
        with contextlib.suppress(OSError):
            if self._folder:
                os.utime(self._folder)


NO_CACHE = BuildCache(None)


def cache_of(site: Path) -> BuildCache:
    """The cache of the site in a folder."""
    return BuildCache(_place(hashlib.sha256(str(site.resolve()).encode("utf-8", "surrogateescape")).hexdigest()))


def shared_cache() -> BuildCache:
    """The cache of what depends on our own code only."""
    return BuildCache(_place(f"code-{code_digest()}"))


def _place(name: str) -> Path:
    return platformdirs.user_cache_path("apigauge") / "reports" / name[:24]


def _remove_old(used: Path) -> None:
    """Of the caches next to one that is used, removes those that are too old or too large together."""
    others = [path for path in used.parent.iterdir() if path != used and path.is_dir() and not path.is_symlink()]
    newest_first = sorted(((path.stat().st_mtime, path) for path in others), reverse=True)
    room = LARGEST - _size(used)
    for modified, path in newest_first:
        room -= _size(path)
        if room < 0 or modified < time.time() - KEPT_DAYS * 86_400:
            shutil.rmtree(path, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Replaces a file: a reader sees the old one or the new one, whole.

    Args:
        path: the file.
        content: all of it, or its parts.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def digest_of(value: Any) -> str:
    """The digest of what JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@functools.cache
def code_digest() -> str:
    """Of our own code, and of what else the bytes of a page depend on."""
    digest = hashlib.sha256(" ".join([platform.python_version(), *map(metadata.version, _LIBRARIES)]).encode())
    for folder in ("reports", "harness", "benchmarks"):
        for path in sorted((_PACKAGE / folder).rglob("*")):
            if path.suffix in _CODE and path.is_file():
                digest.update(f"\n{path.relative_to(_PACKAGE)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _name(kind: str, inputs: Any) -> str:
    return f"{kind}-{digest_of([code_digest(), inputs])}"


def _end(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + content).hexdigest().encode()


def _signed(name: str, value: Any) -> Iterator[bytes]:
    """What a file of the cache holds, in parts: a column of a million values as one text would take memory."""
    digest = hashlib.sha256(name.encode() + b"\n")
    for part in _json(value):
        digest.update(part)
        yield part
    yield b"\n" + digest.hexdigest().encode()


def _json(value: Any) -> Iterator[bytes]:
    if isinstance(value, Mapping) and value:
        for before, (key, one) in zip(itertools.chain("{", itertools.repeat(",")), value.items(), strict=False):
            yield f"{before}{json.dumps(key)}:".encode()
            yield from _json(one)
        yield b"}"
    elif isinstance(value, list) and len(value) > _PART:
        for at in range(0, len(value), _PART):
            text = json.dumps(value[at : at + _PART], separators=(",", ":"))
            yield ("," if at else "[").encode() + text[1:-1].encode()
        yield b"]"
    else:
        yield json.dumps(value, separators=(",", ":")).encode()
