"""SHA-256 digests of what a result depends on."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.evaluation.manifest import extraction_version, loader_version
from apigauge.harness.metrics.registry import EXECUTION_CODE, code_digest, versions


def json_digest(value: Any, *, sort_keys: bool = False) -> str:
    """Of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=sort_keys).encode()).hexdigest()


def data_digest(benchmark: Benchmark) -> dict[str, str]:
    """Of a benchmark's files, of its training items, which may be in a file of their own, and of the loader's code."""
    train = json_digest([asdict(item) for item in benchmark.train])
    return {"digest": benchmark.digest, "train": train, "loader": loader_version(benchmark)}


def scorer_digest(modules: Sequence[str]) -> dict[str, str]:
    """What the scores of a checkpoint depend on besides its answers and the sandbox."""
    return {
        **versions(modules),
        "extraction": extraction_version(),
        "execution": code_digest(*EXECUTION_CODE),
    }


def file_digest(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folder_digest(folder: Path, *, without: Collection[str] = ()) -> str:
    """Of the names and contents of a folder's files, those with the names in ``without`` left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in without:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
