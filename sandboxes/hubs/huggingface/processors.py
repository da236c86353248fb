"""Image processors and feature extractors: the library's own defaults, at the sizes that the model has."""

import json
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import labels

# The data set from which OneFormer's processor reads the names of the classes.
CLASS_NAMES = "shi-labs/oneformer_demo"


def write(entry: dict[str, Any], config: Any, folder: Path) -> None:
    """Writes ``preprocessor_config.json`` if the repository has one."""
    import transformers

    name = entry.get("processor")
    if not name:
        return
    cls = getattr(transformers, name, None)
    if cls is None:
        return
    arguments = _arguments(name, entry, config)
    try:
        processor = cls(**arguments)
    except ImportError:
        settings = {"image_processor_type": name, **arguments}
    else:
        processor.save_pretrained(folder)
        settings = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    if entry.get("processor_class"):
        settings["processor_class"] = entry["processor_class"]
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    (folder / "preprocessor_config.json").write_text(text, encoding="utf-8")


def write_class_names(folder: Path) -> None:
    """Writes the files of ``CLASS_NAMES``."""
    for file, kind, count in (
        ("ade20k_panoptic.json", "ade20k", 150),
        ("cityscapes_panoptic.json", "cityscapes", 19),
        ("coco_panoptic.json", "coco-panoptic-133", 133),
    ):
        names = labels.of({"labels": count, "extra": {"label_set": kind}}) or []
        rows = {str(number): {"isthing": int(number < 80), "name": name} for number, name in enumerate(names)}
        (folder / file).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _arguments(name: str, entry: dict[str, Any], config: Any) -> dict[str, Any]:
    if name in _FIXED:
        return dict(_FIXED[name])
    if name == "OneFormerImageProcessor":
        extra = entry.get("extra") or {}
        return {
            "repo_path": extra.get("class_info_repo", CLASS_NAMES),
            "class_info_file": extra["class_info_file"],
            "num_text": 134,
            "size": {"shortest_edge": 384, "longest_edge": 640},
        }
    if name == "WhisperFeatureExtractor":
        return {"feature_size": getattr(config, "num_mel_bins", 80)}
    if name == "Wav2Vec2FeatureExtractor":
        large = "large" in entry["repo"] or "xls" in entry["repo"]
        return {"return_attention_mask": large, "do_normalize": True}
    size = getattr(config, "image_size", None) or getattr(getattr(config, "vision_config", None), "image_size", None)
    if isinstance(size, list | tuple) and name in _SQUARE:
        return {"size": dict(zip(("height", "width"), size, strict=True))}
    if isinstance(size, int) and name in _SQUARE:
        square = {"height": size, "width": size}
        return {"size": square, "crop_size": square} if name == "ChineseCLIPImageProcessor" else {"size": square}
    if isinstance(size, int) and name in _CROPPED:
        return {"size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size}}
    return {}


_SQUARE = frozenset(
    {
        *("BeitImageProcessor", "BlipImageProcessor", "ChineseCLIPImageProcessor", "DPTImageProcessor"),
        *("OwlViTImageProcessor", "ViTImageProcessor"),
    }
)
_CROPPED = frozenset({"CLIPImageProcessor", "VideoMAEImageProcessor"})
# Short sides at which toy models are still quick.
_EDGES = {"shortest_edge": 384, "longest_edge": 640}
_FIXED: dict[str, dict[str, Any]] = {
    "ConditionalDetrImageProcessor": {"size": _EDGES},
    "DeformableDetrImageProcessor": {"size": _EDGES},
    "DetrImageProcessor": {"size": _EDGES},
    "DonutImageProcessor": {"size": {"height": 640, "width": 480}},
    "Mask2FormerImageProcessor": {"size": _EDGES, "ignore_index": 255, "do_reduce_labels": False},
    "MaskFormerImageProcessor": {"size": _EDGES, "ignore_index": 255},
    "YolosImageProcessor": {"size": {"shortest_edge": 512, "longest_edge": 864}},
}
