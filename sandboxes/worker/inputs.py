"""Small valid files and pages for what a program reads and nobody provided.

Files that the program's text names exist before it begins, so that libraries written in C and ``os.path.exists`` find
them. Files whose names it computes are made when Python opens them. Files are made only where the program may write,
only as data, never as a model, and never in the place of an existing one. This is a convenience, not a security
boundary: a program can detect and undo it.
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
# Writable folders without inputs: libraries keep their own files there.
_TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108 - inside the sandbox
_IN_A_FOLDER = 3
# The names by which ``datasets`` assigns a folder's files to splits.
_SPLITS = ("test", "train", "validation")
# Flags, as an audit hook gets them, of a file that is opened to write.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Inputs:
    """The inputs that a worker gives its programs.

    Args:
        config: ``inputs`` ("fixtures", or "none" for nothing at all), ``input_files`` (name to content, in Base64),
            ``inputs_folder`` (a folder with more ``sample.EXTENSION``, which take precedence), ``folders`` (all that a
            program can write to).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._enabled = config.get("inputs") == "fixtures"
        self._files = {name: binascii.a2b_base64(data) for name, data in config.get("input_files", {}).items()}
        self._folder = config.get("inputs_folder") or ""
        self._places = tuple(f"{folder}/" for folder in config["folders"] if folder not in _TEMPORARY)
        try:
            self._own = frozenset(kinds.extension(name) for name in os.listdir(self._folder) if name[:7] == "sample.")
        except OSError:
            self._own = frozenset()
        self._left = _MAX_FILES

    def provide(self, source: str, tree: ast.AST, modules: Iterable[str]) -> None:
        """Makes the files that a program will look for, as far as its text tells; called in the child.

        Args:
            source: the program.
            tree: the program, parsed.
            modules: the modules that it imports; no folder may have such a name.
        """
        if not self._enabled:
            return
        if "://" in source:
            web.install(web.Pages(partial(kinds.may_lie_at, source=source), partial(self._page, source=source)))
        literals = Literals(tree)
        ends = {kinds.extension(text) for text in literals.texts} | {
            kinds.extension(f"x{part}") for part in literals.parts
        }
        mentioned = {kind for end in ends if end and (kind := self._kind(f"x.{end}"))}
        roots = {module.partition(".")[0] for module in modules}
        folders = literals.parts | set(literals.listed) | {posixpath.dirname(text) for text in literals.texts}
        for text in sorted(literals.texts - literals.models):
            kind = None if text in folders and not kinds.extension(text) else self._kind(text)
            if kind is None or self._is_below(text, literals.made) or text.lstrip("./").partition("/")[0] in roots:
                continue
            if text in literals.written:
                self._make_folder(os.path.dirname(text))  # the folder is an input, the file is not
            else:
                self._make(text, kind)
        for text, classes in sorted(literals.listed.items()):
            self._fill(text, mentioned, classes=classes)
        for text in sorted(literals.data_sets):
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
                lines = ["background", *lines]  # TensorFlow's classifiers have this class first
            return "".join(f"{line}\n" for line in lines).encode()
        if kind in self._own:
            with contextlib.suppress(OSError), open(os.path.join(self._folder, f"sample.{kind}"), "rb") as file:
                return file.read()
        return self._files.get(f"sample.{kind}")

    def _is_below(self, path: str, folders: set[str]) -> bool:
        path = posixpath.normpath(path)
        return any(path == folder or path.startswith(f"{folder}/") for folder in folders)

    def _may_write(self, path: str) -> str | None:
        """The absolute path, if it is in a folder for inputs and not hidden; else None."""
        full = os.path.abspath(path)
        below = os.path.relpath(full, os.getcwd())
        if any(part[0] == "." for part in below.split("/") if part not in ("", ".", "..")):
            return None
        return full if full.startswith(self._places) else None

    def _make(self, path: str, kind: str) -> None:
        """Makes a file unless something exists at its path."""
        full = self._may_write(path)
        if full is None or self._left <= 0 or os.path.lexists(full):
            return
        content = self._content(os.path.basename(full), kind)
        if content is None:
            return
        self._left -= 1
        with contextlib.suppress(OSError, ValueError):  # lone surrogates, for example, are no valid name
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
        """Makes a missing file when Python opens it to read, if the program mentions its kind."""

        def look(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open":
                return
            with contextlib.suppress(Exception):  # a program can raise the event itself, with any arguments
                path, _, flags = arguments
                kind = None if flags & _WRITING or isinstance(path, int | bytes) else self._kind(os.fspath(path))
                if kind in mentioned:
                    self._make(os.fspath(path), kind)

        sys.addaudithook(look)
