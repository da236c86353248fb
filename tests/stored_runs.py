"""Runs at addresses, as their tests make and read them."""

import os
import subprocess
import sys
import zipfile

from apigauge.harness.cli.main import main

FILES = ["generations.jsonl", "manifest.json", "scores.jsonl", "summary.json"]


def run(address, limit=4, *more):
    arguments = ["--benchmark", "mini", "--model", "retrieval:bm25", "--sandbox", "none", "--metrics", "ast_match"]
    return main(["run", *arguments, "--workers", "1", "--limit", str(limit), "--out", address, *more])


def lines(folder, name="generations.jsonl"):
    return (folder / name).read_text().splitlines()


def contents(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file() and not one.name.startswith(".")}


def names_there(store):
    return sorted(one.name for one in (store / "run").iterdir())


def there(store):
    """The files of the newest copy."""
    with zipfile.ZipFile(store / "run" / names_there(store)[-1]) as copy:
        return {name: copy.read(name) for name in copy.namelist()}


# A process that is killed when so much of a copy is there.
TORN = """
import os, sys
from pathlib import Path
from fsspec.implementations.local import LocalFileSystem
from apigauge.harness.cli.main import main

def put(self, here, there, **more):
    content = Path(here).read_bytes()
    if len(content) > 100:  # the first, empty copy is none that matters
        Path(there).write_bytes(content[: int(len(content) * float(sys.argv[1]))])
        os._exit(9)
    Path(there).write_bytes(content)

LocalFileSystem.put_file = put
sys.exit(main(sys.argv[2:]))
"""


def killed(address, folder, part):
    arguments = [
        "run",
        "--benchmark",
        "mini",
        "--model",
        "retrieval:bm25",
        "--sandbox",
        "none",
        "--limit",
        "6",
        "--out",
    ]
    done = subprocess.run(
        [sys.executable, "-c", TORN, str(part), *arguments, address, "--metrics", "ast_match"],
        env=os.environ | {"XDG_CACHE_HOME": str(folder)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
