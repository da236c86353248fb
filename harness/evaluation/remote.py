"""Runs at addresses that fsspec reads and writes (``s3://``, ``gs://``, ``file://``): each has a folder here.

The folder, the journal, is a run directory like any other; it lies in the user's cache and is copied to the address
while the run is written, and fetched from there before it is read or written. ``.copies.json`` in each folder says of
which state here which state there is a copy: so what has changed here is sent, what has changed there is fetched, and
what has changed on both sides ends the command. Files are sent whole.
"""

import contextlib
import fcntl
import filecmp
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from apigauge.errors import RunError, UsageError

NOTE = ".copies.json"
# Seconds between two copies of a run that is being written; and the longest share of the time that copying may take.
_PAUSE, _SHARE = 30.0, 0.1
_Note = dict[str, dict[str, Any]]
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_NO_HOST = "-"
# What of a file's entry, as stores list it, is another one when its content is: the first that there is.
_MARKS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "mtime", "LastModified", "last_modified", "modify")


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return bool(_ADDRESS.match(text))


def root() -> Path:
    """The folder of all journals."""
    return platformdirs.user_cache_path("apigauge") / "remote"


def folder_of(address: str) -> Path:
    """The journal of what is at an address. Nothing is read or written.

    Raises:
        UsageError: it has a password, or is no address of a folder.
    """
    parts = urlsplit(address)
    names = [name for name in parts.path.split("/") if name]
    if parts.password:
        raise UsageError(
            f"{parts.scheme}://...: leave out the password, which others see in a command; fsspec takes it from "
            f"FSSPEC_{parts.scheme.upper()}_PASSWORD or from its file of settings"
        )
    if parts.query or parts.fragment or not (parts.netloc or names):
        raise UsageError(f"{address}: is not the address of a folder, such as s3://bucket/runs/mine")
    if any(name.startswith(".") or "\0" in name for name in (parts.netloc, *names)):
        raise UsageError(f"{address}: no part of an address may begin with a dot")
    return root().joinpath(parts.scheme.lower(), parts.netloc or _NO_HOST, *names)


def journal(path: str | os.PathLike[str]) -> Path:
    """A path itself; of an address its journal. Nothing is read or written.

    Raises:
        UsageError: the address cannot be one.
    """
    return folder_of(os.fspath(path)) if is_address(os.fspath(path)) else Path(path)


def address_of(folder: Path) -> str | None:
    """The address of a journal; None for any other folder."""
    try:
        scheme, host, *names = folder.absolute().relative_to(root()).parts
    except ValueError:
        return None
    return f"{scheme}://{'' if host == _NO_HOST else host}/{'/'.join(names)}"


def shown(folder: Path) -> str:
    """A folder as a user names it: a journal by its address."""
    return address_of(folder) or str(folder)


def fetched(path: str | os.PathLike[str]) -> Path:
    """A path itself; of an address its journal, after what others have written below it was fetched.

    Folders that a process of this machine is writing are left as they are: they are newer than their copies.

    Raises:
        UsageError: the address cannot be one, or what fsspec needs for it is not installed.
        RunError: the store cannot be read, or a file has changed on both sides.
    """
    if not is_address(os.fspath(path)):
        return Path(path)
    folder = folder_of(os.fspath(path))
    store = _Store(folder)
    folders: dict[Path, dict[str, str]] = {}
    there = store.listed()
    if not there and any(_Store(one.parent).copies() for one in folder.rglob(NOTE)):
        raise store.gone()
    for name, mark in there.items():
        file = folder / name
        folders.setdefault(file.parent, {})[file.name] = mark
    for below in [one.parent for one in folder.rglob(NOTE)]:
        folders.setdefault(below, {})
    for below, marks in folders.items():
        with _unless_written(below) as is_free:
            if is_free:
                _Store(below).fetch(marks)
    return folder


