"""The copies of a run at its address: how they are listed, fetched and sent.

A copy is one file there, the whole run at one moment: ``copy-000007-5f3ab2c1.zip``. Copies are never changed, so a
reader meets none half-changed and a killed command spoils none; the highest number counts, and one that is not whole
does not. What a journal was last equal to is noted in it: what has changed here is sent as the next number, what is
newer there is fetched, and where both have changed the command ends. Of two machines that send the same number, at
least the one that ends later sees the other's, and takes its own back.
"""

import contextlib
import json
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation.addresses import address_of

NOTE = ".copies.json"
_COPY = re.compile(r"copy-(\d{6,})-[0-9a-f]{8}\.zip")
# The reverse of the order in which a run writes them, so that no file of a copy is newer than one that it rests on.
_FIRST, _LAST = ("summary.json", "scores.jsonl", "generations.jsonl"), "manifest.json"


class Journal:
    """One run here and at its address.

    Raises:
        UsageError: fsspec, or what it needs for such addresses, is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, str(address_of(folder))
        self._opened: tuple[Any, str] | None = None

    # What is here

    def is_noted(self) -> bool:
        """Whether it was ever equal to a copy."""
        return bool(self._note().get("base"))

    def is_changed(self) -> bool:
        """Whether files have changed here since they were equal to a copy."""
        note = self._note()
        return not note.get("fetching") and self._states() != note.get("states", {})

    def _note(self) -> dict[str, Any]:
        try:
            note = json.loads((self.folder / NOTE).read_bytes())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _write(self, **note: Any) -> None:
        temporary = self.folder / f"{NOTE}.tmp"
        temporary.write_text(json.dumps(note, indent=1))
        temporary.replace(self.folder / NOTE)

    def _states(self) -> dict[str, list[int]]:
        """Size and time of change of each file, by name."""
        states = {}
        for one in self.folder.iterdir() if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if not one.name.startswith(".") and one.is_file():
                    status = one.stat()
                    states[one.name] = [status.st_size, status.st_mtime_ns]
        return states

    # What is there

    def _call(self, work: Callable[[Any, str], Any]) -> Any:
        """The result of work with the file system and the path there; after an error both are opened anew.

        Raises:
            RunError: the store does not do it.
        """
        try:
            if self._opened is None:
                self._opened = self._open()
            return work(*self._opened)
        except UsageError:
            raise
        except Exception as error:  # stores raise whatever their packages raise
            self._opened = None
            reason = f"{type(error).__name__}: {error}".strip(": ")
            text = f"{self.address}: {reason}; what was written is in {self.folder}, and the same command copies it."
            raise RunError(text) from error

    def _open(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]
        except ImportError as error:
            needs = "pip install 'apigauge[remote]', for S3 'apigauge[s3]'"
            raise UsageError(f"{self.address}: needs fsspec: {needs}") from error
        try:
            files, path = url_to_fs(self.address, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{self.address}: {error}") from error
        return files, path.rstrip("/")

    def _entries(self, below: str = "") -> list[tuple[str, bool]]:
        """Names in a folder there, each with whether it is a folder; hidden ones are left out."""

        def work(files: Any, path: str) -> list[tuple[str, bool]]:
            files.invalidate_cache()
            at = f"{path}/{below}".rstrip("/")
            try:
                entries = files.ls(at or "/", detail=True)
            except FileNotFoundError:
                return []
            named = [(one["name"].rstrip("/"), one["type"] == "directory") for one in entries]
            inside = [(name[len(at) + 1 :], is_folder) for name, is_folder in named if name.startswith(f"{at}/")]
            return [(name, one) for name, one in inside if name and not name.startswith(".") and "/" not in name]

        entries: list[tuple[str, bool]] = self._call(work)
        return entries

    def runs(self, below: str = "") -> list[str]:
        """The folders there that have copies, relative to the address."""
        entries = self._entries(below)
        runs = [below] if any(_COPY.fullmatch(name) for name, is_folder in entries if not is_folder) else []
        for name, is_folder in entries:
            if is_folder:
                runs += self.runs(f"{below}/{name}".lstrip("/"))
        return runs

    def _copies(self) -> list[str]:
        """The names of copies, the newest last."""
        names = [name for name, _ in self._entries() if _COPY.fullmatch(name)]
        return sorted(names, key=lambda name: (_number(name), name))

    def _newest(self, names: list[str], note: dict[str, Any]) -> str | None:
        """The newest whole copy; it lies in ``.copy.zip`` unless it is the one that is noted.

        Raises:
            RunError: two machines have sent it.
        """
        base = note.get("base")
        newer = [name for name in names if _number(name) > _number(base or "")]
        while newer:
            same = [name for name in newer if _number(name) == _number(newer[-1])]
            whole = [name for name in same if self._download(name)]
            if len(whole) > 1:
                raise RunError(f"{self.address}: two machines have written {' and '.join(whole)}; remove one there.")
            if whole and (len(same) == 1 or self._download(whole[0])):
                return whole[0]
            newer = newer[: -len(same)]
        return base if base in names else None

    def _download(self, name: str) -> bool:
        """Whether a copy is whole; it lies in ``.copy.zip``."""
        to = self.folder / ".copy.zip"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._call(lambda files, path: files.get_file(f"{path}/{name}", str(to)))
        try:
            with zipfile.ZipFile(to) as copy:
                return copy.testzip() is None
        except zipfile.BadZipFile:
            return False

    def fetch_file(self) -> None:
        """Fetches what is no folder there."""

        def work(files: Any, path: str) -> None:
            if files.isfile(path):
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                if self.folder.is_dir():
                    shutil.rmtree(self.folder)
                files.get_file(path, str(self.folder))

        self._call(work)

    # Between the two

    def fetch(self) -> None:
        """Takes over the newest copy, if it is not the one that is noted; what went missing here is taken from it.

        Raises:
            RunError: the store cannot be read, has nothing of what was copied, or the run has changed on both sides.
        """
        note, names = self._adopted(self._copies())
        newest = self._newest(names, note)
        if newest is None:
            if note.get("base"):
                raise self.gone()
            return
        here = self._states()
        if newest != note.get("base"):
            if self.is_changed():
                raise self._both()
            self._write(**note | {"fetching": newest})
            for name in here:
                (self.folder / name).unlink()
            self._unpack()
        elif missing := note.get("states", {}).keys() - here.keys():
            # A summary is missing on purpose while the scores that it is of are replaced.
            is_same = all(note["states"].get(name) == state for name, state in here.items())
            missing -= set() if is_same else {"summary.json"}
            if not missing or not self._download(newest):
                return
            self._unpack(missing)
            states = self._states()
            self._write(base=newest, states=note["states"] | {name: states[name] for name in missing & states.keys()})
            return
        else:
            return
        self._write(base=newest, states=self._states())
        (self.folder / ".copy.zip").unlink(missing_ok=True)

    def _adopted(self, names: list[str]) -> tuple[dict[str, Any], list[str]]:
        """The note, and the copies; a whole one that was being sent when the command was killed is noted.

        It is taken back instead if another machine has sent the same number.
        """
        note = self._note()
        name, states = note.get("pending") or ("", {})
        if name in names and [one for one in names if _number(one) == _number(name)] != [name]:
            self._remove(name)
            names.remove(name)
        elif name in names and self._download(name):
            note = {"base": name, "states": states}
            self._write(**note)
        return note, names

    def _unpack(self, only: set[str] | None = None) -> None:
        """Writes the files of ``.copy.zip``; what has no plain name is left out."""
        with zipfile.ZipFile(self.folder / ".copy.zip") as copy:
            for name in copy.namelist():
                if name.startswith(".") or "/" in name or "\\" in name or (only is not None and name not in only):
                    continue
                temporary = self.folder / f".{name}.tmp"
                with copy.open(name) as source, temporary.open("wb") as target:
                    shutil.copyfileobj(source, target)
                temporary.replace(self.folder / name)

    def send(self) -> None:
        """Sends a copy, if something has changed since the last one.

        Raises:
            RunError: the store cannot be written, has nothing of what was copied, or has a copy of another machine.
        """
        note, names = self._adopted(self._copies())
        base = note.get("base")
        if base and base not in names:
            raise self.gone() if not names else self._both()
        if base and not self.is_changed():
            return
        if self._newest(names, note) != base:
            raise self._both()
        name = f"copy-{_number(names[-1]) + 1 if names else 1:06}-{secrets.token_hex(4)}.zip"
        packed, states = self._packed()
        self._write(**note | {"pending": [name, states]})
        self._call(lambda files, path: self._put(files, path, packed, name))
        if [one for one in self._copies() if _number(one) == _number(name)] != [name]:
            self._remove(name)
            raise self._both()
        self._write(base=name, states=states)
        packed.unlink()
        for old in names[:-1]:  # the last but one stays for who is reading it
            with contextlib.suppress(RunError):
                self._remove(old)

    def _remove(self, name: str) -> None:
        self._call(lambda files, path: files.rm_file(f"{path}/{name}"))

    def _packed(self) -> tuple[Path, dict[str, list[int]]]:
        """The run as one file, and the states of its files before they were read."""
        file, states = self.folder / ".copy.zip", self._states()
        others = sorted(states.keys() - {*_FIRST, _LAST})
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as copy:
            for name in (*_FIRST, *others, _LAST):
                with contextlib.suppress(FileNotFoundError):
                    copy.write(self.folder / name, name)
        return file, states

    def _put(self, files: Any, path: str, packed: Path, name: str) -> None:
        """Puts a copy there. Folders that are missing are made, but no bucket: a wrong name must not become one."""
        names = [one for one in path.split("/") if one]
        is_bucket = bool(names) and names[0] == urlsplit(self.address).netloc
        for end in range(1 + is_bucket, len(names) + 1):
            folder = ("/" if path.startswith("/") else "") + "/".join(names[:end])
            if not files.isdir(folder):
                files.mkdir(folder, create_parents=False)
        files.put_file(str(packed), f"{path}/{name}")

    def drop(self) -> None:
        """Removes what is here of a run that is no longer there.

        Raises:
            RunError: something of it was not copied.
        """
        if self.is_changed():
            raise self.gone()
        for name in (*self._states(), NOTE):
            (self.folder / name).unlink(missing_ok=True)

    def gone(self) -> RunError:
        """The error for a store that has nothing of what was copied: nothing here is removed for that."""
        return RunError(
            f"{self.address}: no copy is there any more. Is the store there (a disk that is not mounted)? If the run "
            f"was removed there, remove {self.folder} too, which holds all of it."
        )

    def _both(self) -> RunError:
        return RunError(
            f"{self.address}: another machine has written to it since it was copied here. What was written here is in "
            f"{self.folder}: move that away to go on with what is there, or choose another address."
        )


def _number(name: str) -> int:
    match = _COPY.fullmatch(name)
    return int(match[1]) if match else 0
