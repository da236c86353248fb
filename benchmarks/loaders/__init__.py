"""Benchmarks of the field, made into folders from the files that their authors publish.

``benchmarks fetch`` puts the published file, whose digest is pinned here, into the data folder. It is made into a
folder in the user's cache when it is first loaded, and again when the code that makes it changes.
"""

import hashlib
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from apigauge.benchmarks import folder
from apigauge.benchmarks.files import cache_dir, find
from apigauge.benchmarks.types import Benchmark
from apigauge.errors import DataError


@dataclass(frozen=True, slots=True)
class Source:
    """A published file.

    Attributes:
        package: what pip calls it; empty if it is no package.
        version: of the package, or the commit.
        file: its name in the data folder.
        sha256: of the file; empty if only the commit says what it is.
        needs_python: the Python that pip has to look for, which need not be the one that runs.
        url: where it is if it is no package.
    """

    package: str
    version: str
    file: str
    sha256: str
    needs_python: str = "3.12"
    url: str = ""


BFCL = Source(
    "bfcl-eval",
    "2026.3.23",
    "bfcl_eval-2026.3.23-py3-none-any.whl",
    "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
)
DATAFRAMEBENCH = Source(
    "dataframebench",
    "0.1.1",
    "dataframebench-0.1.1-py3-none-any.whl",
    "27e493ecd609cf0b947d83296ffba6c4b9e416f38f56fae455858a3e77b27390",
)
# The commit alone says what it is: its digest has not been seen, and archives of one commit may differ in their bytes.
GITCHAMELEON = Source(
    "",
    "630daf9",
    "gitchameleon-630daf9.tar.gz",
    "",
    url="https://github.com/mrcabbage972/GitChameleonBenchmark/archive/630daf9.tar.gz",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a benchmark is made.

    Attributes:
        source: the file that it is made from.
        module: the module in this package whose ``make(file, name, out)`` writes the folder.
    """

    source: Source
    module: str


RECIPES = {
    "bfcl": Recipe(BFCL, "bfcl"),
    "dataframebench-pandas": Recipe(DATAFRAMEBENCH, "dataframebench"),
    "dataframebench-polars": Recipe(DATAFRAMEBENCH, "dataframebench"),
    "gitchameleon": Recipe(GITCHAMELEON, "gitchameleon"),
}


def loader(name: str) -> Callable[[Path | None], Benchmark]:
    """The function that loads one of these benchmarks from a data folder."""
    return partial(load, name)


def load(name: str, data_dir: Path | None) -> Benchmark:
    """One of :data:`RECIPES`.

    Raises:
        DataError: the published file is missing or is not the pinned one.
    """
    recipe = RECIPES[name]
    file = find(recipe.source.file, data_dir, name)
    digest = sha256_of(file)
    if recipe.source.sha256 and digest != recipe.source.sha256:
        raise DataError(
            f"{file}: has SHA-256 {digest}, but {recipe.source.sha256} is expected; delete it and run "
            f"`apigauge benchmarks fetch {name}`."
        )
    return replace(folder.load(_made(name, recipe, file, digest)), path="")


def _made(name: str, recipe: Recipe, file: Path, digest: str) -> Path:
    """The benchmark's folder in the user's cache, named by all that decides its content."""
    here = Path(__file__).parent
    code = [here / "__init__.py", here / f"{recipe.module}.py", *sorted((here / "environments" / name).glob("*"))]
    key = hashlib.sha256(digest.encode() + b"".join(path.read_bytes() for path in code)).hexdigest()
    target = cache_dir().parent / "benchmarks" / f"{name}-{key[:16]}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        try:
            import_module(f"apigauge.benchmarks.loaders.{recipe.module}").make(file, name, scratch)
            scratch.chmod(0o755)
            scratch.rename(target)
        except OSError as error:
            if not target.is_dir():  # else another process was faster
                raise DataError(f"{name}: cannot be made from {file}: {error}") from error
        except (KeyError, IndexError, TypeError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise DataError(f"{name}: {file} does not have the expected form ({error!r})") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def sha256_of(path: Path) -> str:
    """A file's digest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a file of JSON lines; fields without a value are left out."""
    lines = (
        json.dumps({name: value for name, value in row.items() if value not in (None, "")}, ensure_ascii=False)
        for row in rows
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
