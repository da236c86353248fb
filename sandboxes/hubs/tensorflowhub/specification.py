"""Which handles the hub has, and what is behind each: ``handles.jsonl``, one row per handle.

A row holds the handle without its host, its family (a function of this package that makes a model), the family's
options, and the source from which the model is known to exist (see README.md). No heavy library is needed here.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "https://tfhub.dev/"
FILE = Path(__file__).parent / "handles.jsonl"
SOURCES = frozenset({"hub", "catalogue", "name"})


@dataclass(frozen=True, slots=True)
class Handle:
    """One address and the model behind it.

    Attributes:
        path: the handle without its host, ``google/yamnet/1``.
        family: name of the function that makes the model.
        options: the family's options, sizes mostly.
        source: from where it is known: ``hub``, ``catalogue`` or ``name``.
    """

    path: str
    family: str
    options: Mapping[str, Any]
    source: str

    @property
    def url(self) -> str:
        """What a program writes."""
        return HOST + self.path

    @property
    def model(self) -> str:
        """Name of the folder with the model; handles with equal family and options share it."""
        return model_name(self.family, self.options)


def model_name(family: str, options: Mapping[str, Any]) -> str:
    """A folder's name, the same on every machine and at every call."""
    text = json.dumps(options, sort_keys=True)
    return f"{family}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def cache_name(url: str) -> str:
    """The folder that ``tensorflow_hub`` looks for below ``TFHUB_CACHE_DIR`` (compressed_module_resolver.py)."""
    return hashlib.sha1(url.encode("utf8")).hexdigest()  # noqa: S324 - the library's own choice


def spellings(url: str) -> tuple[str, ...]:
    """The addresses under which the hub itself has a model: with a query that names the format too."""
    return url, f"{url}?tf-hub-format=compressed"


def read(lines: Iterable[str] | None = None) -> tuple[Handle, ...]:
    """Every handle, in the order of the file, which is sorted."""
    rows = FILE.read_text(encoding="utf-8").splitlines() if lines is None else lines
    handles = []
    for row in rows:
        fields = json.loads(row)
        path, family, source = (fields.pop(name) for name in ("handle", "family", "source"))
        handles.append(Handle(path, family, fields, source))
    return tuple(handles)


def models(handles: Iterable[Handle]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Every model once, by the name of its folder: family and options."""
    return {handle.model: (handle.family, handle.options) for handle in handles}
