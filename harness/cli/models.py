"""``apigauge models``: what a ``--model`` may be, and the checkpoints that are on this machine."""

import argparse
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from apigauge.harness.cli.output import add_json, print_json

# By kind, the libraries that it imports and the extra that installs them; a kind that is not here needs none.
LIBRARIES = {
    "hf": (("torch", "transformers"), "hf"),
    "vllm": (("vllm",), "vllm"),
    "openai": (("httpx",), ""),
    "retrieval": (("bm25s",), ""),
}
_WEIGHTS = ("*.safetensors", "*.bin")
# What the classes that answer in text are called.
_ANSWERS_IN_TEXT = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    kinds = _kinds()
    checkpoints = [_embedded(), *cached_checkpoints()]
    if arguments.json:
        print_json({"kinds": kinds, "checkpoints": checkpoints, "cache": str(cache_folder())})
        return 0
    from apigauge.harness.cli.tables import Column, print_table

    print_table(
        (Column("--model"), Column("answers come from", folds=16), Column("here", folds=16)),
        [(row["form"], row["summary"], _availability(row)) for row in kinds],
    )
    print_table(
        (Column("checkpoint"), Column("MB", is_right=True), Column("where", folds=16)),
        [(row["model"], f"{row['bytes'] / 1e6:.0f}", _source(row)) for row in checkpoints],
    )
    return 0


def _kinds() -> list[dict[str, Any]]:
    from apigauge.harness.generation.backends import BACKENDS

    rows = []
    for kind, backend in BACKENDS.items():
        libraries, extra = LIBRARIES.get(kind, ((), ""))
        missing = [name for name in libraries if not _is_importable(name)]
        rows.append(
            {
                "kind": kind,
                "form": f"{kind}:{backend.form}",
                "summary": backend.summary,
                "libraries": list(libraries),
                "importable": not missing,
                "missing": missing,
                "extra": extra or None,
            }
        )
    return rows


def _is_importable(library: str) -> bool:
    """Whether Python finds a library, without importing it."""
    try:
        return find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def _availability(row: dict[str, Any]) -> str:
    if not row["missing"]:
        return "yes"
    install = f"; pip install 'apigauge[{row['extra']}]'" if row["extra"] else ""
    return f"no {', '.join(row['missing'])}{install}"


def _embedded() -> dict[str, Any]:
    from apigauge.benchmarks.mini import CHECKPOINT
    from apigauge.harness.generation.checkpoint import SHIPPED

    return _describe(f"hf:{SHIPPED}", CHECKPOINT, "comes with apigauge")


def cache_folder() -> Path:
    """Where the libraries of Hugging Face keep what they downloaded, by their own variables."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(variable):
            return Path(os.path.expandvars(value)).expanduser()
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def cached_checkpoints() -> list[dict[str, Any]]:
    """The cached checkpoints that ``hf:`` can open without a network, sorted by name."""
    try:
        folders = sorted(path for path in cache_folder().glob("models--*") if path.is_dir())
    except OSError:
        return []
    return [row for folder in folders for row in _snapshots(folder)]


def _snapshots(folder: Path) -> Iterator[dict[str, Any]]:
    """A repository's usable snapshots: that of ``main`` by its name alone, others as ``NAME@REVISION``."""
    name = folder.name.removeprefix("models--").replace("--", "/")
    try:
        main = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        main = ""
    for snapshot in sorted((folder / "snapshots").glob("*"), key=lambda path: (path.name != main, path.name)):
        if _answers_in_text(snapshot):
            revision = "" if snapshot.name == main else f"@{snapshot.name}"
            yield _describe(f"hf:{name}{revision}", snapshot, "Hugging Face cache")


def _answers_in_text(snapshot: Path) -> bool:
    """Whether a snapshot has weights and a configuration of a model that generates text."""
    try:
        config = json.loads((snapshot / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    classes = config.get("architectures") if isinstance(config, dict) else ()
    if isinstance(classes, list) and classes and not any(str(name).endswith(_ANSWERS_IN_TEXT) for name in classes):
        return False
    return isinstance(config, dict) and any(path.exists() for pattern in _WEIGHTS for path in snapshot.glob(pattern))


def _describe(model: str, folder: Path, source: str) -> dict[str, Any]:
    from apigauge.harness.generation.checkpoint import Checkpoint

    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    files = Checkpoint(model, folder, "")
    about = {"quantization": files.quantization(), "has_code": files.has_code()}
    return {"model": model, "source": source, "folder": str(folder), "bytes": size, **about}


def _source(row: dict[str, Any]) -> str:
    """Where a checkpoint is, and what loading it takes."""
    code = "comes with Python code (--trust-remote-code)" if row["has_code"] else ""
    quantization = f"quantised: {row['quantization']}" if row["quantization"] else ""
    return "; ".join(filter(None, (row["source"], quantization, code)))
