# ruff: noqa: INP001 - one file among those of site-packages
"""Answers the requests of ``huggingface_hub`` from the mounted cache, in the place of the Hugging Face hub.

In a sandbox the hub is this cache and nothing more. In its offline mode the library reports everything that is missing
as a broken connection, and does not even ask for a model's task. So it stays online, and its requests are answered here
instead of at a socket, as the hub's HTTP API answers them: files and their absence, a repository's content, its task.
Requests that are not about models are passed on to the network, or to its replacement.
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
    """The hub's answer."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


class _Hub(HTTPAdapter):
    """A transport that answers requests itself."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        path = urlsplit(str(request.url)).path
        # A data set loads without the viewer having read it.
        viewer = str(request.url).startswith(_VIEWER)
        answer = _missing("EntryNotFound", "Not read yet") if viewer else _answer(path, request.body)
        if answer is not None and request.method == "GET" and answer.status != HTTPStatus.OK and _MEDIA.search(path):
            # A picture in a model's repository is an input like any other, and not part of the stand-in.
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
    """The hub's answer to a request for a path with a body; None if only the real hub could answer."""
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
        # Data sets are not part of a stand-in, so a missing one may exist on the hub.
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
    """The commit that a branch, a tag or a commit refers to."""
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
    # The cache names files by their ETags.
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
    """The hub's entry for a file or folder; no entry if it does not exist."""
    path = snapshot / name
    if path.is_dir():
        return [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40}]
    if not path.is_file():
        return []
    return [{"type": "file", "path": name, "size": path.stat().st_size, "oid": path.resolve().name}]


def _about(repo: str, commit: str, snapshot: Path) -> dict[str, Any]:
    facts = _facts().get(repo, {})
    about = {"_id": commit[:24], "id": repo, "modelId": repo, "sha": commit, "private": False, "gated": False}
    about |= {"disabled": False, "downloads": 0, "likes": 0, "tags": [], "lastModified": "2023-06-01T00:00:00.000Z"}
    about["siblings"] = [{"rfilename": name} for name in _names(snapshot)]
    about |= {"pipeline_tag": facts["task"]} if facts.get("task") else {}
    return about | ({"library_name": facts["library"]} if facts.get("library") not in {None, "none"} else {})


def _names(snapshot: Path) -> list[str]:
    paths = (Path(folder, name) for folder, _, names in os.walk(snapshot) for name in names)
    return sorted(path.relative_to(snapshot).as_posix() for path in paths)


@cache
def _facts() -> dict[str, dict[str, str]]:
    """Task and library of each model, as far as the hub's description has them."""
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
    """A path that ignores errors when the library marks a file as missing: the cache cannot be written."""

    def touch(self, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError):
            super().touch(*args, **kwargs)

    def mkdir(self, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError):
            super().mkdir(*args, **kwargs)


# transformers also sends requests through its own sessions.
requests.Session.__init__ = _session
configure_http_backend(requests.Session)
file_download.Path = _Kept
