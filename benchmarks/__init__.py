"""Benchmarks: the questions, and what counts as their answers."""

from collections.abc import Callable
from pathlib import Path

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import UsageError, did_you_mean

__all__ = ["Api", "Benchmark", "Item", "load_benchmark", "names"]


def _loaders() -> dict[str, Callable[[Path | None], Benchmark]]:
    from apigauge.benchmarks import apibench, mini

    loaders: dict[str, Callable[[Path | None], Benchmark]] = {"mini": mini.load}
    for hub in apibench.HUBS:
        loaders[f"apibench-{hub}"] = apibench.loader(hub)
    return loaders


def names() -> list[str]:
    """Every benchmark's name, sorted."""
    return sorted(_loaders())


def load_benchmark(name: str, data_dir: Path | None = None) -> Benchmark:
    """Reads a benchmark.

    Args:
        name: one of :func:`names`.
        data_dir: where its files are; by default ``$APIGAUGE_DATA``, then the user's cache folder.

    Raises:
        UsageError: no benchmark has that name.
        DataError: its files are missing or damaged; the message says which and which folders were searched.
    """
    loaders = _loaders()
    if name not in loaders:
        hint = did_you_mean(name, loaders)
        raise UsageError(f"no benchmark is called {name!r}; there are: {', '.join(sorted(loaders))}{hint}")
    return loaders[name](data_dir)
