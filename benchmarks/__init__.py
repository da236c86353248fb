"""Benchmarks: the questions, and what counts as their answers."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import ApigaugeError, DataError, PluginError, UsageError, did_you_mean
from apigauge.extensions import Addition, added

__all__ = ["Api", "Benchmark", "Item", "load_benchmark", "names", "own_names", "reopen"]


def _own() -> dict[str, Callable[[Path | None], Benchmark]]:
    """The loaders of the benchmarks that come with apigauge."""
    from apigauge.benchmarks import apibench, folder, loaders, mini

    readers: dict[str, Callable[[Path | None], Benchmark]] = {
        "mini": lambda _data_dir: replace(folder.load(mini.FOLDER), path="")
    }
    readers |= {name: loaders.loader(name) for name in loaders.RECIPES}
    for hub in apibench.HUBS:
        readers[f"apibench-{hub}"] = apibench.loader(hub)
    return readers


def _loaders() -> dict[str, Callable[[Path | None], Benchmark]]:
    """Those, and the loaders of plugins' benchmarks."""
    return _own() | {name: partial(_of_plugin, name, addition) for name, addition in added("benchmarks").items()}


def _of_plugin(name: str, addition: Addition, _data_dir: Path | None) -> Benchmark:
    """A plugin's benchmark, which has its data with it.

    Raises:
        DataError: its folder is damaged.
        PluginError: its function raises, or makes what cannot be used.
    """
    try:
        benchmark = addition.value() if callable(addition.value) else _read_folder(Path(addition.value))
    except ApigaugeError as error:
        raise DataError(f"{name}: {addition.plugin}: {error}") from error
    except Exception as error:
        raise addition.failure(name, error) from error
    if not isinstance(benchmark, Benchmark) or benchmark.name != name:
        made = f"a benchmark {benchmark.name!r}" if isinstance(benchmark, Benchmark) else type(benchmark).__name__
        raise PluginError(f"{name}: {addition.plugin} gives {made} under this name")
    try:
        pickle.dumps(benchmark.prompt)  # other processes score
    except Exception as error:
        raise PluginError(
            f"{name}: {addition.plugin}: the prompt must be a function at the top of a module ({error})"
        ) from error
    return replace(benchmark, path="")


def own_names() -> list[str]:
    """The name of every benchmark that comes with apigauge, sorted."""
    return sorted(_own())


def names() -> list[str]:
    """The name of every benchmark that comes with apigauge or with an installed plugin, sorted."""
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
        return _read(path)
    if path.name != name:
        raise UsageError(f"no benchmark is at {name}: there is no such folder or archive")
    hint = did_you_mean(name, loaders)
    raise UsageError(
        f"no benchmark is called {name!r}; there are: {', '.join(sorted(loaders))}, and folders of your own{hint}"
    )


def _read(path: Path) -> Benchmark:
    """A benchmark of the user's own.

    Raises:
        UsageError: the folder is none.
        DataError: it is damaged, or has the name of one that comes with apigauge or with a plugin.
    """
    benchmark = _read_folder(path)
    plugins = added("benchmarks")
    if benchmark.name in _own() or benchmark.name in plugins:
        owner = plugins[benchmark.name].package if benchmark.name in plugins else "apigauge"
        settings = path / "benchmark.toml" if path.is_dir() else path
        raise DataError(
            f"{settings}: a benchmark that comes with {owner} is called {benchmark.name!r}; give yours another name"
        )
    return benchmark


def _read_folder(path: Path) -> Benchmark:
    """The benchmark in a folder or an archive.

    Raises:
        UsageError: there is none.
        DataError: it is damaged.
    """
    from apigauge.benchmarks import archive, folder

    unpacked = path if path.is_dir() else archive.unpack(path)
    if not folder.is_folder(unpacked):
        raise UsageError(f"{path}: no benchmark, since it has no {folder.SETTINGS}")
    return replace(folder.load(unpacked), path=str(path))


def reopen(record: Mapping[str, Any], data_dir: Path | None = None) -> Benchmark:
    """The benchmark of a run, by what its manifest says of it.

    Args:
        record: the manifest's ``benchmark``.
        data_dir: as for :func:`load_benchmark`.

    Raises:
        UsageError: a benchmark of that name does not come with apigauge, and the record has no path.
        DataError: it is not where the run found it, or another one is there; or the plugin that has it is gone.
    """
    name, path = str(record.get("name", "")), str(record.get("path") or "")
    if not path:
        if (package := record.get("package")) and name not in names():
            raise DataError(
                f"{name}: this benchmark came with {package}, which is not installed here; install it again"
            )
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
