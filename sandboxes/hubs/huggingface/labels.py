"""Names of classes: given by a repository, known for a data set, or numbered as the library numbers them."""

from typing import Any

from apigauge.sandboxes.hubs.huggingface.word_lists import LISTS

# Numbers of COCO's list of categories that no picture was ever labelled with.
_UNUSED = frozenset(
    {"N/A", "blender", "desk", "door", "eye glasses", "hat", "mirror", "plate", "shoe", "street sign", "window"}
)
_SETS = {
    "cityscapes": LISTS["cityscapes"],
    "coco": LISTS["coco"],
    "coco-80": [name for name in LISTS["coco"] if name not in _UNUSED],
}


def of(entry: dict[str, Any]) -> list[str] | None:
    """The classes of a repository's model in their order; None where the architecture's default stands."""
    labels = entry.get("labels")
    if isinstance(labels, list) or labels is None:
        return labels
    extra = entry.get("extra") or {}
    names = _SETS.get(extra.get("label_set", ""), [])[:labels]
    return [*names, *(f"LABEL_{number}" for number in range(len(names), labels))]
