# ruff: noqa: INP001 - one file among those of site-packages
"""Answers for the Hugging Face hub what ``huggingface_hub`` asks, from the cache that is there.

The cache of a sandbox is all of the hub that there is, and its library has two ways to live without the rest. Offline
it takes whatever it lacks for a broken connection, and does not even ask what a model is for. So it is left online, and
its requests end here instead of at a socket: files and their absence, what a repository holds, what its task is, as the
hub's HTTP API states them. What is no question about the hub's models goes on to the network, or what stands for it.
"""

import io
import json
import os
import re
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from huggingface_hub import configure_http_backend, constants, file_download
from requests.adapters import HTTPAdapter

_KINDS = {"models": "models", "datasets": "datasets", "spaces": "spaces"}
_VIEWER = "https://datasets-server.huggingface.co"
_DESCRIPTION = "hub.json"
_MEDIA = re.compile(r"\.(?:avi|bmp|flac|gif|jpe?g|m4a|mkv|mov|mp[34]|ogg|png|tiff?|wav|web[mp])$", re.IGNORECASE)


class Answer(NamedTuple):
    """What the hub would say."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


class _Hub(HTTPAdapter):
    """A transport that ends here."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        path = urlsplit(str(request.url)).path
        # That the viewer has read a data set is not needed to load it.
        viewer = str(request.url).startswith(_VIEWER)
        answer = _missing("EntryNotFound", "Not read yet") if viewer else _answer(path, request.body)
        if answer is not None and request.method == "GET" and answer.status != HTTPStatus.OK and _MEDIA.search(path):
            # A picture that lies beside a model is an input like any other, and no part of the stand-in.
            with suppress(requests.ConnectionError):
                return super().send(request, *args, **kwargs)
        if answer is None:
            return super().send(request, *args, **kwargs)
        response = requests.Response()
        response.status_code, response.reason = answer.status, answer.status.phrase
        response.headers.update(answer.headers | {"Content-Length": str(len(answer.body))})
        response.raw = io.BytesIO(b"" if request.method == "HEAD" else answer.body)
        response.url, response.request, response.encoding = str(request.url), request, "utf-8"
        return response


def _answer(path: str, body: bytes | str | None = None) -> Answer | None:
    """What the hub says at a path, asked with a body; None where only the real one could answer."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    api = parts[0] == "api"
    parts = parts[1:] if api else parts
    kind = _KINDS.get(parts[0]) if parts else None
    if kind is None and api:
        return None
    parts = parts[1:] if kind else parts
    verb = {"resolve"} if not api else {"revision", "tree", "paths-info"}
    place = next((number for number in (1, 2) if len(parts) > number and parts[number] in verb), None)
    if place is None and not api:
        return None
    repo = "/".join(parts[:place]) if place else "/".join(parts)
    revision = parts[place + 1] if place and len(parts) > place + 1 else "main"
    rest = parts[place + 2 :] if place else []
    folder = Path(constants.HF_HUB_CACHE, f"{kind or 'models'}--{repo.replace('/', '--')}")
    if not folder.is_dir():
        # Data sets are not part of a stand-in, so that one is missing says nothing.
        return None if kind in {"datasets", "spaces"} else _missing("RepoNotFound", "Repository not found")
    commit = _commit(folder, revision)
    if commit is None:
        return _missing("RevisionNotFound", f"Invalid rev id: {revision}")
    snapshot = folder / "snapshots" / commit
    if not api:
        return _file(snapshot / "/".join(rest), commit)
    what: Any
    if place and parts[place] == "tree":
        what = _tree(snapshot, "/".join(rest))
    elif place and parts[place] == "paths-info":
        what = [entry for name in _paths(body) for entry in _entries(snapshot, name)]
    else:
        what = _about(repo, commit, snapshot)
    return Answer(HTTPStatus.OK, {"Content-Type": "application/json"}, json.dumps(what).encode())


def _missing(code: str, message: str) -> Answer:
    return Answer(HTTPStatus.NOT_FOUND, {"X-Error-Code": code, "X-Error-Message": message}, b"")


def _commit(folder: Path, revision: str) -> str | None:
    """The commit that a branch, a tag or a commit names."""
    if (folder / "snapshots" / revision).is_dir():
        return revision
    try:
        return (folder / "refs" / revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _file(path: Path, commit: str) -> Answer:
    if not path.is_file():
        answer = _missing("EntryNotFound", "Entry not found")
        return answer._replace(headers=answer.headers | {"X-Repo-Commit": commit})
    # Files lie in the cache under their tags.
    headers = {"X-Repo-Commit": commit, "ETag": f'"{path.resolve().name}"'}
    return Answer(HTTPStatus.OK, headers, path.read_bytes())


def _paths(body: bytes | str | None) -> list[str]:
    """The paths that a form asks about."""
    form = body.decode() if isinstance(body, bytes) else body or ""
    return parse_qs(form).get("paths", [])


def _tree(snapshot: Path, below: str) -> list[dict[str, Any]]:
    """All files and folders below a folder, as with ``recursive``."""
    files = [name for name in _names(snapshot) if not below or name.startswith(f"{below}/")]
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents} - {".", below}
    return [entry for name in sorted({*files, *folders}) for entry in _entries(snapshot, name)]


def _entries(snapshot: Path, name: str) -> list[dict[str, Any]]:
    """What the hub says of a file or folder; nothing if it is not there."""
    path = snapshot / name
    if path.is_dir():
        return [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40}]
    if not path.is_file():
        return []
    return [{"type": "file", "path": name, "size": path.stat().st_size, "oid": path.resolve().name}]


def _about(repo: str, commit: str, snapshot: Path) -> dict[str, Any]:
    known = _known().get(repo, {})
    about = {"_id": commit[:24], "id": repo, "modelId": repo, "sha": commit, "private": False, "gated": False}
    about |= {"disabled": False, "downloads": 0, "likes": 0, "tags": [], "lastModified": "2023-06-01T00:00:00.000Z"}
    about["siblings"] = [{"rfilename": name} for name in _names(snapshot)]
    about |= {"pipeline_tag": known["task"]} if known.get("task") else {}
    return about | ({"library_name": known["library"]} if known.get("library") not in {None, "none"} else {})


def _names(snapshot: Path) -> list[str]:
    found = (Path(folder, name) for folder, _, names in os.walk(snapshot) for name in names)
    return sorted(path.relative_to(snapshot).as_posix() for path in found)


@cache
def _known() -> dict[str, dict[str, str]]:
    """Task and library of each model, where the hub's description says them."""
    try:
        text = Path(constants.HF_HUB_CACHE).parent.joinpath(_DESCRIPTION).read_text(encoding="utf-8")
        return {entry["id"]: entry for entry in json.loads(text)["entries"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


_plain = requests.Session.__init__


def _session(self: requests.Session) -> None:
    _plain(self)
    self.mount(constants.ENDPOINT, _Hub())
    self.mount(_VIEWER, _Hub())


class _Kept(type(Path())):  # type: ignore[misc]
    """A path whose mark that a file is missing need not be made: the cache cannot be written."""

    def touch(self, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError):
            super().touch(*args, **kwargs)

    def mkdir(self, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError):
            super().mkdir(*args, **kwargs)


# transformers also asks with sessions of its own.
requests.Session.__init__ = _session
configure_http_backend(requests.Session)
file_download.Path = _Kept
