"""Builds the hub: ``python3 -m apigauge.sandboxes.hubs.tensorflowhub.build OUT``, inside the environment.

Below OUT: ``hub.json``, ``models/NAME`` with one tiny SavedModel for every family and its options, and ``tfhub/SHA1``,
a relative link to it for every spelling of a handle, in the naming of ``tensorflow_hub``'s cache. Each model is made in
a forked process, so that counters inside TensorFlow, which end up in names, do not depend on what was made before.
"""

import importlib
import inspect
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub import specification

NAME = "tensorflowhub"
# Threads would not survive the fork, and GPUs are not needed.
_SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
_FAMILIES = ("images", "texts", "sounds")


def build(out: Path, processes: int = 2) -> None:
    """Writes the hub below an empty or absent folder.

    Raises:
        FileExistsError: the folder is not empty.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; give a new folder")
    handles = specification.read()
    (out / "models").mkdir()
    (out / "tfhub").mkdir()
    os.environ.update(_SETTINGS)
    _import_libraries()
    work = [(name, *model, out / "models" / name) for name, model in sorted(specification.models(handles).items())]
    _run_each_in_a_process(work, processes)
    for handle in handles:
        for url in specification.spellings(handle.url):
            (out / "tfhub" / specification.cache_name(url)).symlink_to(Path("..", "models", handle.model))
    (out / "hub.json").write_text(json.dumps(index(handles), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def index(handles: Sequence[specification.Handle]) -> dict[str, Any]:
    """What ``hub.json`` says."""
    entries = [
        {"id": handle.url, "library": "tensorflow_hub", "source": handle.source, "model": handle.model}
        for handle in handles
    ]
    return {"name": NAME, "variables": {"TFHUB_CACHE_DIR": "{hub}/tfhub"}, "entries": entries}


def _run_each_in_a_process(work: Sequence[tuple[str, str, Mapping[str, Any], Path]], processes: int) -> None:
    running: dict[int, str] = {}
    for name, family, options, folder in work:
        if len(running) == processes:
            _wait_for_one(running)
        if child := os.fork():
            running[child] = name
            continue
        status = 1
        try:
            make_model(family, options, folder)
            status = 0
        except BaseException:  # noqa: BLE001 - the parent says which model it was; nothing may return from here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    while running:
        _wait_for_one(running)


def _wait_for_one(running: dict[int, str]) -> None:
    child, status = os.wait()
    name = running.pop(child)
    if status:
        raise RuntimeError(f"model {name} could not be made (wait status {status}); the reason stands above")


def make_model(family: str, options: Mapping[str, Any], folder: Path) -> None:
    """Makes one model; a process makes only one."""
    saving = importlib.import_module("apigauge.sandboxes.hubs.tensorflowhub.saving")
    make = _family(family)
    # Assets are written to a file first, whose name and umask must not affect the result.
    with tempfile.TemporaryDirectory() as scratch:
        if make.__module__.endswith(".legacy"):
            saving.save_legacy(folder, make(**options))
        else:
            more = {"folder": Path(scratch)} if "folder" in inspect.signature(make).parameters else {}
            model, signatures = make(**options, **more)
            saving.save(model, folder, signatures)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _family(name: str) -> Callable[..., Any]:
    for module in (*_FAMILIES, "legacy"):
        function = getattr(importlib.import_module(f"apigauge.sandboxes.hubs.tensorflowhub.{module}"), name, None)
        if callable(function):
            return function  # type: ignore[no-any-return]
    raise LookupError(f"handles.jsonl names a family {name!r}; no module here has a function of that name")


def _import_libraries() -> None:
    """Imports the libraries before the fork, so that not every process has to."""
    for module in ("tensorflow", "tensorflow_text"):
        importlib.import_module(module)
    _family("image_model")
    # TensorFlow warns at every use of its older interfaces, which legacy modules need.
    importlib.import_module("tensorflow").get_logger().setLevel("ERROR")


def main(arguments: Sequence[str]) -> int:
    """The command line: the folder to write."""
    if len(arguments) != 1:
        print("usage: python3 -m apigauge.sandboxes.hubs.tensorflowhub.build OUT", file=sys.stderr)
        return 2
    build(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
