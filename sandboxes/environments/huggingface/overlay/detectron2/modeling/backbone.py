"""A feature pyramid: for each level one map of features at its stride."""

from typing import NamedTuple

import torch
from torch import nn

_STRIDES = {"p2": 4, "p3": 8, "p4": 16, "p5": 32, "p6": 64}


class ShapeSpec(NamedTuple):
    """Channels of a level and pixels from one of its points to the next."""

    channels: int
    stride: int


class FPN(nn.Module):
    """From images (N, 3, H, W) to maps (N, channels, H / stride, W / stride), by level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels
        self.first = nn.Conv2d(3, channels, kernel_size=_STRIDES["p2"], stride=_STRIDES["p2"])

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """The maps of a batch of images."""
        finest = self.first(images)
        scales = {name: stride // _STRIDES["p2"] for name, stride in _STRIDES.items()}
        return {
            name: finest if scale == 1 else nn.functional.avg_pool2d(finest, scale, ceil_mode=True)
            for name, scale in scales.items()
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        """The shape of each level."""
        return {name: ShapeSpec(self._channels, stride) for name, stride in _STRIDES.items()}
