"""Builds the stand-in hub: ``python3 -m apigauge.sandboxes.hubs.huggingface.build OUT [--configs FOLDER]``.

Runs in the environment whose programs will read it, without a network. Every repository of ``repositories.jsonl`` is
written by the module for its library; of a library that has none, only the address exists.
"""

import argparse
import gc
import importlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import data_sets, inputs, libraries, noise, processors
from apigauge.sandboxes.hubs.huggingface.cache import Cache

TABLE = Path(__file__).with_name("repositories.jsonl")
# A placeholder: programs that read the user's token fail without one.
VARIABLES = {"HF_HUB_CACHE": "{hub}/hub", "HUGGINGFACE_HUB_CACHE": "{hub}/hub", "HF_TOKEN": "stand-in"}
Entry = dict[str, Any]
# Types with a part of fixed size: gemma3n's vision network has 300 million weights.
NOT_SMALL = frozenset({"gemma3n"})


class Tools:
    """What the modules of libraries can use: transformers models and tokenizers inside their own snapshots.

    Args:
        configs: a folder of real ``config.json`` files, named ``ORG--NAME.json``; None without such.
    """

    def __init__(self, configs: Path | None = None) -> None:
        self._configs = configs

    def transformers(self, entry: Entry, folder: Path) -> None:
        """Writes a toy transformers model as a line of the table describes it."""
        from apigauge.sandboxes.hubs.huggingface import models

        models.write(entry, folder, self.real(entry["repo"]))

    def follows_real(self, entry: Entry) -> bool:
        """Whether a line's architecture is the one that the repository's real configuration names."""
        from apigauge.sandboxes.hubs.huggingface import models

        real = self.real(entry["repo"]) if entry["library"] == "transformers" else None
        return real is not None and models.as_real(entry, real)["type"] == real.get("model_type")

    def real(self, repo: str) -> Entry | None:
        """The real configuration of a repository, if it is available."""
        path = self._configs / f"{repo.replace('/', '--')}.json" if self._configs else None
        return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None


def entries() -> list[Entry]:
    """The table's lines, sorted by address."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return sorted((json.loads(line) for line in lines if line), key=lambda entry: str(entry["repo"]))


def pinned() -> dict[str, set[str]]:
    """The revisions that this version of transformers requests if a program names no model."""
    from transformers.pipelines import SUPPORTED_TASKS

    revisions: dict[str, set[str]] = defaultdict(set)
    for task in SUPPORTED_TASKS.values():
        for repo, revision in _pairs(task.get("default", {}).get("model")):
            revisions[repo].add(revision)
    return revisions


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Every (repository, revision) in a nest of dictionaries and tuples."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _pairs(one)
    elif isinstance(value, tuple | list):
        if len(value) == 2 and all(isinstance(one, str) for one in value):
            yield value[0], value[1]
        else:
            for one in value:
                yield from _pairs(one)


def writers() -> dict[str, Any]:
    """For each library's name the function that writes its repositories."""
    by_library: dict[str, Any] = {}
    for path in sorted(Path(libraries.__file__).parent.glob("*.py")):
        module = importlib.import_module(f"{libraries.__name__}.{path.stem}")
        if hasattr(module, "LIBRARY"):
            by_library[module.LIBRARY] = module.write
    return by_library


def build(out: Path, configs: Path | None, only: set[str] | None = None) -> dict[str, str]:
    """Writes the hub and returns what could not be written, by repository."""
    tools, cache, failures = Tools(configs), Cache(out), {}
    by_library = writers() | {"transformers": lambda entry, folder, tools: tools.transformers(entry, folder)}
    revisions, written = pinned(), []
    with tempfile.TemporaryDirectory() as scratch:
        processors.write_class_names(Path(scratch))
        cache.add(processors.CLASS_NAMES, Path(scratch), kind="datasets")
    with tempfile.TemporaryDirectory() as scratch:
        for repo, folder in data_sets.write(Path(scratch), only):
            cache.add(repo, folder, kind="datasets")
    for entry in entries():
        repo = entry["repo"]
        if (only is not None and repo not in only) or entry.get("type") in NOT_SMALL:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "files")
            folder.mkdir()
            try:
                _write(by_library.get(entry["library"], _address), entry, folder, tools)
            except Exception as error:  # noqa: BLE001 - the rest of the hub is still built
                failures[repo] = f"{type(error).__name__}: {error}"
                continue
            extra = entry.get("extra") or {}
            named = sorted({*revisions[repo], *extra.get("revisions", ()), *extra.get("variants", ())})
            cache.add(repo, folder, named, flat=entry["library"] not in {"diffusers", "transformers"})
        gc.collect(1)
        task = (entry.get("extra") or {}).get("pipeline_tag")
        source = "hub" if tools.follows_real(entry) else entry["source"]
        written.append({"id": repo, "library": entry["library"], "source": source, "task": task})
    inputs.write(out / "inputs")
    noise.write_table(out)
    hub = {"name": "huggingface", "variables": VARIABLES, "entries": written}
    (out / "hub.json").write_text(json.dumps(hub, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return failures


def _write(writer: Any, entry: Entry, folder: Path, tools: Tools) -> None:
    """Writes one snapshot; only the address if the library is not installed."""
    try:
        writer(entry, folder, tools)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "apigauge":
            raise
        shutil.rmtree(folder)
        folder.mkdir()
        _address(entry, folder, tools)


def _address(entry: Entry, folder: Path, _tools: Tools) -> None:
    """Writes only a README, for a repository whose library is not installed."""
    (folder / "README.md").write_text(f"---\nlibrary_name: {entry['library']}\n---\n", encoding="utf-8")


def main() -> int:
    """Builds into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Builds the stand-in for the Hugging Face hub.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--configs", type=Path, help="folder of real config.json files, named ORG--NAME.json")
    parser.add_argument("--only", nargs="+", help="addresses to build; all by default")
    arguments = parser.parse_args()
    _quiet(arguments.out)
    # The libraries are millions of objects, and a whole collection looks at each: a third of the time. What one
    # repository leaves is collected before the next.
    gc.disable()
    failures = build(arguments.out, arguments.configs, set(arguments.only) if arguments.only else None)
    for repo, reason in failures.items():
        print(f"{repo}: {reason}", file=sys.stderr)
    return 1 if failures else 0


def _quiet(out: Path) -> None:
    """Silences the libraries' warnings, and lets those that load from the hub load what is already written."""
    os.environ |= {name: value.replace("{hub}", str(out.resolve())) for name, value in VARIABLES.items()}
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import torch

    torch.set_num_threads(1)


if __name__ == "__main__":
    sys.exit(main())
