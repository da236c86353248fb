"""The cache of completions: earlier answers, by everything that they depend on.

The cache key is a digest of the engine's identity (weights, adapter, dtype, engine and version), the sampling, the
answer's seed and the prompt. Each entry is one small file, written atomically: two runs may write at the same time, and
a run that is killed leaves no partial entry.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from apigauge.harness.generation.types import Answer


def folder() -> Path:
    """Where completions are cached."""
    return platformdirs.user_cache_path("apigauge") / "completions"


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
        logging.getLogger(__name__).debug("completions are cached in %s", self._root)

    def get(self, prompt: str, seed: int | None) -> Answer | None:
        """The cached answer to the prompt with this seed; None if there is none, or it cannot be read."""
        try:
            entry = json.loads(self._path(prompt, seed).read_bytes())
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
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                file.write(text)
            os.replace(file.name, path)  # noqa: PTH105 - atomic

    def _path(self, prompt: str, seed: int | None) -> Path:
        digest = hashlib.sha256(json.dumps([self._identity, seed, prompt]).encode()).hexdigest()
        return self._root / digest[:2] / f"{digest[2:]}.json"
