"""Digests of files, one function for each rule.

Images, hubs and manifests are named by these digests, so a rule never changes. There are two, because what they digest
differs: a few small files that are read anyway, and folders of models that hold links and may be too large to read.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path


def sized_files_digest(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 over files in the order given, each preceded by its name and size.

    With the size in front, text that moves from the end of one file to the beginning of the next changes the digest.

    Args:
        files: name and content of each file.
    """
    digest = hashlib.sha256()
    for name, data in files:
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def tree_digest(folder: Path, *, contents: bool = True) -> str:
    """SHA-256 over a folder: every file's path, size and bytes, every link's target; not times, owners or modes.

    Args:
        folder: where to look.
        contents: whether to read the files; a cache of real models is too large for that, and names its files by
            their digests.
    """
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*files, *(one for one in folders if os.path.islink(os.path.join(parent, one)))]):  # noqa: PTH114, PTH118
            path = Path(parent, name)
            status = path.lstat()
            line = f"{path.relative_to(folder).as_posix()}\0"
            if stat.S_ISLNK(status.st_mode):
                line += f"-> {os.readlink(path)}\0"  # noqa: PTH115
            elif stat.S_ISREG(status.st_mode):
                line += f"{status.st_size}\0"
                if contents:
                    with path.open("rb") as file:
                        line += hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def short_digest(data: bytes) -> str:
    """The first twelve hexadecimal digits of the SHA-256, for a manifest."""
    return hashlib.sha256(data).hexdigest()[:12]
