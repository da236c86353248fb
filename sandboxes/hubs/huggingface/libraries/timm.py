"""Image models of timm. The package fixes their size, so the weights are views of one small storage.

A safetensors file cannot hold such views: the repository has only ``pytorch_model.bin``, timm's second choice.
"""

import json
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided

LIBRARY = "timm"

_WEIGHTS = "pytorch_model.bin"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the configuration and the weights of one pretrained tag."""
    import timm
    import torch

    extra = entry["extra"]
    name = extra["timm_architecture"]
    settings = timm.get_pretrained_cfg(f"{name}.{extra['pretrained_tag']}").to_dict()
    # On the meta device a network takes no memory; only its shapes are needed.
    with torch.device("meta"):
        shapes = timm.create_model(name, num_classes=extra["num_classes"]).state_dict()
    state = {key: _real(tensor) for key, tensor in strided.overlapping(shapes).items()}
    torch.save(state, folder / _WEIGHTS)
    config = {
        "architecture": name,
        "num_classes": extra["num_classes"],
        "pretrained_cfg": {key: settings[key] for key in _KEPT if key in settings} | {"tag": extra["pretrained_tag"]},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


_KEPT = ("input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std", "num_classes")


def _real(tensor: Any) -> Any:
    import torch

    return torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else tensor
