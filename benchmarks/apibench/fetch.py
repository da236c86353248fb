"""Downloads the upstream files at the pinned commit.

A file is written under a name that ends in ``.part`` and renamed once its digest is right; an interrupted download is
resumed.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from apigauge.errors import DataError

_RAW = "https://raw.githubusercontent.com"
_UPSTREAM = {
    "apibench": "data/apibench",
    "api": "data/api",
    "questions": "gorilla/eval/eval-data/questions",
    "responses": "gorilla/eval/eval-data/responses",
}
_NAMES_IN_APIBENCH = {"tensorflowhub": "tensorflow"}


class Source(NamedTuple):
    """One upstream file: its name in the data folder, its address, and its expected digest and size."""

    name: str
    url: str
    sha256: str
    size: int


@cache
def sources() -> dict[str, Any]:
    """``sources.json``: repository, commit, and the digest of every file."""
    text = Path(__file__).with_name("sources.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def files_of(hub: str, base_url: str = _RAW) -> list[Source]:
    """The files of one hub: evaluation and training rows, catalogue, questions, released answers."""
    repository, commit = sources()["repository"], sources()["commit"]
    files = []
    for name, facts in sources()["files"].items():
        folder, _, file = name.partition("/")
        owner = _NAMES_IN_APIBENCH.get(hub, hub) if folder == "apibench" else hub
        if f"_{owner}_" not in f"_{file}":
            continue
        inner = (
            f"{_UPSTREAM[folder]}/{hub}/{file}"
            if folder in ("questions", "responses")
            else f"{_UPSTREAM[folder]}/{file}"
        )
        url = f"{base_url}/{repository}/{commit}/{inner}"
        files.append(Source(name, url, facts["sha256"], facts["bytes"]))
    return files


def fetch_hub(hub: str, folder: Path, tick: Callable[[], None] = lambda: None, base_url: str = _RAW) -> list[str]:
    """Downloads the files of one hub that are missing or have a wrong digest.

    Returns:
        The names of the files downloaded now.

    Raises:
        DataError: a file cannot be reached or has a wrong digest. Files that were fetched before it stay.
    """
    import httpx

    fetched = []
    with httpx.Client(follow_redirects=True, timeout=30.0) as client:
        for source in files_of(hub, base_url):
            target = folder / source.name
            if not (target.is_file() and _file_sha256(target) == source.sha256):
                try:
                    _fetch(client, source, target)
                except (httpx.HTTPError, OSError) as error:
                    raise DataError(
                        f"{source.name} is not in {folder} and could not be fetched from {source.url} ({error}). "
                        "The part that arrived is kept. Run the command again with a network, or put the file there."
                    ) from error
                fetched.append(source.name)
            tick()
    return fetched


def _fetch(client: "Any", source: Source, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    size = part.stat().st_size if part.is_file() else 0
    if size < source.size:
        headers = (
            {"Range": f"bytes={size}-", "Accept-Encoding": "identity"} if size else {"Accept-Encoding": "identity"}
        )
        with client.stream("GET", source.url, headers=headers) as response:
            response.raise_for_status()
            resumed = response.status_code == 206
            with part.open("ab" if resumed else "wb") as file:
                for block in response.iter_bytes():
                    file.write(block)
    if (digest := _file_sha256(part)) != source.sha256:
        part.unlink()
        raise DataError(
            f"{source.name} from {source.url} has SHA-256 {digest}, but {source.sha256} is expected. It was deleted; "
            f"run the command again. If it fails again, something on the way (a proxy, for example) changes the file."
        )
    part.replace(target)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
