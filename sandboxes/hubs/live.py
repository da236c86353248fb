"""The real hub for programs without a network: the host fetches what a program lacked, and runs the program again.

Only the host connects to the hub and writes to the cache, so a program can neither reach the network nor leave anything
for the next program. Fetched files are data and never run on the host; a Torch Hub repository's code runs in the
sandbox.
"""

import ast
import hashlib
import io
import os
import re
import tarfile
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes.hubs import Hub
from apigauge.sandboxes.verdict import NOTHING, Limits, Program, Sandbox, Verdict

_LACKS = frozenset({"hub_not_found", "input", "network"})
# Enough for a repository, its base model, its tokenizer and its weights; more rounds would be a program in a loop.
_ROUNDS = 6
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
CAVEAT = "models come from the hub as it is now: a later run may find others"


class LiveSandbox:
    """A sandbox whose programs can load everything on the hub.

    Args:
        sandbox: where programs run; its hub's folder is filled.
        hub: in mode ``live``.
        endpoint: the hub's address; by default the real hub.
    """

    def __init__(self, sandbox: Sandbox, hub: Hub, endpoint: str | None = None) -> None:
        self._sandbox = sandbox
        self.concurrency = sandbox.concurrency
        self._fetcher: Any = _FETCHERS[hub.name](hub.folder, endpoint)
        self._tried: set[str] = set()
        self._one = threading.Lock()

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs a program, again each time that something new could be fetched for it."""
        verdict = self._sandbox.run(program, limits)
        for _ in range(_ROUNDS):
            try:
                if verdict.category not in _LACKS or not self._fetch(program, verdict):
                    break
            except SandboxError as error:  # a failure of the hub or the network, not of the program
                return Verdict("infra", NOTHING, None, str(error), verdict.evidence)
            verdict = self._sandbox.run(program, limits)
        return verdict

    def _fetch(self, program: Program, verdict: Verdict) -> bool:
        """Fetches what a program lacked; returns whether anything new was fetched."""
        with self._one:
            missing = [name for name in self._fetcher.missing(program, verdict) if name not in self._tried]
            self._tried.update(missing)
            fetched = [self._fetcher.fetch(name) for name in missing]  # every one: a program may need them all
            return any(fetched)

    def describe(self) -> dict[str, Any]:
        """As its sandbox, with this mode's caveat."""
        about = self._sandbox.describe()
        return about | {"caveats": [*about["caveats"], CAVEAT]}

    def close(self) -> None:
        """Closes the sandbox; fetched files stay."""
        self._sandbox.close()


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
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            self._library.snapshot_download(
                name, cache_dir=self._folder, endpoint=self._endpoint, ignore_patterns=_NOT_NEEDED
            )
        except (HfHubHTTPError, HFValidationError):
            return False
        except OSError as error:
            raise SandboxError(f"--hub live: {name} cannot be fetched ({error}).") from error
        return True


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
            data = _get(match[1])
            if data is not None:
                _write(self._folder / "checkpoints" / PurePosixPath(match[2]).name, data)
            return data is not None
        repository, _, reference = name.partition(":")
        return any(self._repository(repository, one) for one in ([reference] if reference else ["main", "master"]))

    def _repository(self, repository: str, reference: str) -> bool:
        data = _get(f"{self._endpoint}/{repository}/archive/{reference}.zip")
        if data is None:
            return False
        place = self._folder / f"{repository}_{reference}".replace("/", "_")
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(scratch)  # noqa: S202 - zipfile itself keeps names inside the folder
            root = next(path for path in Path(scratch).iterdir() if path.is_dir())
            _readable(root)
            if not place.exists():
                root.rename(place)
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
        data = _get(f"{name}?tf-hub-format=compressed")
        if data is None:
            return False
        place = self._folder / hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            root = Path(scratch, "model")
            root.mkdir()
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(root, filter="data")
            _readable(root)
            if not place.exists():
                root.rename(place)
        return True


_FETCHERS = {"huggingface": HuggingFace, "tensorflowhub": TensorFlowHub, "torchhub": TorchHub}


def _get(url: str) -> bytes | None:
    """The content at an address; None if there is none.

    Raises:
        SandboxError: the host cannot be reached.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the user chose --hub live
            return bytes(answer.read())
    except urllib.error.HTTPError:
        return None
    except OSError as error:
        host = urllib.parse.urlsplit(url).netloc
        raise SandboxError(f"--hub live: {host} cannot be reached ({error}).") from error


def _strings(program: Program) -> Iterable[str]:
    """The literal strings of a program."""
    try:
        nodes = list(ast.walk(ast.parse(program.source)))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _write(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    os.replace(file.name, path)  # noqa: PTH105 - atomic


def _readable(root: Path) -> None:
    """Make everything readable: programs run as other users."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
