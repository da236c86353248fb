"""A checkpoint's files on this machine, and the name and revision that identify it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks import mini
from apigauge.errors import ModelError

# The checkpoint that comes with apigauge.
SHIPPED = "apigauge-mini"
_TEXTS = ("*.json", "*.model", "*.txt", "*.jinja", "*.py", "*.tiktoken")
_WEIGHTS = ("*.safetensors",), ("*.bin",)
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files and identity.

    Attributes:
        name: the id as given, or a local folder's name.
        folder: where the files are.
        revision: the hub's commit; for a local folder ``sha256:`` and the digest of its files.
    """

    name: str
    folder: Path
    revision: str

    def describe(self) -> dict[str, str]:
        """For the manifest."""
        return {"model": self.name, "revision": self.revision}

    def config(self) -> dict[str, Any]:
        """``config.json``.

        Raises:
            ModelError: the file is missing or cannot be read.
        """
        return _read_json(self.folder / "config.json", f"{self.name} is no checkpoint of transformers")

    def quantization(self) -> str | None:
        """How the weights are quantised, as transformers calls it (``gptq``, ``awq``, ...); None if they are not.

        Raises:
            ModelError: the configuration cannot be read.
        """
        settings = self.config().get("quantization_config")
        if not isinstance(settings, dict):
            return None
        method = settings.get("quant_method")
        if not method and (settings.get("load_in_4bit") or settings.get("load_in_8bit")):
            method = "bitsandbytes"  # as its first versions wrote it
        return str(method or "a way that its configuration does not name")

    def end_ids(self) -> set[int]:
        """The tokens that end an answer, by the settings of generation or, without those, of the model."""
        for name in ("generation_config.json", "config.json"):
            try:
                value = _read_json(self.folder / name, self.name).get("eos_token_id")
            except ModelError:
                continue
            if value is not None:
                return {token for token in (value if isinstance(value, list) else [value]) if isinstance(token, int)}
        return set()

    def has_code(self) -> bool:
        """Whether Python code among the files is part of the model or its tokenizer."""
        for name in ("config.json", "tokenizer_config.json"):
            try:
                if _read_json(self.folder / name, self.name).get("auto_map"):
                    return True
            except ModelError:
                continue
        return False

    def code_refusal(self) -> str:
        """Why code among the files is not run, for an error."""
        return (
            f"{self.name} comes with Python code of its own, which would run on this machine with all your rights: "
            "read it, then give --trust-remote-code"
        )


def described_code(is_trusted: bool, *parts: Checkpoint | None) -> dict[str, bool]:
    """For the manifest: that code among the files was allowed to run, if there is any."""
    return {"trust_remote_code": True} if is_trusted and any(part.has_code() for part in parts if part) else {}


def find(name: str) -> Checkpoint:
    """The checkpoint of a path, of ``SHIPPED``, or of an id of the hub (``ID[@REVISION]``), downloaded if necessary.

    Raises:
        ModelError: there is no such checkpoint, or the hub cannot be reached.
    """
    if name == SHIPPED:
        return Checkpoint(name, mini.CHECKPOINT, f"sha256:{_folder_digest(mini.CHECKPOINT)}")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Checkpoint(folder.resolve().name, folder, f"sha256:{_folder_digest(folder)}")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: there is no such folder")
    repo, _, revision = name.partition("@")
    folder = _fetch(repo, revision or None)
    return Checkpoint(repo, folder, folder.name)


def name_of(name: str) -> str:
    """The name that :func:`find` gives the checkpoint, without looking for its files on the hub."""
    folder = Path(name).expanduser()
    return folder.resolve().name if name != SHIPPED and folder.is_dir() else name.partition("@")[0]


def _fetch(repo: str, revision: str | None) -> Path:
    """The snapshot of a repository; the texts first, then the weights in the first format that it has."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=list(_TEXTS)))
        for patterns in _WEIGHTS:
            snapshot_download(repo, revision=folder.name, allow_patterns=list(patterns))
            if any(path for pattern in patterns for path in folder.glob(pattern)):
                break
    except GatedRepoError as error:
        raise ModelError(
            f"{repo}: its owner requires consent; accept on the hub and log in (`hf auth login`)"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        at = f" at {revision}" if revision else ""
        raise ModelError(
            f"{repo}{at}: neither a folder here nor a model of the hub (a private one needs `hf auth login`)"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{repo}: the hub cannot be reached and the checkpoint is not in this machine's cache. Give the path of a "
            f"folder with its files instead (`hf download {repo} --local-dir DIR` on a machine with a network)."
        ) from error
    return folder


def _folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files, hidden ones excepted."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
            total.update(f"{name}\0{digest.hexdigest()}\n".encode())
    return total.hexdigest()


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{otherwise}: it has no {path.name}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{otherwise}: {path.name} cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ModelError(f"{otherwise}: {path.name} is no JSON object")
    return value
