"""Builds the stand-in of the Torch Hub: ``python3 -m apigauge.sandboxes.hubs.torchhub.build OUT``.

Below ``OUT/hub`` is one folder for each repository and ref, where torch.hub keeps what it has downloaded, each with a
``hubconf.py`` written from ``specification.json``. A name that GitHub answers by redirect (an old owner, another case)
is a link. ``OUT/huggingface`` is the cache from which huggingface/transformers loads.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# The package's prefix in the modules' imports, which the copies in the hub lack.
PACKAGE = "apigauge.sandboxes.hubs.torchhub."
VARIABLES = {"TORCH_HOME": "{hub}", "HF_HUB_CACHE": "{hub}/huggingface"}


def build(out: Path) -> None:
    """Writes the hub into an empty folder."""
    repositories = specification()
    hub = out / "hub"
    hub.mkdir(parents=True)
    # torch.hub would create this file, and the hub cannot be written.
    (hub / "trusted_list").touch()
    for module in sorted((HERE / "stand_ins").glob("*.py")):
        target = out / "stand_ins" / module.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(module.read_text(encoding="utf-8").replace(PACKAGE, ""), encoding="utf-8")
    for repository in repositories:
        for ref in repository["refs"]:
            folder = hub / folder_name(repository["repository"], ref)
            folder.mkdir()
            (folder / "hubconf.py").write_text(hubconf(repository, ref), encoding="utf-8")
            (folder / "stand_ins").symlink_to("../../stand_ins")
            for alias in repository.get("aliases", ()):
                (hub / folder_name(alias, ref)).symlink_to(folder.name)
    entries = sorted(_listed(repositories), key=lambda entry: str(entry["id"]))
    description = {"name": "torchhub", "variables": VARIABLES, "entries": entries}
    (out / "hub.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def specification() -> list[dict[str, Any]]:
    """The repositories, and how each entry point is called and what it makes."""
    text = (HERE / "specification.json").read_text(encoding="utf-8")
    repositories: list[dict[str, Any]] = json.loads(text)["repositories"]
    return repositories


def folder_name(repository: str, ref: str) -> str:
    """Where torch.hub keeps a repository at a ref."""
    return f"{repository}_{ref}".replace("/", "_")


def hubconf(repository: dict[str, Any], ref: str) -> str:
    """The module in which torch.hub looks for entry points."""
    lines = [
        f'"""Stand-in for {repository["repository"]} at {ref}: {", ".join(repository["uses"]) or "its library"}."""',
        "",
    ]
    if repository["dependencies"]:
        lines += [f"dependencies = {repository['dependencies']!r}", ""]
    lines += repository.get("imports", [])
    lines += [f"from stand_ins import {', '.join(repository['uses'])}"] if repository["uses"] else []
    for entry in _entries(repository, ref):
        for name in entry["names"]:
            lines += _definition(repository["repository"], name, entry)
    return "\n".join(lines) + "\n"


def _definition(repository: str, name: str, entry: dict[str, Any]) -> list[str]:
    """One entry point; a name that is no identifier (``transformer.wmt14.en-fr``) is put among the globals."""
    function = name if name.isidentifier() else f"_entry_{''.join(c if c.isalnum() else '_' for c in name)}"
    makes = entry["makes"].replace("{name!r}", repr(name))
    lines = ["", "", *([f"@{entry['wrapper']}"] if "wrapper" in entry else []), f"def {function}({entry['takes']}):"]
    lines.append(
        f'    """{name} of {repository}, as a tiny stand-in: torch.hub.load({repository!r}, {name!r}, ...)."""'
    )
    # Its own library, imported where it is used: it need not be installed for the rest.
    lines += ["    import torchvision", ""] if makes.startswith("torchvision.") else []
    lines.append(f"    return {makes}")
    return lines if function == name else [*lines, "", f"globals()[{name!r}] = {function}"]


def _entries(repository: dict[str, Any], ref: str) -> Iterator[dict[str, Any]]:
    """The entries that a repository has at a ref: from ``since`` until before ``until``, in the order of its refs."""
    refs = repository["refs"]
    for entry in repository["entries"]:
        first = refs.index(entry["since"]) if "since" in entry else 0
        last = refs.index(entry["until"]) if "until" in entry else len(refs)
        if ref in entry.get("refs", refs) and first <= refs.index(ref) < last:
            yield entry


def _listed(repositories: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every entry point once, with its refs and a call that loads it."""
    for repository in repositories:
        rows: dict[str, dict[str, Any]] = {}
        for ref in repository["refs"]:
            for entry in _entries(repository, ref):
                for name in entry["names"]:
                    row = {
                        "id": f"{repository['repository']} {name}",
                        "library": "torch.hub",
                        "source": entry["source"],
                    }
                    row = rows.setdefault(name, row | {"refs": []})
                    row["refs"].append(ref)
                    more = f", {entry['example']}" if "example" in entry else ""
                    row["call"] = f"torch.hub.load('{repository['repository']}:{ref}', {name!r}{more})"
        yield from rows.values()


def main() -> None:
    """The command line."""
    out = Path(sys.argv[1])
    build(out)
    from apigauge.sandboxes.hubs.torchhub import language_models

    language_models.build(out / "huggingface")


if __name__ == "__main__":
    main()
