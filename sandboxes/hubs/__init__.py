"""What the programs in a sandbox find when they load a model: one folder per hub.

Three modes. ``stand-in``: every address of the hub's catalogue is there and every model behind one is tiny, built here
from a specification that comes with apigauge. ``snapshot``: a cache that the user has filled, as it is. ``live``: a
cache that is filled from the hub while programs run, by the host; no program ever has a network.

In each mode the models are files, mounted read-only, in the layout in which the hub's own library keeps its cache.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

from apigauge.errors import SandboxError, UsageError, did_you_mean

FOLDER = Path(__file__).parent
# Where a hub is mounted in a sandbox.
MOUNT = "/hub"
# What the builder writes beside the models.
DESCRIPTION = "hub.json"

Mode = Literal["stand-in", "live", "snapshot"]
MODES: tuple[Mode, ...] = Mode.__args__  # type: ignore[attr-defined]

# The variables by which a hub's own library finds its cache.
_CACHES = {
    "huggingface": {"HF_HUB_CACHE": "{hub}", "HUGGINGFACE_HUB_CACHE": "{hub}"},
    "tensorflowhub": {"TFHUB_CACHE_DIR": "{hub}"},
    "torchhub": {"TORCH_HOME": "{hub}"},
}


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub as the programs of a sandbox see it.

    Attributes:
        name: ``huggingface``, ``torchhub`` or ``tensorflowhub``.
        mode: where the models come from.
        folder: what is mounted, read-only.
        digest: SHA-256 over everything in the folder; None if that may change while programs run.
        variables: environment variables of every program, with ``{hub}`` where the mount goes.
    """

    name: str
    mode: Mode
    folder: Path
    digest: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def variables_at(self, place: str) -> dict[str, str]:
        """The variables for a hub that programs find at a place."""
        return {name: value.replace("{hub}", place) for name, value in self.variables.items()}

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"name": self.name, "mode": self.mode, "digest": self.digest}


def names() -> tuple[str, ...]:
    """The hubs there are stand-ins for."""
    return tuple(_CACHES)


def check_name(name: str) -> None:
    """Refuses what is no hub.

    Raises:
        UsageError: there is no hub of that name.
    """
    if name not in names():
        raise UsageError(f"hub {name!r} is not known; there are: {', '.join(names())}{did_you_mean(name, names())}")


def specification_digest(name: str) -> str:
    """SHA-256 over all that decides what a stand-in hub holds, besides the environment it is built in."""
    digest = hashlib.sha256()
    for path in sorted(specification_files(name)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(FOLDER)} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def specification_files(name: str) -> Iterator[Path]:
    """A hub's builder and its data."""
    for path in (FOLDER / name).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def cache() -> Path:
    """Where built hubs are kept."""
    return platformdirs.user_cache_path("apigauge") / "hubs"


def built(name: str) -> Iterator[Path]:
    """Every folder that holds this stand-in hub, built from the specification there is now, newest first."""
    found = cache().glob(f"{name}-{specification_digest(name)[:12]}-*/record.json")
    yield from (path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


def stand_in_hub(name: str) -> Hub:
    """The stand-in hub of that name.

    Raises:
        UsageError: there is none of that name.
        SandboxError: it is not built.
    """
    check_name(name)
    for folder in built(name):
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        description = json.loads((folder / "files" / DESCRIPTION).read_text(encoding="utf-8"))
        return Hub(name, "stand-in", folder / "files", record["digest"], description["variables"])
    raise SandboxError(f"the stand-in hub {name!r} is not built; build it: `apigauge hubs build {name}`.")


def snapshot_hub(name: str, folder: Path) -> Hub:
    """A cache that the user has filled: what ``HF_HUB_CACHE``, ``TORCH_HOME`` or ``TFHUB_CACHE_DIR`` named then.

    Raises:
        UsageError: there is no hub of that name, or no such folder.
    """
    check_name(name)
    if not folder.is_dir():
        raise UsageError(f"--hub snapshot: {folder} is no folder; give the cache of {name}'s own library")
    return Hub(name, "snapshot", folder.resolve(), tree_digest(folder, contents=False), _CACHES[name])


def live_hub(name: str) -> Hub:
    """A cache of its own that is filled while programs run.

    Raises:
        UsageError: there is no hub of that name.
    """
    check_name(name)
    folder = cache() / f"{name}-live"
    folder.mkdir(parents=True, exist_ok=True)
    return Hub(name, "live", folder, None, _CACHES[name])


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
            what = path.lstat()
            line = f"{path.relative_to(folder).as_posix()}\0"
            if stat.S_ISLNK(what.st_mode):
                line += f"-> {os.readlink(path)}\0"  # noqa: PTH115
            elif stat.S_ISREG(what.st_mode):
                line += f"{what.st_size}\0"
                if contents:
                    with path.open("rb") as file:
                        line += hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()
