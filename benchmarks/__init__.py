"""Benchmarks: the questions, and what counts as their answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import DataError, UsageError, did_you_mean

__all__ = ["Api", "Benchmark", "Item", "load_benchmark", "names", "reopen"]


def _loaders() -> dict[str, Callable[[Path | None], Benchmark]]:
    from apigauge.benchmarks import apibench, folder, loaders, mini

    readers: dict[str, Callable[[Path | None], Benchmark]] = {
        "mini": lambda _data_dir: replace(folder.load(mini.FOLDER), path="")
    }
    readers |= {name: loaders.loader(name) for name in loaders.RECIPES}
    for hub in apibench.HUBS:
        readers[f"apibench-{hub}"] = apibench.loader(hub)
    return readers


def names() -> list[str]:
    """The name of every benchmark that comes with apigauge, sorted."""
    return sorted(_loaders())


def load_benchmark(name: str, data_dir: Path | None = None) -> Benchmark:
    """Reads a benchmark.

    Args:
        name: one of :func:`names`; or the path of a folder with a ``benchmark.toml``, or of an archive (.zip, .tar,
            .tar.gz) of one, with a slash in it or to something that exists.
        data_dir: where the files of APIBench are; by default ``$APIGAUGE_DATA``, then the user's cache folder.

    Raises:
        UsageError: no benchmark has that name.
        DataError: its files are missing or damaged; the message says which and which folders were searched.
    """
    loaders = _loaders()
    if name in loaders:
        return loaders[name](data_dir)
    path = Path(name)
    if path.is_dir() or path.is_file():
        return _read(path, loaders)
    if path.name != name:
        raise UsageError(f"no benchmark is at {name}: there is no such folder or archive")
    hint = did_you_mean(name, loaders)
    raise UsageError(
        f"no benchmark is called {name!r}; there are: {', '.join(sorted(loaders))}, and folders of your own{hint}"
    )


def _read(path: Path, loaders: Mapping[str, object]) -> Benchmark:
    """A benchmark of the user's own.

    Raises:
        UsageError: the folder is none.
        DataError: it is damaged, or has the name of one that comes with apigauge.
    """
    from apigauge.benchmarks import archive, folder

    unpacked = path if path.is_dir() else archive.unpack(path)
    if not folder.is_folder(unpacked):
        raise UsageError(f"{path}: no benchmark, since it has no {folder.SETTINGS}")
    benchmark = replace(folder.load(unpacked), path=str(path))
    if benchmark.name in loaders:
        raise DataError(
            f"{unpacked / folder.SETTINGS}: a benchmark that comes with apigauge is called {benchmark.name!r}; give "
            "yours another name"
        )
    return benchmark


def reopen(record: Mapping[str, Any], data_dir: Path | None = None) -> Benchmark:
    """The benchmark of a run, by what its manifest says of it.

    Args:
        record: the manifest's ``benchmark``.
        data_dir: as for :func:`load_benchmark`.

    Raises:
        UsageError: a benchmark of that name does not come with apigauge, and the record has no path.
        DataError: it is not where the run found it, or another one is there.
    """
    name, path = str(record.get("name", "")), str(record.get("path") or "")
    if not path:
        return load_benchmark(name, data_dir)
    try:
        benchmark = load_benchmark(path, data_dir)
    except UsageError as error:
        raise DataError(
            f"{name}: the run read this benchmark from {path}, and it is not there; put it back, or call the command "
            "from the folder that the path starts from"
        ) from error
    if benchmark.name != name:
        raise DataError(f"{path}: holds {benchmark.name!r} now, and the run is of {name!r}")
    return benchmark
