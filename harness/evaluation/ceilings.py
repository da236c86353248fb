"""The ceilings of executability: the rates that the references reach in a sandbox, stored and looked up.

A ceiling belongs to one sandbox (image, hub, inputs, limits), so it is stored under the sandbox's description, and only
a run made in an equal one is compared with it.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.metrics.registry import EXECUTION_CODE, LOADER_CODE, code_digest

RATES = ("exec.call", "exec.rate")
# Those that only items with tests or an output have.
OF_SOME = ("exec.correct",)


def folder() -> Path:
    """Where ceilings are stored."""
    return platformdirs.user_cache_path("apigauge") / "ceilings"


def load(benchmark: Benchmark, sandbox: Mapping[str, Any] | None, items: Iterable[str]) -> dict[str, float]:
    """The references' means over these items in a sandbox of the same description; empty if never measured.

    Args:
        benchmark: whose references.
        sandbox: as in a run's manifest.
        items: ids of the items that a run answers.
    """
    if not sandbox:
        return {}
    try:
        stored = json.loads(_path(benchmark, sandbox).read_text(encoding="utf-8"))
        rows = [stored["rows"][item] for item in items]
        if not all(RATES[-1] in row for row in rows):
            return {}
        return means(rows)
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The means over rows of what each of them, or some of them, have; empty without rows."""
    values = {name: [row[name] for row in rows if name in row] for name in (*RATES, *OF_SOME)}
    return {name: sum(numbers) / len(numbers) for name, numbers in values.items() if numbers}


def save(benchmark: Benchmark, sandbox: Mapping[str, Any], rows: Mapping[str, Mapping[str, float]]) -> None:
    """Stores each reference's rates, by row of the benchmark; replaces those measured in an equal sandbox."""
    path = _path(benchmark, sandbox)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"benchmark": benchmark.name, "sandbox": sandbox, "rows": rows})
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)  # noqa: PTH105 - the file is either the old one or the new one


def _path(benchmark: Benchmark, sandbox: Mapping[str, Any]) -> Path:
    code = code_digest(*LOADER_CODE, *EXECUTION_CODE)
    identity = json.dumps([benchmark.name, benchmark.digest, code, sandbox], sort_keys=True)
    name = f"{benchmark.name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.json"
    return folder() / name
