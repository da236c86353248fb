"""YOLOv5 behind its AutoShape: takes paths, URLs, images, arrays and tensors, and returns detections."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.coco import NAMES
from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded, trunk

_HELP = "https://docs.ultralytics.com/yolov5/tutorials/pytorch_hub_model_loading"
_KNOWN = re.compile(r"yolov5[nsmlx]6?(\.pt)?")
# What it finds in any picture: place as shares of the sides, confidence, class.
_FOUND = ((0.12, 0.2, 0.55, 0.95, 0.88, 0), (0.5, 0.4, 0.9, 0.85, 0.61, 16), (0.3, 0.5, 0.4, 0.7, 0.12, 27))


class DetectionModel(nn.Module):
    """The network alone."""

    def __init__(self, name: str, channels: int, classes: int) -> None:
        super().__init__()
        with seeded(name):
            self.model = nn.Sequential(trunk(channels, 32), nn.Conv2d(32, 3 * (classes + 5), 1))
        self.nc, self.yaml = classes, {"nc": classes, "ch": channels}
        self.names = dict(enumerate(NAMES if classes == len(NAMES) else [f"class{n}" for n in range(classes)]))
        self.stride = torch.tensor([8.0, 16.0, 32.0])

    def forward(self, x: Tensor, **_options: Any) -> tuple[Tensor, list[Tensor]]:
        """(batch, channels, h, w) -> (batch, anchors, 5 + classes) and the same by scale."""
        levels = []
        for stride in (8, 16, 32):
            size = [side // stride for side in x.shape[-2:]]
            level = nn.functional.interpolate(self.model(x), size)
            levels.append(level.view(len(x), 3, self.nc + 5, *size).permute(0, 1, 3, 4, 2).contiguous())
        return torch.cat([level.sigmoid().flatten(1, 3) for level in levels], dim=1), levels


class AutoShape(nn.Module):
    """Takes anything that shows a picture."""

    conf, iou, agnostic, multi_label, classes, max_det, amp = 0.25, 0.45, False, False, None, 1000, False

    def __init__(self, model: DetectionModel, verbose: bool = True) -> None:
        super().__init__()
        if verbose:
            print("Adding AutoShape... ")
        self.model, self.names, self.stride, self.nc = model.eval(), model.names, model.stride, model.nc

    def forward(self, ims: Any, size: int = 640, augment: bool = False, profile: bool = False) -> Any:  # noqa: ARG002
        """Detections, or the network's own output for a tensor."""
        if isinstance(ims, Tensor):
            return self.model(ims)[0]
        pictures, files = zip(
            *(_opened(one, n) for n, one in enumerate(ims if isinstance(ims, list | tuple) else [ims])), strict=True
        )
        return Detections(list(pictures), [self._boxes(picture) for picture in pictures], list(files), self.names)

    def _boxes(self, picture: Any) -> Tensor:
        height, width = picture.shape[:2]
        scale = torch.tensor([width, height, width, height, 1, 1], dtype=torch.float32)
        classes = (
            range(self.nc)
            if self.classes is None
            else [self.classes]
            if isinstance(self.classes, int)
            else self.classes
        )
        boxes = [box for box in _FOUND if box[4] >= self.conf and box[5] in classes and box[5] < self.nc]
        return torch.tensor(boxes[: self.max_det], dtype=torch.float32).view(-1, 6) * scale


def _opened(one: Any, number: int) -> tuple[Any, str]:
    """Pixels, (h, w, 3), and a file name."""
    import numpy as np
    from PIL import Image

    name = f"image{number}.jpg"
    if isinstance(one, str | Path):
        name = Path(str(one)).with_suffix(".jpg").name
        if str(one).startswith("http"):
            import requests

            one = Image.open(requests.get(str(one), stream=True, timeout=30).raw)
        else:
            one = Image.open(one)
    if isinstance(one, Image.Image):
        name = Path(getattr(one, "filename", "") or name).with_suffix(".jpg").name
        one = one.convert("RGB")
    pixels = np.asarray(one)
    if pixels.ndim == 3 and pixels.shape[0] < 5:
        pixels = pixels.transpose(1, 2, 0)
    return (pixels[..., :3] if pixels.ndim == 3 else np.tile(pixels[..., None], 3)), name


