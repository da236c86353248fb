"""Makes the tables of public names again: ``python3 -m apigauge.sandboxes.public_names.remake``.

Needs a container engine and the image of each environment (``apigauge sandbox build ENVIRONMENT``).
Several environments may have one version of a library; its names are those of the first of them, in alphabetical order.
"""

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

from apigauge.sandboxes import environments, public_names

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
    for name in sorted(collected):
        libraries = {}
        for library, table in collected[name]["libraries"].items():
            libraries[library] = f"{library}-listed-{table['version']}.json.gz"
            files.setdefault(libraries[library], table)
        digest = environments.load(name).lock_digest
        files[f"{name}.json.gz"] = {**collected[name], "environment": digest, "libraries": libraries}
    return files


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
