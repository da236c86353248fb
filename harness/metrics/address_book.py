"""What the hubs have: repositories, handles and entry points that the stand-in hubs, the libraries or a list name.

The stand-in hubs' specifications (sandboxes/hubs) are the address book; to it come the ids in the libraries' sources
and ``real_names.json``, which gives its source. A catalogue's own ids are added by :mod:`~.metrics.existence`. Ids of
the Hugging Face hub are compared as they are spelt, those of the Torch Hub (GitHub's) in small letters.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from apigauge.sandboxes import hubs, public_names
from apigauge.sandboxes.hubs.torchhub.build import specification

REAL_NAMES = Path(__file__).with_name("real_names.json")
# Organisations to which the hub moved its repositories without one; it still answers to the short names.
_MOVED = frozenset(
    {
        "albert", "almanach", "distilbert", "FacebookAI", "google-bert", "google-t5", "openai-community", "transfo-xl",
        "xlnet",
    }
)  # fmt: skip
# What is a place on a disk, or stands for a name that the reader is to fill in.
_PLACEHOLDER = re.compile(
    r"^[./~]|^\w:|\\|\.\w{1,6}$|[<>{}\[\]%$*?\s]|://|^(?:path|your|my|model|output|checkpoint|saved|local|user|some|data|"
    r"results?|models|checkpoints|fine.?tuned|trained|pretrained)\b|(?:^|[/_-])(?:path|dir|directory|your|username|"
    r"user)(?:$|[/_-])|_(?:name|model|path|dir|id)$|^[A-Z_]+$",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"^(?:https?://)?(?:www\.)?(?:tfhub\.dev|kaggle\.com/models)/([^?#]*)")


@cache
def real_names() -> dict[str, Any]:
    """The lists of ``real_names.json``."""
    names: dict[str, Any] = json.loads(REAL_NAMES.read_text(encoding="utf-8"))
    return names


@cache
def _packages() -> frozenset[str]:
    names = real_names()
    return public_names.packages() | frozenset(names["packages"]) | frozenset(names["standard_library"])


def is_package(name: str) -> bool:
    """Whether there is a package of that name: installed in an environment, of the standard library, or well-known."""
    return name in _packages()


def existed(function: str) -> bool:
    """Whether a version of a library that is not installed had a function, class or module, or what it stands in."""
    return any(function == name or function.startswith(f"{name}.") for name in real_names()["functions"])


def is_open_keyword(library: str, name: str) -> bool:
    """Whether a library may read a keyword out of ``**kwargs``: it is documented, or a parameter somewhere in it."""
    return name in real_names()["open_keywords"] or name in public_names.parameters_of(library)


@cache
def huggingface() -> dict[str, dict[str, Any]]:
    """The rows of the stand-in hub's repositories, by their ids."""
    path = hubs.FOLDER / "huggingface" / "repositories.jsonl"
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["repo"]: row for row in rows}


@cache
def repositories() -> frozenset[str]:
    """Ids of repositories of the Hugging Face hub."""
    return frozenset(huggingface()) | public_names.repositories() | frozenset(real_names()["repositories"])


def is_repository(name: str) -> bool | None:
    """Whether the hub has a repository; None for what is a place on a disk or a placeholder."""
    text = name.partition("@")[0]
    owner, slash, rest = text.partition("/")
    if text in repositories() or (slash and owner in _MOVED and rest in repositories()):
        return True
    if owner == "timm" and rest:
        return rest in public_names.timm_models() or None
    return None if _PLACEHOLDER.search(name) or not name else False


@cache
def torch_hub() -> dict[str, dict[str, str]]:
    """Each repository of the Torch Hub's address book, in small letters: entry point -> parameters."""
    book: dict[str, dict[str, str]] = {}
    for repository in specification():
        entries: dict[str, list[str]] = {}
        for entry in repository["entries"]:
            for name in entry["names"]:
                entries.setdefault(name, []).append(entry["takes"])
        for name in (repository["repository"], *repository.get("aliases", ())):
            book[name.casefold()] = {entry: ", ".join(takes) for entry, takes in entries.items()}
    return book


@cache
def torch_hub_unlisted() -> frozenset[str]:
    """Real repositories with a ``hubconf.py`` whose entry points are not listed, in small letters."""
    return frozenset(name.casefold() for name in real_names()["torch_hub"])


@cache
def _handles() -> dict[str, int]:
    """Each handle without its version -> the highest version listed (0: it has none)."""
    path = hubs.FOLDER / "tensorflowhub" / "handles.jsonl"
    highest: dict[str, int] = {}
    names = [json.loads(line)["handle"] for line in path.read_text(encoding="utf-8").splitlines()]
    for handle in (*names, *real_names()["handles"]):
        name, version = _split(handle)
        highest[name] = max(version, highest.get(name, 0))
    return highest


def handle_of(text: str) -> str:
    """A TensorFlow Hub address without its host, query and last slash; the text itself if it is no such address."""
    match = _HANDLE.match(text)
    return match[1].rstrip("/") if match else text


def is_handle(text: str, catalogue: frozenset[str]) -> bool | None:
    """Whether TensorFlow Hub has a handle; None for what is a place on a disk, or another host's address.

    A hub counts versions from 1, so a handle has every version below its highest one.

    Args:
        text: what a program passes.
        catalogue: the catalogue's handles, from :func:`handle_of`.
    """
    handle = handle_of(text)
    if handle in catalogue:
        return True
    if handle == text or "kaggle.com" in text:
        return None if handle != text or _PLACEHOLDER.search(text) else _is_listed(handle)
    return _is_listed(handle)


def _is_listed(handle: str) -> bool:
    name, version = _split(handle)
    return name in _handles() and version <= max(_handles()[name], 1)


def _split(handle: str) -> tuple[str, int]:
    name, _, version = handle.rpartition("/")
    return (name, int(version)) if name and version.isdecimal() and len(version) < 4 else (handle, 0)
