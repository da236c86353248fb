"""The questions of a plugin's benchmark, kept with a run: whoever reads it later may not have the plugin."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apigauge.benchmarks import reopen
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import DataError, RunError, UsageError
from apigauge.extensions import added

FILE = "questions.jsonl"
_FIELDS = ("id", "instruction", "reference_call", "reference_program", "domain", "api")


def keep(benchmark: Benchmark, run: Path) -> None:
    """Writes the questions into a run's folder, if the benchmark is a plugin's."""
    if benchmark.path or benchmark.name not in added("benchmarks"):
        return
    rows = ({name: getattr(item, name) for name in _FIELDS} for item in benchmark.items)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    if (run / FILE).is_file() and (run / FILE).read_bytes() == text:
        return
    temporary = run / f".{FILE}.tmp"
    temporary.write_bytes(text)
    temporary.replace(run / FILE)


def reopen_for(run: Path, record: Mapping[str, Any], data_dir: Path | None = None) -> Benchmark:
    """The benchmark of a run that is read, and not scored: as it is here, or else the questions that the run keeps.

    Args:
        run: the run directory.
        record: the manifest's ``benchmark``.
        data_dir: as for :func:`~apigauge.benchmarks.load_benchmark`.

    Returns:
        The benchmark; of a plugin that is gone its items, with nothing that is not needed to read a run.

    Raises:
        UsageError: no benchmark has that name, and the run keeps no questions.
        DataError: the benchmark's data is not here.
        RunError: the questions are damaged.
    """
    try:
        return reopen(record, data_dir)
    except (UsageError, DataError):
        if not (run / FILE).is_file():
            raise
    return Benchmark(
        name=str(record["name"]), items=_read(run / FILE), catalogue=(), digest=str(record.get("digest", ""))
    )


def _read(path: Path) -> tuple[Item, ...]:
    items = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = json.loads(line)
            texts = {name: row[name] for name in _FIELDS}
            if not all(isinstance(text, str) for text in texts.values()):
                raise TypeError("a field is no text")  # noqa: TRY301 - joins the errors below
            items.append(Item(**texts))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunError(f"{path}, line {number}: not a question ({error}); install the plugin again") from error
    return tuple(items)
