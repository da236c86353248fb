"""What MiDaS does to an image before its models see it."""

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5,) * 3, (0.5,) * 3)
# Name: length of a side, whether the shorter one is meant, whether the sides keep their ratio, mean and deviation.
_TRANSFORMS = {
    "default_transform": (384, False, True, _IMAGENET),
    "small_transform": (256, False, True, _IMAGENET),
    "dpt_transform": (384, True, True, _HALF),
    "beit512_transform": (512, True, True, _HALF),
    "swin384_transform": (384, True, False, _HALF),
    "swin256_transform": (256, True, False, _HALF),
    "levit_transform": (224, True, False, _HALF),
}


def transforms() -> types.SimpleNamespace:
    """The transforms by name: each takes an RGB array of bytes, (h, w, 3), and returns (1, 3, h', w')."""
    return types.SimpleNamespace(**{name: _transform(*how) for name, how in _TRANSFORMS.items()})


def _transform(
    size: int, shorter: bool, keep_ratio: bool, scale: tuple[tuple[float, ...], tuple[float, ...]]
) -> Callable[[Any], Tensor]:
    def transform(image: Any) -> Tensor:
        pixels = torch.from_numpy(image / 255.0).float().permute(2, 0, 1)[None]
        sides = [size, size]
        if keep_ratio:
            factors = [size / side for side in pixels.shape[-2:]]
            factor = max(factors) if shorter else min(factors)
            sides = [max(32, round(side * factor / 32) * 32) for side in pixels.shape[-2:]]
        mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in scale)
        return (interpolate(pixels, sides, mode="bicubic") - mean) / deviation

    return transform
