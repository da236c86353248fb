"""Makes the tables of public names again: ``python3 -m apigauge.sandboxes.public_names.remake``.

Needs a container engine and the image of each environment (``apigauge sandbox build ENVIRONMENT``).
Several environments may have one version of a library; its names are those of the first of them, in alphabetical order.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from apigauge.sandboxes import environments, public_names
from apigauge.sandboxes.public_names import packed

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
    """The tables by name: each environment's own, and one for each version of a library.

    Args:
        collected: what :func:`collect` returns, by environment.
    """
    result: dict[str, dict[str, Any]] = {}
    # What programs read and show their data with: the names of one version are enough.
    kept: dict[str, str] = dict.fromkeys(json.loads(SELECTION.read_text(encoding="utf-8"))["one_version"], "")
    for name in sorted(collected):
        libraries = {}
        for library, table in collected[name]["libraries"].items():
            libraries[library] = kept.get(library) or f"{library}-listed-{table['version']}"
            if library in kept:
                kept[library] = libraries[library]
            result.setdefault(libraries[library], compact(table))
        digest = environments.load(name).lock_digest
        result[name] = {**collected[name], "environment": digest, "libraries": libraries}
    return result


def compact(table: dict[str, Any]) -> dict[str, Any]:
    """A library's table without the modules of one model each, and with nothing in it twice or unused."""
    modules = {path: names for path, names in table["modules"].items() if not _ONE_MODEL.fullmatch(path)}
    for match in filter(None, map(_ONE_MODEL.fullmatch, table["modules"])):
        if isinstance(modules.get(match[1]), dict):
            modules[match[1]] = {**modules[match[1]], "*": 0}
    modules = _once(modules)
    records = _records(table["classes"])
    classes: dict[int, int] = {}
    listed: list[Any] = []

    def class_of(index: int) -> int:
        if index < 0 or index in classes:
            return classes.get(index, -1)
        bases, *own = records[index]
        record = [[class_of(base) for base in bases], *own]
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


def _records(classes: list[Any]) -> list[Any]:
    """The classes without what they have from their bases as well, as nn.Module has ``forward``."""
    whole: list[Any] = []
    for bases, own, *is_open in classes:
        names = " ".join(name for name, text in own.items() if not text)
        whole.append([bases, names, {name: text for name, text in own.items() if text}, *is_open])

    def is_inherited(name: str, text: str, bases: list[int]) -> bool:
        texts = (public_names.attribute(whole, base, name) for base in bases)
        return next((one for one in texts if one is not None), None) == text

    records = []
    for bases, names, methods, *is_open in whole:
        rest = " ".join(name for name in names.split() if not is_inherited(name, "", bases))
        own = {name: text for name, text in methods.items() if not is_inherited(name, text, bases)}
        records.append([bases, rest, own, *is_open])
    return records


def _once(modules: dict[str, Any]) -> dict[str, Any]:
    """The modules without names of which nothing more is known, if another has them too.

    In a module that is no package every name of its neighbours is taken to exist, as :func:`public_names.look_up` says.
    """
    packages = {path[: match.start()] for path in modules for match in re.finditer(r"\.", path)}
    listed = {path: names for path, names in modules.items() if isinstance(names, dict)}
    names_elsewhere = {name for path, names in listed.items() for name in names if names[name] or path in packages}
    result = dict(modules)
    for path, names in listed.items():
        if path not in packages and path.partition(".")[0] not in public_names.WHOLE:
            is_needed = {
                name: bool(number) or name == "*" or name not in names_elsewhere for name, number in names.items()
            }
            result[path] = {name: number for name, number in names.items() if is_needed[name]}
            names_elsewhere |= result[path].keys()
    return result


def main() -> None:
    """The command line."""
    collected = {name: collect(environments.load(name)) for name in environments.names()}
    before = packed.Lines(packed.FILE).all()
    packed.write(packed.FILE, tables(collected))
    after = packed.Lines(packed.FILE).all()
    for name in sorted(before | after):
        if before.get(name) != after.get(name):
            print(name if name in before and name in after else f"{name} {'came' if name in after else 'went'}")


if __name__ == "__main__":
    main()
