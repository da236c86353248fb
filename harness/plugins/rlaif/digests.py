"""SHA-256 digests of what a result depends on."""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any


def json_digest(value: Any, *, sort_keys: bool = False) -> str:
    """Of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=sort_keys).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folder_digest(folder: Path, *, without: Collection[str] = ()) -> str:
    """Of the names and contents of a folder's files, those with the names in ``without`` left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in without:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
