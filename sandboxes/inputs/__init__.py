"""Small valid files of every kind that programs read, for paths and addresses that do not exist.

``sandboxes/worker/inputs.py`` and ``web.py`` give them to programs; ``build.py`` in this folder has made them.
"""

import base64
from functools import cache
from pathlib import Path
from typing import Any, Literal

from apigauge.sandboxes.digests import sized_files_digest

Inputs = Literal["fixtures", "none"]
"""``fixtures``: a path or address that does not exist yields a small valid file of its kind. ``none``: it fails."""

# Further writable folders in which inputs can be placed. Of the 88 absolute paths of inputs in APIBench's references
# and the released answers, 83 are below this one; the others are in the root itself.
ROOTS = ("/path",)
_FOLDER = Path(__file__).parent / "files"


def roots(inputs: Inputs) -> tuple[str, ...]:
    """Folders that a sandbox with its own root adds to the writable ones."""
    return ROOTS if inputs == "fixtures" else ()


@cache
def files() -> dict[str, bytes]:
    """Every file by its name: ``sample.EXTENSION``, and lists of class names."""
    return {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir())}


@cache
def digest() -> str:
    """Twelve hexadecimal digits over all names and contents, since verdicts depend on what programs read."""
    return sized_files_digest(files().items())[:12]


def described(inputs: Inputs) -> dict[str, Any]:
    """For the manifest."""
    return {"mode": inputs, "digest": digest() if inputs == "fixtures" else None}


def packed() -> dict[str, str]:
    """The files as Base64, for a message."""
    return {name: base64.b64encode(data).decode("ascii") for name, data in files().items()}