@contextlib.contextmanager
def _unless_written(folder: Path) -> Iterator[bool]:
    """Holds a run directory as a writer does; whether there is no other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[None]:
    """While a folder is written to: fetches its files before, sends what changes meanwhile and in the end.

    It does nothing for a folder that is no journal. A copy that fails meanwhile is tried again; what was written stays.

    Raises:
        UsageError, RunError: as for :func:`fetched`; or the last copy failed.
    """
    if address_of(folder) is None:
        yield
        return
    store = _Store(folder)
    there = store.listed(depth=1)
    if not there and store.copies():
        raise store.gone()
    store.fetch(there)
    ended = threading.Event()
    thread = threading.Thread(target=_keep_sending, args=(store, ended), name="copies")
    thread.start()
    try:
        yield
    except BaseException:
        _end(thread, ended)
        with contextlib.suppress(RunError):
            store.send()
        raise
    _end(thread, ended)
    store.send()


def _end(thread: threading.Thread, ended: threading.Event) -> None:
    ended.set()
    thread.join()


def _keep_sending(store: "_Store", ended: threading.Event) -> None:
    pause = _PAUSE
    while not ended.wait(pause):
        began = time.monotonic()
        with contextlib.suppress(RunError):
            store.send()
        pause = max(_PAUSE, (time.monotonic() - began) / _SHARE)


class _Store:
    """The files of one folder here and at its address.

    Raises:
        UsageError: fsspec, or what it needs for such addresses, is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, str(address_of(folder))
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]
        except ImportError as error:
            raise UsageError(
                f"{self.address}: needs fsspec: pip install 'apigauge[remote]', for S3 'apigauge[s3]'"
            ) from error
        try:
            self.files, self.path = url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{self.address}: {error}") from error
        except Exception as error:  # stores raise whatever their packages raise
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> RunError:
        reason = f"{type(error).__name__}: {error}".strip(": ")
        return RunError(
            f"{self.address}: {reason}; what was written is in {self.folder}, and the same command copies it."
        )

    def copies(self) -> bool:
        """Whether a file has been copied from here or to here."""
        return any(one.get("there") for one in self._note().values())

    def gone(self) -> RunError:
        """The error for a store that has nothing of what was copied: nothing here is removed for that."""
        return RunError(
            f"{self.address}: nothing is there any more. Is the store there (a disk that is not mounted)? If the run "
            f"was removed, remove {self.folder} as well."
        )

    def listed(self, depth: int | None = None) -> dict[str, str]:
        """A mark of each file's content, by its path below the address; hidden files are left out.

        Raises:
            RunError: the store does not answer.
        """
        try:
            self.files.invalidate_cache()
            entries = self.files.find(self.path, maxdepth=depth, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise self._unreadable(error) from error
        marks = {}
        for path, entry in entries.items():
            if not path.startswith(f"{self.path.rstrip('/')}/"):
                continue  # the address itself is a file
            name = path[len(self.path.rstrip("/")) + 1 :]
            if all(part and not part.startswith(".") for part in name.split("/")):
                marks[name] = f"{entry.get('size')} {next((entry[key] for key in _MARKS if entry.get(key)), '')}"
        return marks

    def fetch(self, there: dict[str, str]) -> None:
        """Takes over what others have written since the last copy; ``there`` is what :meth:`listed` says.

        Raises:
            RunError: the store cannot be read, or a file was changed on both sides.
        """
        note = self._note()
        for name in {*there, *note}:
            if note.get(name, {}).get("there") == there.get(name):
                continue
            is_changed = self._is_changed(name, note)
            if is_changed and self._is_own(name, note, there):
                continue
            file, temporary = self.folder / name, self.folder / f".{name}.tmp"
            if name in there:
                self._download(name, temporary)
                if is_changed and not (file.exists() and filecmp.cmp(file, temporary, shallow=False)):
                    temporary.unlink()
                    raise self._both(name)
                temporary.replace(file)
            elif is_changed and file.exists():
                raise self._both(name)
            else:
                file.unlink(missing_ok=True)
            note = self._noted(note, name, there, self._state(name))

    def send(self) -> None:
        """Sends what has changed here since the last copy.

        Raises:
            RunError: the store cannot be written, or has changed too.
        """
        note, there = self._note(), self.listed(depth=1)
        here = [one.name for one in self.folder.iterdir() if one.is_file() and not one.name.startswith(".")]
        # A reader finds the manifest as soon as there is anything, and a summary only after what it sums up.
        changed = sorted(
            (name for name in {*here, *note} if self._is_changed(name, note)),
            key=lambda name: (name != "manifest.json", name == "summary.json", name),
        )
        for name in changed:
            if note.get(name, {}).get("there") != there.get(name) and not self._is_own(name, note, there):
                raise self._both(name)
            note = self._sent(name, note)

    def _sent(self, name: str, note: _Note) -> _Note:
        """The note after one file was sent, or removed there; that it is on its way is noted before."""
        file, target = self.folder / name, f"{self.path.rstrip('/')}/{name}"
        note[name] = note.get(name, {}) | {"sent": self._state(name)}
        self._write(note)
        try:
            if file.exists():
                self._make_folders()
                self.files.put_file(str(file), target)
            else:
                with contextlib.suppress(FileNotFoundError):
                    self.files.rm_file(target)
        except Exception as error:
            raise self._unreadable(error) from error
        return self._noted(note, name, self.listed(depth=1), note[name]["sent"])

    def _make_folders(self) -> None:
        """Makes the address's folders that are missing, but no bucket: a wrong name must not become one."""
        names = [name for name in self.path.split("/") if name]
        is_bucket = names[0] == urlsplit(self.address).netloc
        for end in range(1 + is_bucket, len(names) + 1):
            folder = ("/" if self.path.startswith("/") else "") + "/".join(names[:end])
            if not self.files.isdir(folder):
                self.files.mkdir(folder, create_parents=False)

    def _noted(self, note: _Note, name: str, there: dict[str, str], here: list[int] | None) -> _Note:
        """The note, written, that there is a copy there of the state that one file had here."""
        note = {**note, name: {"here": here, "there": there.get(name)}}
        if here is None and name not in there:
            del note[name]
        self._write(note)
        return note

    def _note(self) -> _Note:
        try:
            note = json.loads((self.folder / NOTE).read_bytes())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) and all(isinstance(one, dict) for one in note.values()) else {}

    def _write(self, note: _Note) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"{NOTE}.tmp"
        temporary.write_text(json.dumps(note, indent=1))
        temporary.replace(self.folder / NOTE)

    def _state(self, name: str) -> list[int] | None:
        """Size and time of change of a file here; None if there is none."""
        try:
            status = (self.folder / name).stat()
        except OSError:
            return None
        return [status.st_size, status.st_mtime_ns]

    def _is_changed(self, name: str, note: _Note) -> bool:
        """Whether a file has changed here since the last copy."""
        return self._state(name) != note.get(name, {}).get("here")

    def _is_own(self, name: str, note: _Note, there: dict[str, str]) -> bool:
        """Whether what is there is what was being sent when the command was killed: all of it or its beginning."""
        sent = note.get(name, {}).get("sent")
        return sent is not None and int(there.get(name, "0").partition(" ")[0] or 0) <= sent[0]

    def _download(self, name: str, to: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.files.get_file(f"{self.path.rstrip('/')}/{name}", str(to))
        except Exception as error:
            raise self._unreadable(error) from error

    def _both(self, name: str) -> RunError:
        return RunError(
            f"{self.address}: {name} was written from elsewhere, too, since it was copied. Remove {self.folder} to go "
            "on with what is there, or choose another address."
        )
