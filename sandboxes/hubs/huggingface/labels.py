"""Names of classes: given by a repository, known for a data set, or numbered as the library numbers them."""

import functools
import sysconfig
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.word_lists import LISTS

# Numbers of COCO's list of categories that no picture was ever labelled with.
_UNUSED = frozenset(
    {"N/A", "blender", "desk", "door", "eye glasses", "hat", "mirror", "plate", "shoe", "street sign", "window"}
)
_THINGS = [name for name in LISTS["coco"] if name not in _UNUSED]
_SETS = {
    "ade20k": LISTS["ade20k"],
    "audioset": LISTS["audioset"],
    "cityscapes": LISTS["cityscapes"],
    "coco": LISTS["coco"],
    "coco-80": _THINGS,
    "coco-panoptic-133": [*_THINGS, *LISTS["coco_stuff"]],
    "pascal-voc": LISTS["pascal-voc"],
}
# Answers of the data set VQA; the first of them are in their places.
_ANSWERS = 3129


def of(entry: dict[str, Any]) -> list[str] | None:
    """The classes of a repository's model in their order; None where the architecture's default stands."""
    labels = entry.get("labels")
    if isinstance(labels, list) or labels is None:
        return labels
    names = _names((entry.get("extra") or {}).get("label_set", ""), labels)[:labels]
    return [*names, *(f"LABEL_{number}" for number in range(len(names), labels))]


def _names(label_set: str, count: int) -> list[str]:
    if label_set == "kinetics-400":
        return _kinetics()
    if label_set in _SETS:
        return _SETS[label_set]
    if not label_set and count == 1000:
        return _imagenet()
    if not label_set and count == 1001 and _imagenet():
        return ["background", *_imagenet()]
    return LISTS["vqa"] if count == _ANSWERS else []


@functools.cache
def _imagenet() -> list[str]:
    """ImageNet's classes as timm's files name them; nothing without timm."""
    folder = Path(sysconfig.get_paths()["purelib"], "timm/data/_info")
    try:
        synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
        lines = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    lemmas = dict(line.split("\t", 1) for line in lines if "\t" in line)
    return [lemmas[synset] for synset in synsets]


def _kinetics() -> list[str]:
    """Kinetics' classes as torchvision names them."""
    try:
        from torchvision.models import _meta
    except ImportError:
        return []
    return list(getattr(_meta, "_KINETICS400_CATEGORIES", ()))