class Detections:
    """What was found in each picture."""

    def __init__(self, ims: list[Any], pred: list[Tensor], files: list[str], names: dict[int, str]) -> None:
        self.ims, self.pred, self.files, self.names = ims, pred, files, names
        sizes = [torch.tensor([*im.shape[1::-1], *im.shape[1::-1], 1, 1], dtype=torch.float32) for im in ims]
        self.xyxy = pred
        self.xywh = [torch.cat(((p[:, :2] + p[:, 2:4]) / 2, p[:, 2:4] - p[:, :2], p[:, 4:]), dim=1) for p in pred]
        self.xyxyn = [p / size for p, size in zip(self.xyxy, sizes, strict=True)]
        self.xywhn = [p / size for p, size in zip(self.xywh, sizes, strict=True)]
        self.n, self.t, self.s = len(pred), (0.0, 0.0, 0.0), (len(pred), 3, 640, 640)

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator["Detections"]:
        return iter(self.tolist())

    def __str__(self) -> str:
        lines = []
        for number, (im, boxes) in enumerate(zip(self.ims, self.pred, strict=True)):
            kinds = boxes[:, 5].int().tolist()
            counts = ", ".join(f"{kinds.count(kind)} {self.names[kind]}" for kind in dict.fromkeys(kinds))
            lines.append(f"image {number + 1}/{self.n}: {im.shape[0]}x{im.shape[1]} {counts or '(no detections)'}")
        return "\n".join(lines)

    def print(self) -> None:
        """Says what was found."""
        print(self)

    def render(self, labels: bool = True) -> list[Any]:  # noqa: ARG002 - drawn without
        """The pictures with boxes drawn."""
        import numpy as np
        from PIL import Image, ImageDraw

        for number, (im, boxes) in enumerate(zip(self.ims, self.pred, strict=True)):
            picture = Image.fromarray(im.astype("uint8"))
            for box in boxes.tolist():
                ImageDraw.Draw(picture).rectangle(box[:4], outline=(255, 0, 0), width=2)
            self.ims[number] = np.asarray(picture)
        return self.ims

    def show(self, labels: bool = True) -> None:
        """Draws; there is no screen here."""
        self.render(labels)

    def save(self, labels: bool = True, save_dir: str = "runs/detect/exp", exist_ok: bool = False) -> None:
        """Writes the pictures with boxes into a folder, a new one unless ``exist_ok``."""
        from PIL import Image

        folder, number = Path(save_dir), 2
        while folder.exists() and not exist_ok:
            folder, number = Path(f"{save_dir}{number}"), number + 1
        folder.mkdir(parents=True, exist_ok=True)
        for picture, name in zip(self.render(labels), self.files, strict=True):
            Image.fromarray(picture).save(folder / name)
        print(f"Saved {self.n} image{'s' * (self.n > 1)} to {folder}")

    def crop(
        self, save: bool = True, save_dir: str = "runs/detect/exp", _exist_ok: bool = False
    ) -> list[dict[str, Any]]:
        """Each box as a picture, also in a file by kind with ``save``."""
        from PIL import Image

        crops: list[dict[str, Any]] = []
        for im, boxes in zip(self.ims, self.pred, strict=True):
            for box in boxes:
                x, y, right, bottom = box[:4].int().tolist()
                kind = int(box[5])
                label = f"{self.names[kind]} {box[4]:.2f}"
                part = im[y:bottom, x:right]
                if save:
                    folder = Path(save_dir) / "crops" / self.names[kind]
                    folder.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(part.astype("uint8")).save(folder / f"image{len(crops)}.jpg")
                crops.append({"box": list(box[:4]), "conf": box[4], "cls": box[5], "label": label, "im": part})
        return crops

    def pandas(self) -> "Detections":
        """The same with tables in the place of tensors."""
        import pandas as pd

        new = Detections(list(self.ims), self.pred, self.files, self.names)
        for corner, middle in (("xyxy", "xywh"), ("xyxyn", "xywhn")):
            for kind, columns in ((corner, "xmin ymin xmax ymax"), (middle, "xcenter ycenter width height")):
                rows = [
                    [[*row[:5], int(row[5]), self.names[int(row[5])]] for row in boxes.tolist()]
                    for boxes in getattr(self, kind)
                ]
                names = [*columns.split(), "confidence", "class", "name"]
                setattr(new, kind, [pd.DataFrame(one, columns=names) for one in rows])
        return new

    def tolist(self) -> list["Detections"]:
        """One for each picture."""
        return [Detections([i], [p], [f], self.names) for i, p, f in zip(self.ims, self.pred, self.files, strict=True)]


def create(
    name: str, channels: int = 3, classes: int = 80, autoshape: bool = True, verbose: bool = True, device: Any = None
) -> nn.Module:
    """A model by name, or whatever a file holds.

    Raises:
        Exception: with YOLOv5's own advice, if the file cannot be read.
    """
    if not _KNOWN.fullmatch(name):
        try:
            loaded = torch.load(name, map_location="cpu", weights_only=False)
            classes = loaded["model"].nc if isinstance(loaded, dict) else loaded.nc
        except Exception as error:
            text = f"{error}. Cache may be out of date, try `force_reload=True` or see {_HELP} for help."
            raise Exception(text) from error  # noqa: TRY002 - YOLOv5 raises nothing more exact
    model = DetectionModel(name, channels, classes)
    return (AutoShape(model, verbose) if autoshape else model).to(device or "cpu")
