"""Fetches one model from a real hub into a folder: what ``--hub live`` runs on the host, as a process of its own.

A process, because only that can be ended at any moment: a hub that sends a byte a minute keeps every timeout of a read.
Fetched files are data and never run here.

Kept on purpose:

- That a model does not exist is known only from an answer that says so. Everything else (429, 5xx, a broken connection)
  is the hub's or the network's failure, and is not remembered.
- No more than ``LARGEST_BYTES`` are fetched or unpacked for one name.
"""

import ast
import contextlib
import hashlib
import http.client
import json
import os
import re
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from apigauge.errors import SandboxError
from apigauge.sandboxes.verdict import Program, Verdict

LARGEST_BYTES = 10_000_000_000
# What a folder's name begins with while something is fetched into it, before the process's number.
SCRATCH = ".fetching-"
_TIMEOUT_SECONDS = 60
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(?::[\w./-]+)?")
_LEGACY_NAME = re.compile(r"[a-z][\w-]{2,60}")
# Addresses in the line that torch.hub prints before it fetches weights. A program can print such a line too, so only
# hosts that really have weights are contacted.
_WEIGHTS = (
    "https://dl.fbaipublicfiles.com/",
    "https://download.pytorch.org/",
    "https://github.com/",
    "https://huggingface.co/",
)
_DOWNLOADING = re.compile(r'Downloading: "(https?://[^"]+)" to (\S+)')
_NOT_NEEDED = ["*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "*.mlmodel", "flax_model*", "tf_model*"]
# Of the client's errors those that say nothing of what the hub has.
_TEMPORARY = frozenset({408, 409, 425, 429})


class UnavailableError(Exception):
    """The hub or the network failed; a later attempt may succeed."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class TooLargeError(Exception):
    """What was named is larger than is fetched."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"has {size / 1e9:.1f} GB or more, and at most {LARGEST_BYTES / 1e9:g} GB are fetched; use --hub snapshot"
        )


class Fetcher(Protocol):
    """A hub from which models are fetched into its folder."""

    def __init__(self, folder: Path, endpoint: str | None) -> None: ...

    def missing(self, program: Program, verdict: Verdict) -> Iterator[str]:
        """The names of what a program may have lacked."""
        ...

    def fetch(self, name: str) -> bool:
        """Fetches it; False if the hub does not have it.

        Raises:
            UnavailableError: the hub or the network failed.
            TooLargeError: it is too large.
        """
        ...


class HuggingFace:
    """Fetches repositories with Hugging Face's own library, which also reports whether one exists."""

    def __init__(self, folder: Path, endpoint: str | None) -> None:
        try:
            import huggingface_hub
        except ImportError as error:
            raise SandboxError("--hub live needs huggingface_hub here: pip install 'apigauge[hf]'.") from error
        self._library: Any = huggingface_hub
        self._folder = folder
        self._endpoint = endpoint

    def missing(self, program: Program, verdict: Verdict) -> Iterator[str]:
        """Strings of the program that may be repositories: those in its failure's message, else all with an owner."""
        candidates = [text for text in _strings(program) if _REPOSITORY.fullmatch(text) or _LEGACY_NAME.fullmatch(text)]
        in_message = [text for text in candidates if text in verdict.reason]
        yield from dict.fromkeys(in_message or [text for text in candidates if "/" in text])

    def fetch(self, name: str) -> bool:
        """Downloads a repository without the formats that PyTorch does not read; False if it does not exist."""
        from huggingface_hub.errors import HFValidationError

        try:
            self._check_size(name)
            self._library.snapshot_download(
                name, cache_dir=self._folder, endpoint=self._endpoint, ignore_patterns=_NOT_NEEDED
            )
        except HFValidationError:
            return False
        except Exception as error:  # noqa: BLE001 - the library raises other errors in each version; they are chained
            self._refuse_unanswered(error)
            return False
        return True

    def _check_size(self, name: str) -> None:
        """Refuses a repository whose files are too large together."""
        api = self._library.HfApi(endpoint=self._endpoint)
        commit = api.repo_info(name, revision="main").sha
        files = api.list_repo_tree(name, recursive=True, revision=commit)
        needed = (file for file in files if not any(fnmatch(file.path, pattern) for pattern in _NOT_NEEDED))
        _check_size(sum(getattr(file, "size", 0) for file in needed))

    @staticmethod
    def _refuse_unanswered(error: BaseException) -> None:
        """Raises unless an error comes from an answer that the repository does not exist, or is not public.

        Raises:
            UnavailableError: there was no such answer.
            TooLargeError: if that is the error.
        """
        if isinstance(error, TooLargeError):
            raise error
        cause: BaseException | None = error
        while cause is not None:
            response: Any = getattr(cause, "response", None)
            if response is not None:
                _exists(response.status_code, response.headers, "the hub")
                return
            cause = cause.__cause__ or cause.__context__
        raise UnavailableError(f"the hub cannot be reached ({type(error).__name__}: {str(error)[:300]})") from error


