"""YOLOv5 behind its AutoShape: takes paths, URLs, images, arrays and tensors, and returns detections."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.coco import NAMES
from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import generated

_HELP = "https://docs.ultralytics.com/yolov5/tutorials/pytorch_hub_model_loading"
_KNOWN = re.compile(r"yolov5[nsmlx]6?(\.pt)?")
# What it finds in any picture: place as shares of the sides, confidence, class.
_FOUND = ((0.12, 0.2, 0.55, 0.95, 0.88, 0), (0.5, 0.4, 0.9, 0.85, 0.61, 16), (0.3, 0.5, 0.4, 0.7, 0.12, 27))


# Of each size the factors of depth and width.
_FACTORS = {"n": (0.33, 0.25), "s": (0.33, 0.5), "m": (0.67, 0.75), "l": (1.0, 1.0), "x": (1.33, 1.25)}


class Conv(nn.Module):
    """A convolution with the norm already worked into it, and an activation."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2 if padding is None else padding)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        result: Tensor = self.act(self.conv(x))
        return result


class Bottleneck(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(width, width), Conv(width, width, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, h, w) -> the same."""
        result: Tensor = self.cv2(self.cv1(x))
        return x + result if self.add else result


class C3(nn.Module):
    """A part that goes through bottlenecks, joined with one that does not."""

    def __init__(self, inputs: int, outputs: int, count: int, shortcut: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.cv1, self.cv2, self.cv3 = Conv(inputs, half), Conv(inputs, half), Conv(2 * half, outputs)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h, w)."""
        result: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))
        return result


class SPPF(nn.Module):
    """Maxima over growing neighbourhoods."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(width, width // 2), Conv(2 * width, width)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, h, w) -> the same."""
        one = self.cv1(x)
        two = self.m(one)
        three = self.m(two)
        result: Tensor = self.cv2(torch.cat((one, two, three, self.m(three)), 1))
        return result


class DetectionModel(nn.Module):
    """The network alone, of the real sizes: version 6 and later, with strides up to 32, or 64 in the larger ones."""

    def __init__(self, name: str, channels: int, classes: int) -> None:
        super().__init__()
        size, large = name.removesuffix(".pt")[6], name.removesuffix(".pt").endswith("6")
        depth, width = _FACTORS[size]
        scales = [128, 256, 512, 768, 1024] if large else [128, 256, 512, 1024]
        widths = [math.ceil(one * width / 8) * 8 for one in scales]
        first = math.ceil(64 * width / 8) * 8
        counts = [max(round(count * depth), 1) for count in ((3, 6, 9, 3, 3) if large else (3, 6, 9, 3))]
        with generated(name):
            self.stem = Conv(channels, first, 6, 2, 2)
            self.down, self.up, self.again = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
            before = [first, *widths]
            for number, outputs in enumerate(widths):
                self.down.append(Conv(before[number], outputs, 3, 2))
                self.down.append(C3(outputs, outputs, counts[number]))
            self.sppf = SPPF(widths[-1])
            for inputs, outputs in zip(widths[:1:-1], widths[-2:0:-1], strict=True):
                self.up.append(Conv(inputs, outputs))
                self.up.append(C3(2 * outputs, outputs, counts[0], shortcut=False))
            for inputs, outputs in itertools.pairwise(widths[1:]):
                self.again.append(Conv(inputs, inputs, 3, 2))
                self.again.append(C3(2 * inputs, outputs, counts[0], shortcut=False))
            self.detect = nn.ModuleList(nn.Conv2d(inputs, 3 * (classes + 5), 1) for inputs in widths[1:])
        self.nc, self.yaml = classes, {"nc": classes, "ch": channels}
        self.names = dict(enumerate(NAMES if classes == len(NAMES) else [f"class{n}" for n in range(classes)]))
        self.stride = torch.tensor([8.0, 16.0, 32.0, 64.0][: len(widths) - 1])

    def forward(self, x: Tensor, **_options: Any) -> tuple[Tensor, list[Tensor]]:
        """(batch, channels, h, w) -> (batch, anchors, 5 + classes) and the same by scale."""
        x = self.stem(x)
        kept = []
        for number in range(0, len(self.down), 2):
            x = self.down[number + 1](self.down[number](x))
            kept.append(x)
        x = self.sppf(x)
        reduced = []
        for number in range(0, len(self.up), 2):
            x = self.up[number](x)
            reduced.append(x)
            x = torch.cat((nn.functional.interpolate(x, scale_factor=2.0), kept[-2 - number // 2]), 1)
            x = self.up[number + 1](x)
        maps = [x]
        for number in range(0, len(self.again), 2):
            x = torch.cat((self.again[number](x), reduced[-1 - number // 2]), 1)
            x = self.again[number + 1](x)
            maps.append(x)
        levels = []
        for layer, one in zip(self.detect, maps, strict=True):
            level = layer(one).view(len(one), 3, self.nc + 5, *one.shape[-2:])
            levels.append(level.permute(0, 1, 3, 4, 2).contiguous())
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
            # As the backend around the real network gives it.
            return list(self.model(ims))
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
        name = "yolov5s"
    model = DetectionModel(name, channels, classes)
    return (AutoShape(model, verbose) if autoshape else model).to(device or "cpu")
