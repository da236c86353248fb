"""Completions that were made before, by all that they depend on.

An entry's name is a digest of the engine's identity (weights, adapter, dtype, engine and version), the sampling, the
answer's seed and the prompt. Each is one small file that is put into place in one step: two runs may write at once, and
a run that is killed leaves no half entry.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

from apigauge.harness.generation.types import Answer


def folder() -> Path:
    """Where completions are kept."""
    return platformdirs.user_cache_path("apigauge") / "completions"


class Cache:
    """Completions of one engine and sampling.

    Args:
        identity: what all of its completions depend on; must go into JSON.
        root: where they are kept.
    """

    def __init__(self, identity: dict[str, Any], root: Path | None = None) -> None:
        self._identity = json.dumps(identity, sort_keys=True)
        self._root = root or folder()
        logging.getLogger(__name__).debug("completions are cached in %s", self._root)

    def get(self, prompt: str, seed: int | None) -> Answer | None:
        """What was answered to the prompt with this seed; None if nothing was, or the entry cannot be read."""
        try:
            kept = json.loads(self._path(prompt, seed).read_bytes())
            return Answer(kept["text"], kept["finish_reason"], kept["prompt_tokens"], kept["completion_tokens"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, prompt: str, seed: int | None, answer: Answer) -> None:
        """Keeps an answer; a full or read-only disk is no reason to stop."""
        path = self._path(prompt, seed)
        text = json.dumps(answer._asdict(), ensure_ascii=False).encode("utf-8", "surrogatepass")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                file.write(text)
            os.replace(file.name, path)  # noqa: PTH105 - one step

    def _path(self, prompt: str, seed: int | None) -> Path:
        digest = hashlib.sha256(json.dumps([self._identity, seed, prompt]).encode()).hexdigest()
        return self._root / digest[:2] / f"{digest[2:]}.json"
