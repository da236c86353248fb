"""What is installed where a program runs: one folder per environment.

A folder holds ``environment.json`` (what the worker imports before it forks, environment variables, Debian packages),
``requirements.txt`` (the packages that programs need), ``lock.txt`` (what is installed, with digests), ``Dockerfile``
and ``README.md``, and perhaps ``overlay``: files that replace a package's own. Dockerfile, lock, overlay and
``environment.json`` alone decide what the image holds, so their digest names it.
"""

import json
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from apigauge.errors import SandboxError, UsageError, did_you_mean
from apigauge.extensions import View, added
from apigauge.sandboxes.digests import sized_files_digest

FOLDER = Path(__file__).parent
# Those that come with apigauge; plugins may add others.
OWN = tuple(sorted(path.parent.name for path in FOLDER.glob("*/environment.json")))
_FOLDERS = View(
    lambda: {name: FOLDER / name for name in OWN} | {n: one.value for n, one in added("environments").items()}
)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment as its folder describes it.

    Attributes:
        name: the second half of the image's name; the folder's, unless ``environment.json`` has a ``name``.
        folder: where its files are.
        preload: modules that the worker imports once, before it forks a child per program.
        variables: environment variables of every program.
        debian: Debian packages that the programs need besides Python.
        requirements: names of the packages in ``requirements.txt``; their dependencies are in ``lock.txt``.
        resolve: whether to follow the dependencies that packages declare. Without, ``requirements.txt`` lists every
            package: libraries of several years run together though their declarations exclude each other.
        source: how a user called it: a folder's path, or packages; empty for one that comes with apigauge.
        local_wheels: of one just made, the wheels that pip took from folders of this machine.
    """

    name: str
    folder: Path
    preload: tuple[str, ...]
    variables: dict[str, str]
    debian: tuple[str, ...]
    requirements: tuple[str, ...]
    resolve: bool = True
    source: str = ""
    local_wheels: tuple[Path, ...] = ()

    def without_preload(self, modules: Collection[str]) -> "Environment":
        """The same, but that the worker leaves these modules to each program."""
        return replace(self, preload=tuple(name for name in self.preload if name not in modules))

    @property
    def called(self) -> str:
        """What a user writes on the command line to mean it."""
        return shlex.quote(self.source or self.name)

    @property
    def lock_digest(self) -> str:
        """SHA-256 over the files that decide what is in the image."""
        paths = (*(self.folder / name for name in ("Dockerfile", "lock.txt", "environment.json")), *self.overlay)
        return sized_files_digest((path.relative_to(self.folder).as_posix(), path.read_bytes()) for path in paths)

    @property
    def overlay(self) -> tuple[Path, ...]:
        """Files that the build copies over the installed packages."""
        paths = (path for path in (self.folder / "overlay").rglob("*") if path.is_file())
        return tuple(sorted(path for path in paths if "__pycache__" not in path.parts))

    @property
    def tag(self) -> str:
        """The image's name; another lock is another image, so old ones stay usable for `rerun`."""
        return f"apigauge/{self.name}:{self.lock_digest[:12]}"


def names() -> tuple[str, ...]:
    """The names of all environments."""
    return tuple(sorted(_FOLDERS))


def load(name: str) -> Environment:
    """The environment of that name.

    Raises:
        UsageError: no environment has that name.
    """
    if name not in names():
        raise UsageError(
            f"environment {name!r} is not known; there are: {', '.join(names())}{did_you_mean(name, names())}"
        )
    return replace(read(_FOLDERS[name]), name=name)


def read(folder: Path) -> Environment:
    """The environment in a folder.

    Raises:
        SandboxError: a file is missing or cannot be understood.
    """
    try:
        settings = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return Environment(
            name=settings.get("name", folder.name),
            folder=folder,
            preload=tuple(settings["preload"]),
            variables=dict(settings["variables"]),
            debian=tuple(settings["debian"]),
            resolve=bool(settings.get("resolve", True)),
            requirements=tuple(match[0] for line in lines if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SandboxError(f"environment {folder.name}: cannot be read from its folder: {error!r}") from error
