"""File names for run pages: safe on every file system, and never shared by two runs."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apigauge.reports.views import RunView

MAX_LENGTH = 80
# Windows opens a device for these, whatever the extension.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def page_names(names: Iterable[str]) -> list[str]:
    """One file name without extension per run name, in order.

    Runs of the same name (also when they differ only in case, or in characters a file name cannot have) get ``-2``,
    ``-3`` and so on in the order given.
    """
    taken: set[str] = set()
    stems = []
    for name in names:
        stem = _stem(name)
        candidate, count = stem, 1
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{stem}-{count}"
        taken.add(candidate.casefold())
        stems.append(candidate)
    return stems


def run_pages(runs: "Sequence[RunView]") -> list[str]:
    """The file name of each run's page: the one that it has, or else one made from the runs' names."""
    files = [run.file for run in runs]
    return files if all(files) else page_names(run.name for run in runs)


def _stem(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")[:MAX_LENGTH].rstrip(".-_")
    if not plain:
        return "run"
    return f"run-{plain}" if _RESERVED.fullmatch(plain) else plain


def titles(names: Iterable[str]) -> list[str]:
    """The names as shown: a repeated one is numbered, so that two rows can be told apart."""
    seen: dict[str, int] = {}
    shown = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        shown.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return shown
