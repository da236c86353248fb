"""The cache of completions: earlier answers, by everything that they depend on.

The cache key is a digest of the engine's identity (weights, adapter, dtype, engine and version), the sampling, the
answer's seed and the prompt. Each entry is one small file, written atomically: two runs may write at the same time, and
a run that is killed leaves no partial entry.
"""

import contextlib
import hashlib
import json
import logging
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from apigauge.errors import UsageError
from apigauge.harness.generation.types import Answer

# Entries lie in folders by the first byte of their digest; every so many entries written, one folder is looked at.
_FOLDERS, _LOOK_EVERY = 256, 200


def folder() -> Path:
    """Where completions are cached."""
    return platformdirs.user_cache_path("apigauge") / "completions"


def most_bytes() -> int:
    """The most that the cache may take: ``$APIGAUGE_CACHE_GB``, 5 by default.

    Raises:
        UsageError: the variable is no number above 0.
    """
    text = os.environ.get("APIGAUGE_CACHE_GB", "") or "5"
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size < math.inf:
        raise UsageError(f"APIGAUGE_CACHE_GB={text}: give a number of gigabytes above 0")
    return int(size * 1e9)


def shrink(folder: Path, most: int) -> None:
    """Removes the entries of one of the cache's folders that have not been used for longest, until a tenth is free.

    Entries are spread over the folders by their digests, so that each folder has about the same share of the whole.
    """
    with os.scandir(folder) as entries:
        files = sorted((one.stat().st_mtime, one.stat().st_size, one.path) for one in entries if one.is_file())
    total = sum(size for _, size, _ in files)
    if total <= most:
        return
    for _, size, path in files:
        if total <= 0.9 * most:
            return
        Path(path).unlink(missing_ok=True)
        total -= size


class Entry(NamedTuple):
    """A cached completion: its file, the file's size in bytes, and the model that it is of, if the entry says so."""

    path: Path
    size: int
    model: str


def entries(root: Path | None = None) -> Iterator[Entry]:
    """All cached completions, those that cannot be read too.

    Args:
        root: the folder of the cache; the user's cache folder by default.
    """
    for path in sorted((root or folder()).glob("??/*.json")):
        try:
            content = path.read_bytes()
        except OSError:  # another process has just deleted it
            continue
        try:
            model = json.loads(content).get("model")
        except (ValueError, RecursionError, AttributeError):
            model = None
        yield Entry(path, len(content), model if isinstance(model, str) else "")


class Cache:
    """The completions of one engine and sampling.

    Args:
        identity: what all of its completions depend on; must be serialisable as JSON.
        root: the folder of the cache; the user's cache folder by default.
        model: the model's name in lists of what is cached.
    """

    def __init__(self, identity: dict[str, Any], root: Path | None = None, model: str = "") -> None:
        self._identity = json.dumps(identity, sort_keys=True)
        self._root = root or folder()
        self._model = model
        self._written = 0
        logging.getLogger(__name__).debug("completions are cached in %s", self._root)

    def get(self, prompt: str, seed: int | None) -> Answer | None:
        """The cached answer to the prompt with this seed; None if there is none, or it cannot be read."""
        path = self._path(prompt, seed)
        try:
            entry = json.loads(path.read_bytes())
            with contextlib.suppress(OSError):
                os.utime(path)  # the longest unused are removed first
            if not entry["text"] and "reasoning" not in entry:
                return None  # stored before reasoning was, which may be all that there was
            return Answer(
                entry["text"],
                entry["finish_reason"],
                entry["prompt_tokens"],
                entry["completion_tokens"],
                entry.get("reasoning", ""),
                tuple(entry.get("left_out", ())),
                tuple((usual, other) for usual, other in entry.get("renamed", ())),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, prompt: str, seed: int | None, answer: Answer) -> None:
        """Stores an answer; that a disk is full or read-only is not an error."""
        path = self._path(prompt, seed)
        entry = answer._asdict() | {"model": self._model}
        del entry["first_tokens"]
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                file.write(text)
            os.replace(file.name, path)  # noqa: PTH105 - atomic
            self._written += 1
            if self._written % _LOOK_EVERY == 0:
                shrink(path.parent, most_bytes() // _FOLDERS)

    def _path(self, prompt: str, seed: int | None) -> Path:
        digest = hashlib.sha256(json.dumps([self._identity, seed, prompt]).encode()).hexdigest()
        return self._root / digest[:2] / f"{digest[2:]}.json"
