"""YOLOv5 checkpoints: the package's own network description, a few channels wide, pickled as training leaves it."""

import importlib
import json
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import labels

LIBRARY = "yolov5"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the checkpoint and a configuration with the input size."""
    import torch
    import yaml

    package, yolo = importlib.import_module("yolov5"), importlib.import_module("yolov5.models.yolo")
    extra = entry["extra"]
    names = extra.get("class_names") or labels.of({**entry, "labels": 80}) or []
    path = Path(str(package.__file__)).parent / "models" / f"yolov5{extra['scale']}.yaml"
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    description |= {"depth_multiple": 0.33, "width_multiple": 0.03}
    torch.manual_seed(0)
    network = yolo.DetectionModel(description, nc=len(names))
    network.names = dict(enumerate(names))
    for file in entry["files"]:
        if file.endswith(".pt"):
            torch.save({"epoch": -1, "model": network.half(), "ema": None}, folder / file)
    settings = {"input_size": 640, "task": "object-detection"}
    (folder / "config.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
