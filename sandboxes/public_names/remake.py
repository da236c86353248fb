"""Makes the tables of public names again: ``python3 -m apigauge.sandboxes.public_names.remake``.

Needs a container engine and the image of each environment (``apigauge sandbox build ENVIRONMENT``).
Several environments may have one version of a library; its names are those of the first of them, in alphabetical order.
"""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from apigauge.sandboxes import environments, public_names

# Packages of one model each: their modules and names are thousands, and the library's top level has the names too.
_ONE_MODEL = re.compile(r"(transformers\.models|diffusers\.(?:models|pipelines)|timm\.models)\.[\w.]+")
COLLECT = Path(__file__).with_name("collect.py")
SELECTION = Path(__file__).with_name("selection.json")


def collect(environment: environments.Environment) -> dict[str, Any]:
    """What the environment's image has, as ``collect.py`` prints it."""
    variables = [f"--env={name}={value}" for name, value in sorted(environment.variables.items())]
    command = ["docker", "run", "--rm", "--interactive", "--network=none", *variables, environment.tag, "python3"]
    command += ["-", SELECTION.read_text(encoding="utf-8")]
    output = subprocess.run(command, input=COLLECT.read_bytes(), capture_output=True, check=True).stdout  # noqa: S603
    result: dict[str, Any] = json.loads(output)
    return result


def tables(collected: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tables by the names of their files: each environment's own, and one for each version of a library.

    Args:
        collected: what :func:`collect` returns, by environment.
    """
    files: dict[str, dict[str, Any]] = {}
    # What programs read and show their data with: the names of one version are enough.
    kept: dict[str, str] = dict.fromkeys(json.loads(SELECTION.read_text(encoding="utf-8"))["one_version"], "")
    for name in sorted(collected):
        libraries = {}
        for library, table in collected[name]["libraries"].items():
            libraries[library] = kept.get(library) or f"{library}-listed-{table['version']}.json.gz"
            if library in kept:
                kept[library] = libraries[library]
            files.setdefault(libraries[library], compact(table))
        digest = environments.load(name).lock_digest
        files[f"{name}.json.gz"] = {**collected[name], "environment": digest, "libraries": libraries}
    return files


def compact(table: dict[str, Any]) -> dict[str, Any]:
    """A library's table without the modules of one model each, and with nothing in it twice or unused."""
    modules = {path: names for path, names in table["modules"].items() if not _ONE_MODEL.fullmatch(path)}
    for match in filter(None, map(_ONE_MODEL.fullmatch, table["modules"])):
        if isinstance(modules.get(match[1]), dict):
            modules[match[1]] = {**modules[match[1]], "*": 0}
    classes: dict[int, int] = {}
    listed: list[Any] = []

    def class_of(index: int) -> int:
        if index < 0 or index in classes:
            return classes.get(index, -1)
        bases, own, *is_open = table["classes"][index]
        record = [[class_of(base) for base in bases], own, *is_open]
        classes[index] = len(listed)
        listed.append(record)
        return classes[index]

    entries: dict[str, int] = {"null": 0}

    def entry_of(index: int) -> int:
        entry = table["entries"][index]
        if isinstance(entry, list) and len(entry) == 2:
            entry = [entry[0], class_of(entry[1])]
        return entries.setdefault(json.dumps(entry), len(entries))

    for path, names in modules.items():
        if isinstance(names, dict):
            modules[path] = {name: entry_of(index) for name, index in names.items()}
    return {**table, "modules": modules, "entries": [json.loads(text) for text in entries], "classes": listed}


def main() -> None:
    """The command line."""
    for path in public_names.FOLDER.glob("*.json.gz"):
        path.unlink()
    collected = {name: collect(environments.load(name)) for name in environments.names()}
    for file, table in tables(collected).items():
        text = json.dumps(table, sort_keys=True, separators=(",", ":"))
        (public_names.FOLDER / file).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
