"""A benchmark in an archive: unpacked once into the user's cache, by the archive's digest."""

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from apigauge.benchmarks.files import cache_dir
from apigauge.errors import DataError

# Far above any benchmark; an archive can claim to unpack into more than a disk holds.
_LARGEST = 2 << 30


def unpack(path: Path) -> Path:
    """The folder that an archive holds, unpacked: the archive's own root, or the only folder in it.

    Args:
        path: of a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file.

    Raises:
        DataError: it is none, or is damaged, or holds files outside its folder.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = cache_dir().parent / "benchmarks" / digest[:32]
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        try:
            _extract(path, scratch)
            scratch.rename(target)
        except OSError as error:
            if not target.is_dir():  # else another process was faster
                raise DataError(f"{path}: cannot be unpacked: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    entries = [entry for entry in target.iterdir() if not entry.name.startswith(".")]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else target


def _extract(path: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_size(path, sum(member.file_size for member in archive.infolist()))
                archive.extractall(folder)  # noqa: S202 - every name is kept inside the folder
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                _check_size(path, sum(member.size for member in archive.getmembers()))
                if not hasattr(tarfile, "data_filter"):
                    raise DataError(f"{path}: this Python cannot unpack a .tar safely (3.11.4 can); make it a .zip")
                archive.extractall(folder, filter="data")
        else:
            raise DataError(f"{path}: neither a folder with a benchmark nor a .zip or .tar archive of one")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: a damaged archive: {error}") from error


def _check_size(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise DataError(f"{path}: unpacks into {size:,} bytes, more than {_LARGEST:,}")
