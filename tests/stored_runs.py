"""Runs at addresses, as their tests make and read them."""

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
