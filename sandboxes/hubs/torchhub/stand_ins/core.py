"""What all stand-ins are made of."""

import contextlib
import math
import zlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


@contextlib.contextmanager
def seeded(name: str) -> Iterator[None]:
    """Random weights that depend on a name alone, and leave the program's own random numbers as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(name.encode()))
        yield


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A dense layer of any size, filled with copies of one small random block: random numbers are what takes time."""
    empty: Any = nn.utils.skip_init
    layer: nn.Linear = empty(nn.Linear, inputs, outputs)
    block = torch.randn(outputs, min(inputs, 64)) / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.copy_(block.repeat(1, -(-inputs // block.shape[1]))[:, :inputs])
        layer.bias.zero_()
    return layer


def conv(inputs: int, outputs: int, size: int = 1, stride: int = 1, **options: Any) -> nn.Conv2d:
    """A convolution with as many groups as the channels allow, so that its weights are few."""
    groups = math.gcd(inputs, outputs)
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False, **options)


def stage(inputs: int, outputs: int, stride: int = 2) -> nn.Sequential:
    """A convolution, a norm and an activation."""
    return nn.Sequential(conv(inputs, outputs, 3 if stride > 1 else 1, stride), nn.BatchNorm2d(outputs), nn.ReLU())


def trunk(channels: int, outputs: int, first: int = 32) -> nn.Sequential:
    """From an image to features at a 32nd of its size; everything between is small."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, first, 3, 2, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU()),
        *(stage(first, first) for _ in range(3)),
        stage(first, outputs),
    )


def pooled(features: Tensor) -> Tensor:
    """Means over an image, (batch, channels)."""
    return features.mean(dim=(-2, -1))


def load_into(model: nn.Module, other: nn.Module) -> None:
    """What a pretrained checkpoint does: it has the shapes of the default model, and no other model can take it.

    Raises:
        RuntimeError: torch's own, for a model of other shapes.
    """
    model.load_state_dict(other.state_dict())
