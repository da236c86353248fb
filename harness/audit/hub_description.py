"""What a stand-in hub says of the models that it has: ``hub.json`` in its folder."""

import json

from apigauge.file_formats import SandboxRecord
from apigauge.sandboxes import hubs

# The library of a repository of which the specification knows nothing but that the catalogue names it.
_NO_LIBRARY = "none"


def sources(hub: str, sandbox: SandboxRecord) -> dict[str, str]:
    """By model, where the hub got its architecture from; empty if the sandbox has another hub than the stand-in."""
    return {entry["id"]: entry["source"] for entry in _entries(hub, sandbox)}


def only_names(hub: str, sandbox: SandboxRecord) -> frozenset[str]:
    """The repositories of which the hub has only the name; none if the sandbox has another hub than the stand-in."""
    return frozenset(entry["id"] for entry in _entries(hub, sandbox) if entry.get("library") == _NO_LIBRARY)


def _entries(hub: str, sandbox: SandboxRecord) -> list[dict[str, str]]:
    if (sandbox.get("hub") or {}).get("mode") != "stand-in":
        return []
    description = (hubs.stand_in_hub(hub).folder / hubs.DESCRIPTION).read_text(encoding="utf-8")
    entries: list[dict[str, str]] = json.loads(description)["entries"]
    return entries
