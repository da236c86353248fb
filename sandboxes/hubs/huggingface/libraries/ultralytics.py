"""YOLOv8 checkpoints: the package's own network description, a few channels wide, pickled as training leaves it."""

import json
from pathlib import Path
from typing import Any

LIBRARY = "ultralytics"

# The real scales have at least 0.25 of the description's channels.
_WIDTH = 0.03


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the checkpoint and a configuration with the input size."""
    import torch
    import ultralytics
    import yaml
    from ultralytics.nn import tasks

    extra = entry["extra"]
    names = extra["class_names"]
    segments = extra["task"] == "segment"
    name = f"yolov8{extra['scale']}{'-seg' if segments else ''}.yaml"
    path = next(Path(ultralytics.__file__).parent.rglob(name))
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    description |= {"width_multiple": _WIDTH, "depth_multiple": 0.33, "nc": len(names)}
    torch.manual_seed(0)
    network = (tasks.SegmentationModel if segments else tasks.DetectionModel)(description, verbose=False)
    network.names = dict(enumerate(names))
    arguments = {"task": extra["task"], "imgsz": 640, "model": f"yolov8{extra['scale']}.pt"}
    checkpoint = {"epoch": -1, "model": network.half(), "ema": None, "train_args": arguments, "version": "8.0.23"}
    for file in entry["files"]:
        if file.endswith(".pt"):
            torch.save(checkpoint, folder / file)
    settings = {"input_size": 640, "task": "image-segmentation" if segments else "object-detection"}
    (folder / "config.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
