"""The models that programs in a sandbox can load: one folder per hub.

There are three modes. ``stand-in``: every address of the hub's catalogue exists and has a tiny model, built on this
machine from a specification that comes with apigauge. ``snapshot``: a cache that the user has filled, unchanged.
``live``: a cache that the host fills from the hub while programs run; no program ever has a network.

In each mode the models are files, mounted read-only, in the layout of the cache of the hub's own library.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

from apigauge.errors import SandboxError, UsageError, did_you_mean
from apigauge.sandboxes.digests import sized_files_digest, tree_digest
from apigauge.sandboxes.in_use import hold

FOLDER = Path(__file__).parent
# Where a hub is mounted in a sandbox.
MOUNT = "/hub"
# The description that the builder writes next to the models.
DESCRIPTION = "hub.json"

Mode = Literal["stand-in", "live", "snapshot"]
MODES: tuple[Mode, ...] = Mode.__args__  # type: ignore[attr-defined]

# The variables that tell a hub's own library where its cache is.
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
        digest: SHA-256 over everything in the folder; None if the folder may change while programs run.
        variables: environment variables of every program, with ``{hub}`` in the place of the mount point.
    """

    name: str
    mode: Mode
    folder: Path
    digest: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def variables_at(self, place: str) -> dict[str, str]:
        """The variables for programs that have the hub mounted at ``place``."""
        return {name: value.replace("{hub}", place) for name, value in self.variables.items()}

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"name": self.name, "mode": self.mode, "digest": self.digest}


def names() -> tuple[str, ...]:
    """The names of all hubs."""
    return tuple(_CACHES)


def check_name(name: str) -> None:
    """Checks that a hub has that name.

    Raises:
        UsageError: no hub has that name.
    """
    if name not in names():
        raise UsageError(f"hub {name!r} is not known; there are: {', '.join(names())}{did_you_mean(name, names())}")


def specification_digest(name: str) -> str:
    """SHA-256 over a stand-in hub's specification, which decides its content together with the environment."""
    paths = sorted(specification_files(name))
    return sized_files_digest((str(path.relative_to(FOLDER)), path.read_bytes()) for path in paths)


def specification_files(name: str) -> Iterator[Path]:
    """The files of a hub's builder and its data."""
    for path in (FOLDER / name).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def cache() -> Path:
    """The folder of all built hubs."""
    return platformdirs.user_cache_path("apigauge") / "hubs"


def built(name: str) -> Iterator[Path]:
    """Every folder with this stand-in hub, built from the present specification, newest first."""
    records = cache().glob(f"{name}-{specification_digest(name)[:12]}-*/record.json")
    yield from (path.parent for path in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True))


def stand_in_hub(name: str) -> Hub:
    """The stand-in hub of that name.

    Raises:
        UsageError: no hub has that name.
        SandboxError: the hub is not built.
    """
    check_name(name)
    for folder in built(name):
        hold(str(folder))
        if not folder.is_dir():  # removed meanwhile
            continue
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        description = json.loads((folder / "files" / DESCRIPTION).read_text(encoding="utf-8"))
        return Hub(name, "stand-in", folder / "files", record["digest"], description["variables"])
    raise SandboxError(f"the stand-in hub {name!r} is not built; build it: `apigauge hubs build {name}`.")


def snapshot_hub(name: str, folder: Path) -> Hub:
    """A cache that the user has filled: the folder that was ``HF_HUB_CACHE``, ``TORCH_HOME`` or ``TFHUB_CACHE_DIR``.

    Raises:
        UsageError: no hub has that name, or the folder does not exist.
    """
    check_name(name)
    if not folder.is_dir():
        raise UsageError(f"--hub snapshot: {folder} is no folder; give the cache of {name}'s own library")
    return Hub(name, "snapshot", folder.resolve(), tree_digest(folder, contents=False), _CACHES[name])


def live_hub(name: str) -> Hub:
    """A cache that apigauge fills from the hub while programs run.

    Raises:
        UsageError: no hub has that name.
    """
    check_name(name)
    folder = cache() / f"{name}-live"
    hold(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    return Hub(name, "live", folder, None, _CACHES[name])
