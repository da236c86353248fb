"""The wheels of an environment: which ones (``lock.txt``), and where they are stored on the host (the wheelhouse).

pip takes packages from the index in the user's own pip settings; nothing here names one. Each wheel must have the
digest in the lock, so the index need not be trusted.
"""

import hashlib
import importlib.util
import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from apigauge.errors import SandboxError
from apigauge.sandboxes.environments import Environment
from apigauge.sandboxes.in_use import hold

# The newest glibc first: Debian bookworm has 2.36, and pip does not derive the older platform tags itself.
_GLIBC = range(36, 16, -1)
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in _GLIBC), "manylinux2014_x86_64")
TARGET = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    "--abi=cp311",
    *(f"--platform={name}" for name in PLATFORMS),
)
HEADER = "# Written by relock() from requirements.txt; not by hand.\n"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})")
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock: exactly one wheel."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def pins(environment: Environment) -> tuple[Pin, ...]:
    """The pins of an environment's lock.

    Raises:
        SandboxError: a line is anything but ``NAME==VERSION --hash=sha256:DIGEST``, which would let pip choose.
    """
    locked = []
    lines = (environment.folder / "lock.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if (match := _PIN.fullmatch(line)) is None:
            raise SandboxError(
                f"environment {environment.name}: line {number} of lock.txt is not NAME==VERSION --hash=sha256:DIGEST: "
                f"{line!r}; write the lock again from requirements.txt"
            )
        locked.append(Pin(**match.groupdict()))
    return tuple(locked)


def wheelhouse(
    environment: Environment, cache: Path, say: Callable[[str], None], wheels: Path | None = None
) -> tuple[Path, ...]:
    """The locked wheels on this host; missing ones are downloaded.

    Args:
        environment: whose lock.
        cache: apigauge's cache folder.
        say: receives a line if something is downloaded.
        wheels: a folder of wheels to take them from instead of an index.

    Raises:
        SandboxError: pip does not find a wheel, or only one with another digest.
    """
    locked = pins(environment)
    if not locked:
        return ()
    lock = environment.folder / "lock.txt"
    folder = cache / "wheelhouse" / hashlib.sha256(lock.read_bytes()).hexdigest()
    hold(str(folder))
    if (complete := _complete(locked, folder)) is None:
        say(f"{environment.name}: {'copying' if wheels else 'downloading'} {len(locked)} wheels")
        # The lock is complete, and pip would resolve dependencies for the Python that runs it, not the one in the
        # image.
        options = ("--no-deps", "--require-hashes", *TARGET, f"--dest={folder}", f"--requirement={lock}")
        failure = f"environment {environment.name}: the locked wheels cannot be downloaded"
        _pip("download", (*options, *_source(wheels)), failure)
        complete = _complete(locked, folder)
    if complete is None:
        raise SandboxError(
            f"{folder}: still lacks wheels of the lock after the download; remove the folder and try again"
        )
    return complete


def relock(environment: Environment, wheels: Path | None = None) -> tuple[Path, tuple[Path, ...]]:
    """Write ``lock.txt`` from ``requirements.txt`` with pip's own resolver.

    Args:
        environment: whose requirements.
        wheels: a folder of wheels to choose from instead of an index.

    Returns:
        The lock's path, and the wheels that pip chose in folders of this machine.

    Raises:
        SandboxError: pip finds no solution, or this Python is not the version or platform of the image.
    """
    if sys.version_info[:2] != (3, 11) or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        # pip evaluates environment markers for the Python that runs it, and has no option for another.
        raise SandboxError(
            f"locking needs Python 3.11 on Linux x86_64, as in the image; this is {platform.python_version()} "
            f"on {sys.platform} {platform.machine()}"
        )
    options = (
        "--dry-run",
        "--quiet",
        "--ignore-installed",
        "--report=-",
        "--target=unused",
        *TARGET,
        *(() if environment.resolve else ("--no-deps",)),
        *_source(wheels),
        f"--requirement={environment.folder / 'requirements.txt'}",
    )
    report = json.loads(_pip("install", options, f"environment {environment.name}: requirements.txt has no solution"))
    solution = sorted((_pin(row) for row in report["install"]), key=lambda pin: pin.name)
    path = environment.folder / "lock.txt"
    path.write_text(HEADER + "".join(f"{pin}\n" for pin in solution), encoding="utf-8")
    addresses = [urlsplit(row["download_info"]["url"]) for row in report["install"]]
    return path, tuple(Path(url2pathname(one.path)) for one in addresses if one.scheme == "file")


def _source(wheels: Path | None) -> tuple[str, ...]:
    """Pip's options for a folder of wheels and no index, or for what the user's own settings of pip name.

    The wheel of pip that Python brings counts as in both: a user's folder of wheels need not have one.
    """
    # Debian packs it apart, so that a Python may have none.
    spec = importlib.util.find_spec("ensurepip")
    bundled = (f"--find-links={Path(spec.origin).parent / '_bundled'}",) if spec and spec.origin else ()
    return bundled if wheels is None else ("--no-index", f"--find-links={wheels}", *bundled)


def _pin(row: dict[str, object]) -> Pin:
    """One entry of pip's installation report (https://pip.pypa.io/en/stable/reference/installation-report/)."""
    metadata, download = row["metadata"], row["download_info"]
    assert isinstance(metadata, dict)
    assert isinstance(download, dict)
    name = re.sub(r"[-_.]+", "-", metadata["name"]).lower()
    return Pin(name, metadata["version"], download["archive_info"]["hashes"]["sha256"])


def _complete(locked: Sequence[Pin], folder: Path) -> tuple[Path, ...] | None:
    """The wheels in a folder if all are there with the right digest, else None: a download may have been cut off."""
    missing = {pin.sha256 for pin in locked}
    wheels = []
    for path in sorted(folder.glob("*.whl")):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest in missing:
            missing.remove(digest)
            wheels.append(path)
    return None if missing else tuple(wheels)


def _pip(command: str, options: Sequence[str], failure: str) -> str:
    """Runs pip and returns its standard output.

    Raises:
        SandboxError: pip failed; with its last lines, which name the package.
    """
    call = [sys.executable, "-m", "pip", command, "--disable-pip-version-check", *options]
    completed = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if completed.returncode:
        lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-_LAST_LINES:]
        raise SandboxError("\n".join((f"{failure}; pip says:", *lines)))
    return completed.stdout
