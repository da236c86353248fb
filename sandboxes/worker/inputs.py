"""Files and pages that a program reads and no one gave it: a small valid one of each kind.

What the program names is there before it begins, so that libraries written in C and ``os.path.exists`` find it. What it
puts together as it runs is made when Python opens it. Only where the program may write, only data and never a model's,
and only where there is nothing. A convenience, no boundary: a program can see it and undo it.
"""

import ast
import binascii
import contextlib
import json
import os
import posixpath
import re
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from apigauge.sandboxes.worker import kinds, web
from apigauge.sandboxes.worker.literals import Literals

_MAX_FILES = 64
_MAX_LENGTH = 240
_NO_FILE_NAME = re.compile(r"[\x00-\x1f*?]|://|^[\s-]|\s$|(?:\s.*){4}")
# Folders that can be written and are no place for inputs: libraries keep their own things there.
_TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108 - inside the sandbox
_IN_A_FOLDER = 3
# What ``datasets`` knows a folder's files by.
_SPLITS = ("test", "train", "validation")
# (Where an audit hook says how a file is opened.)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Inputs:
    """What a worker gives its programs.

    Args:
        config: ``inputs`` ("fixtures", or "none" for nothing at all), ``input_files`` (name to content, in Base64),
            ``inputs_folder`` (a folder with further ``sample.EXTENSION``, which come first), ``folders`` (all that a
            program can write to).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.given = config.get("inputs") == "fixtures"
        self._files = {name: binascii.a2b_base64(data) for name, data in config.get("input_files", {}).items()}
        self._folder = config.get("inputs_folder") or ""
        self._places = tuple(f"{folder}/" for folder in config["folders"] if folder not in _TEMPORARY)
        try:
            self._own = frozenset(kinds.extension(name) for name in os.listdir(self._folder) if name[:7] == "sample.")
        except OSError:
            self._own = frozenset()
        self._left = _MAX_FILES

    def provide(self, source: str, tree: ast.AST, modules: Iterable[str]) -> None:
        """Puts in place what a program will look for, as far as its text says; to be called in the child.

        Args:
            source: the program.
            tree: the same.
            modules: what it imports; no folder may take such a name.
        """
        if not self.given:
            return
        if "://" in source:
            web.install(web.Pages(partial(kinds.may_lie_at, source=source), partial(self._page, source=source)))
        found = Literals(tree)
        ends = {kinds.extension(text) for text in found.texts} | {kinds.extension(f"x{part}") for part in found.parts}
        mentioned = {kind for end in ends if end and (kind := self._kind(f"x.{end}"))}
        roots = {module.partition(".")[0] for module in modules}
        folders = found.parts | set(found.listed) | {posixpath.dirname(text) for text in found.texts}
        for text in sorted(found.texts - found.models):
            kind = None if text in folders and not kinds.extension(text) else self._kind(text)
            if kind is None or self._is_below(text, found.made) or text.lstrip("./").partition("/")[0] in roots:
                continue
            if text in found.written:
                self._make_folder(os.path.dirname(text))  # the folder is an input, if not the file
            else:
                self._make(text, kind)
        for text, classes in sorted(found.listed.items()):
            self._fill(text, mentioned, classes=classes)
        for text in sorted(found.data_sets):
            if "parquet" in self._own and kinds.is_own(text) and not kinds.extension(text):
                for split in _SPLITS:
                    self._make(os.path.join(text, f"{split}.parquet"), "parquet")
        if mentioned:
            self._open_later(mentioned)

    def _page(self, address: str, source: str) -> tuple[str, bytes] | None:
        kind = kinds.of_named_address(address, source)
        content = None if kind is None else self._content(posixpath.basename(address.partition("?")[0]), kind)
        return None if kind is None or content is None else (kind, content)

    def _kind(self, path: str) -> str | None:
        if len(path) > _MAX_LENGTH or _NO_FILE_NAME.search(path):
            return None
        return kinds.of_path(path, self._own)

    def _content(self, name: str, kind: str) -> bytes | None:
        if classes := kinds.class_list(name):
            lines = self._files[f"{classes}_labels.txt"].decode().splitlines()
            if name.endswith(".json"):
                return json.dumps(lines).encode()
            if classes == "imagenet" and ("imagenet" not in name.lower() or "imagenetlabels" in name.lower()):
                lines = ["background", *lines]  # as TensorFlow's classifiers count
            return "".join(f"{line}\n" for line in lines).encode()
        if kind in self._own:
            with contextlib.suppress(OSError), open(os.path.join(self._folder, f"sample.{kind}"), "rb") as file:
                return file.read()
        return self._files.get(f"sample.{kind}")

    def _is_below(self, path: str, folders: set[str]) -> bool:
        path = posixpath.normpath(path)
        return any(path == folder or path.startswith(f"{folder}/") for folder in folders)

    def _may_write(self, path: str) -> str | None:
        """The path in full, if it is in a place for inputs and not hidden."""
        full = os.path.abspath(path)
        below = os.path.relpath(full, os.getcwd())
        if any(part[0] == "." for part in below.split("/") if part not in ("", ".", "..")):
            return None
        return full if full.startswith(self._places) else None

    def _make(self, path: str, kind: str) -> None:
        """Makes a file where there is nothing."""
        full = self._may_write(path)
        if full is None or self._left <= 0 or os.path.lexists(full):
            return
        content = self._content(os.path.basename(full), kind)
        if content is None:
            return
        self._left -= 1
        with contextlib.suppress(OSError, ValueError):  # half a character, say, is no name
            self._make_folder(os.path.dirname(full))
            descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with open(descriptor, "wb") as file:
                file.write(content)

    def _make_folder(self, path: str) -> None:
        full = self._may_write(path or ".")
        if full is not None:
            with contextlib.suppress(OSError, ValueError):
                os.makedirs(full, exist_ok=True)

    def _fill(self, pattern: str, mentioned: set[str], *, classes: bool) -> None:
        """Makes a folder that a program lists, with a few files of the kind it looks for."""
        folder, name = (pattern, "*") if "*" not in pattern else posixpath.split(pattern)
        if "*" in folder:
            folder = posixpath.dirname(folder[: folder.index("*")])
        if not folder or os.path.lexists(folder) or self._may_write(folder) is None:
            return
        kind = self._kind(name.replace("*", "x")) or kinds.of_words(folder) or min(mentioned, default="jpg")
        for subfolder in ("first", "second") if classes else ("",):
            for number in range(1, _IN_A_FOLDER + 1):
                self._make(os.path.join(folder, subfolder, f"{number}.{kind}"), kind)

    def _open_later(self, mentioned: set[str]) -> None:
        """Makes a file of a kind that the program mentions at the moment Python opens it to read."""

        def look(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open":
                return
            with contextlib.suppress(Exception):  # a program can raise the event itself, with anything
                path, _, flags = arguments
                kind = None if flags & _WRITING or isinstance(path, int | bytes) else self._kind(os.fspath(path))
                if kind in mentioned:
                    self._make(os.fspath(path), kind)

        sys.addaudithook(look)
