"""A base image from Debian packages, for hosts that reach a Debian mirror but no registry of images.

``debootstrap`` checks the archive's signatures with the host's keyring. Suite and list fix the names of the packages,
but their versions are those of the mirror on the day. So the base is made once and then reused, and every image lists
its packages and versions in ``/etc/apigauge/packages.txt``.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError

SUITE = "bookworm"
REPOSITORY = "apigauge/base"
LABEL = "org.apigauge.debootstrap"
PYTHON = "python3"
# No program reads these; without them the image is faster to transfer. Copyright files stay.
DROPPED = (
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/log/*",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale/*",
    "usr/share/man",
)
# What the engine mounts itself: the host's device files and locks do not belong in an image.
EMPTIED = ("dev", "proc", "run", "sys", "tmp")
_LAST_LINES = 12


def debian_base(client: Any, extra: Sequence[str], mirror: str | None, say: Callable[[str], None]) -> str:
    """The tag of a Debian base with Python and the extra packages, made if it does not exist.

    Raises:
        SandboxError: debootstrap is missing or fails, or this process is not root.
    """
    packages = ",".join((PYTHON, *sorted(extra)))
    version = f"{SUITE}-{hashlib.sha256(packages.encode()).hexdigest()[:8]}" if extra else SUITE
    tag = f"{REPOSITORY}:{version}"
    if client.images.list(filters={"reference": tag, "label": f"{LABEL}={packages}"}):
        return tag
    check_host()
    say(f"{tag}: debootstrap of {SUITE} with {packages} (about a minute)")
    with tempfile.TemporaryDirectory(prefix="apigauge-base-") as scratch:
        root = Path(scratch, "root")
        _debootstrap(root, packages, mirror or host_mirror())
        say(f"{tag}: packing it and handing it to the engine")
        _trim(root)
        archive = _pack(root, Path(scratch, "root.tar"))
        answer = client.api.import_image_from_file(
            str(archive), repository=REPOSITORY, tag=version, changes=[f"LABEL {LABEL}={packages}"]
        )
    if "sha256:" not in answer:
        raise SandboxError(f"{tag}: the engine did not import the base: {answer.strip()[-500:]}")
    return tag


def check_host() -> None:
    """Check early what would make debootstrap fail late.

    Raises:
        SandboxError: debootstrap is not installed or this process is not root.
    """
    instead = "or use --base docker on a host that reaches a registry of images"
    if shutil.which("debootstrap") is None:
        raise SandboxError(f"--base debootstrap: no program `debootstrap` on PATH; install Debian's package, {instead}")
    if os.geteuid() != 0:
        raise SandboxError(f"--base debootstrap: needs root, and this is user {os.geteuid()}; run as root, {instead}")


def host_mirror() -> str | None:
    """The mirror that the host's apt uses for ``SUITE``; None leaves the choice to debootstrap."""
    if shutil.which("apt-get") is None:
        return None
    columns = "$(CODENAME) $(COMPONENT) $(REPO_URI)"
    call = ["apt-get", "indextargets", "--format", columns, "Identifier: Packages"]
    completed = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - constant words
    rows = [line.split(maxsplit=2) for line in completed.stdout.splitlines()]
    return next((row[2] for row in rows if row[:2] == [SUITE, "main"] and len(row) == 3), None)


def _debootstrap(root: Path, packages: str, mirror: str | None) -> None:
    """Fill a folder with a minimal Debian.

    Raises:
        SandboxError: debootstrap failed; with the last lines of its output.
    """
    call = ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(root)]
    call += [mirror] if mirror else []
    try:
        completed = subprocess.run(  # noqa: S603 - constant words and the caller's mirror, no shell
            call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    finally:
        for name in ("proc", "sys"):
            # A killed debootstrap leaves them mounted, and the folder is removed next.
            if (root / name).is_mount():
                subprocess.run(["umount", "--lazy", str(root / name)], check=False)  # noqa: S603, S607 - as above
    if completed.returncode:
        lines = completed.stdout.strip().splitlines()[-_LAST_LINES:]
        raise SandboxError("\n".join((f"debootstrap of {SUITE} failed with exit code {completed.returncode}:", *lines)))


def _trim(root: Path) -> None:
    """Remove what no program reads."""
    unread = [path for pattern in DROPPED for path in root.glob(pattern)]
    for folder in root.glob("usr/share/doc/*"):
        # A link inside the tree may be absolute, and would point to the host's own documents.
        if not folder.is_symlink():
            unread += [path for path in folder.iterdir() if path.name != "copyright"]
    for path in unread:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _pack(root: Path, archive: Path) -> Path:
    """Pack the folder into one archive with numeric owners: the host's user names mean nothing in the image."""

    def clean(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if any(entry.name.startswith(f"./{name}/") for name in EMPTIED):
            return None
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=clean)
    return archive