class TorchHub:
    """Fetches repositories as GitHub's archives, and the weights that their code downloads."""

    def __init__(self, folder: Path, endpoint: str | None) -> None:
        self._endpoint = endpoint or "https://github.com"
        self._weights = (f"{endpoint}/",) if endpoint else _WEIGHTS
        self._folder = folder / "hub"
        # torch.hub would create these, and cannot: programs have the folder read-only.
        (self._folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (self._folder / "trusted_list").touch()

    def missing(self, program: Program, verdict: Verdict) -> Iterator[str]:
        """Addresses of weights that torch.hub tried to download, else the repositories that the program names."""
        matches = _DOWNLOADING.finditer(str(verdict.evidence.get("stderr", "")))
        downloads = [match[0] for match in matches if match[1].startswith(self._weights)]
        yield from downloads or [text for text in _strings(program) if _REPOSITORY.fullmatch(text)]

    def fetch(self, name: str) -> bool:
        """Downloads weights to where torch.hub looks for them, or a repository; False if they do not exist."""
        if match := _DOWNLOADING.fullmatch(name):
            with _downloaded(match[1], self._folder) as file:
                if file is not None:
                    file.chmod(0o644)
                    file.replace(self._folder / "checkpoints" / PurePosixPath(match[2]).name)
                return file is not None
        repository, _, reference = name.partition(":")
        return any(self._repository(repository, one) for one in ([reference] if reference else ["main", "master"]))

    def _repository(self, repository: str, reference: str) -> bool:
        place = self._folder / f"{repository}_{reference}".replace("/", "_")
        with _downloaded(f"{self._endpoint}/{repository}/archive/{reference}.zip", self._folder) as file:
            if file is None:
                return False
            root = file.with_name("repository")
            with zipfile.ZipFile(file) as archive:
                _check_size(sum(entry.file_size for entry in archive.infolist()))
                archive.extractall(root)  # noqa: S202 - zipfile itself keeps names inside the folder
            folders = [path for path in root.iterdir() if path.is_dir()]
            if not folders:
                raise zipfile.BadZipFile("the archive has no folder")
            _keep(folders[0], place)
        return True


class TensorFlowHub:
    """Fetches models as TensorFlow Hub's archives, under the names that its library uses in its cache."""

    def __init__(self, folder: Path, endpoint: str | None) -> None:
        self._folder = folder
        self._hosts = (endpoint,) if endpoint else ("https://tfhub.dev/", "https://www.kaggle.com/models/")

    def missing(self, program: Program, _verdict: Verdict) -> Iterator[str]:
        """The handles that the program names."""
        yield from (text for text in _strings(program) if text.startswith(self._hosts))

    def fetch(self, name: str) -> bool:
        """Downloads and unpacks a model; False if it does not exist."""
        place = self._folder / hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        with _downloaded(f"{name}?tf-hub-format=compressed", self._folder) as file:
            if file is None:
                return False
            root = file.with_name("model")
            root.mkdir()
            with tarfile.open(file) as archive:
                size = 0
                for entry in archive:
                    size += entry.size
                    _check_size(size)
                archive.extractall(root, filter="data")
            _keep(root, place)
        return True


FETCHERS: dict[str, type[Fetcher]] = {
    "huggingface": HuggingFace,
    "tensorflowhub": TensorFlowHub,
    "torchhub": TorchHub,
}


def _pause(headers: Any) -> float:
    """The seconds of a Retry-After; 0 if it is none."""
    text = str((headers or {}).get("Retry-After", "")).strip()
    return float(text) if text.isdecimal() else 0.0


def _exists(status: int, headers: Any, where: str) -> None:
    """Raises unless this status of an error says that there is nothing at an address.

    Raises:
        UnavailableError: it says something else: the hub is busy, broken, or limits requests (some do so by 403).
    """
    limited = status == 403 and (_pause(headers) or str((headers or {}).get("X-RateLimit-Remaining", "")) == "0")
    if status >= 500 or status in _TEMPORARY or limited:
        raise UnavailableError(f"{where} answers HTTP {status}", _pause(headers))


@contextlib.contextmanager
def _downloaded(url: str, folder: Path) -> Iterator[Path | None]:
    """A temporary file with the content at an address; None if there is none.

    Raises:
        UnavailableError: the host cannot be reached, fails, or breaks off.
        TooLargeError: the content is too large.
    """
    host = urllib.parse.urlsplit(url).netloc
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{SCRATCH}{os.getpid()}-") as scratch:
        content = Path(scratch, "content")
        file: Path | None = content
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the user chose --hub live
                _write_stream(answer, content)
        except urllib.error.HTTPError as error:
            _exists(error.code, error.headers, host)
            file = None
        except (http.client.InvalidURL, UnicodeError):  # as the program's own library would refuse it
            file = None
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"{host} cannot be reached ({error})") from error
        yield file


def _write_stream(answer: Any, file: Path) -> None:
    """Writes a response's body as far as it may be."""
    announced = answer.headers.get("Content-Length", "")
    expected = int(announced) if announced.isdecimal() else None
    size = expected or 0
    with file.open("wb") as out:
        written = 0
        while size <= LARGEST_BYTES and (block := answer.read1(1 << 20)):
            written += len(block)
            size = max(size, written)
            out.write(block)
    if size > LARGEST_BYTES:
        raise TooLargeError(size)
    if expected is not None and written < expected:
        raise OSError(f"it broke off after {written} of {expected} bytes")


def _check_size(size: int) -> None:
    if size > LARGEST_BYTES:
        raise TooLargeError(size)


def _strings(program: Program) -> Iterable[str]:
    """The literal strings of a program."""
    try:
        nodes = list(ast.walk(ast.parse(program.source)))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _readable(root: Path) -> None:
    """Make everything readable: programs run as other users."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _keep(root: Path, place: Path) -> None:
    """Moves an unpacked folder to where programs find it."""
    _readable(root)
    if not place.exists():
        root.rename(place)


def main(hub: str, folder: str, endpoint: str, name: str) -> dict[str, Any]:
    """What came of fetching one name, for the process that wants it."""
    try:
        return {"fetched": FETCHERS[hub](Path(folder), endpoint or None).fetch(name)}
    except UnavailableError as error:
        return {"unavailable": str(error), "pause": error.pause}
    except (TooLargeError, SandboxError) as error:
        return {"refused": str(error)}
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:  # a full disk, or what is no archive
        return {"unavailable": f"{type(error).__name__}: {error}", "pause": 0.0}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
