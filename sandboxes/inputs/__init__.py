"""Small valid files of every kind that programs read, for paths and addresses that do not exist.

What is done with them is ``sandboxes/worker/inputs.py`` and ``web.py``; how they were made is ``build.py`` here.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

Inputs = Literal["fixtures", "none"]
"""``fixtures``: a path or address that does not exist yields a small valid file of its kind. ``none``: it fails."""

# Folders outside the program's own that it can write to, so that inputs can lie there. Of the 88 absolute paths of
# inputs in APIBench's references and the released answers 83 are below this one; the others are in the root itself.
ROOTS = ("/path",)
_FOLDER = Path(__file__).parent / "files"


def roots(inputs: Inputs) -> tuple[str, ...]:
    """Folders that a sandbox with a root of its own adds to those that programs can write to."""
    return ROOTS if inputs == "fixtures" else ()


@cache
def files() -> dict[str, bytes]:
    """Every file by its name: ``sample.EXTENSION``, and lists of class names."""
    return {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir())}


@cache
def digest() -> str:
    """Twelve hexadecimal digits over all names and contents: verdicts depend on what programs read."""
    found = hashlib.sha256()
    for name, data in files().items():
        found.update(f"{name} {len(data)}\n".encode() + data)
    return found.hexdigest()[:12]


def described(inputs: Inputs) -> dict[str, Any]:
    """For the manifest."""
    return {"mode": inputs, "digest": digest() if inputs == "fixtures" else None}


def packed() -> dict[str, str]:
    """The files as a message can carry them."""
    return {name: base64.b64encode(data).decode("ascii") for name, data in files().items()}
