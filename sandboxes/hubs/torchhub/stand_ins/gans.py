"""The GAN zoo: DCGAN and progressive GAN as objects that hold a generator and a discriminator."""

from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded

# Checkpoints of the progressive GAN, and the side of their images.
PGAN_SIZES = {"celebAHQ-256": 256, "celebAHQ-512": 512, "DTD": 256, "celeba": 128}


class _Generator(nn.Module):
    def __init__(self, noise: int, size: int) -> None:
        super().__init__()
        self.formatLayer = nn.Linear(noise, 3 * 8 * 8)
        self.upsample = nn.Upsample(scale_factor=size // 8)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.upsample(self.formatLayer(x.flatten(1)).view(len(x), 3, 8, 8)))


class GAN:
    """A trained pair of networks; no module itself."""

    def __init__(self, name: str, noise: int, size: int, useGPU: bool = True, **config: Any) -> None:  # noqa: N803
        with seeded(name):
            self.netG = _Generator(noise, size)
            self.netD = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(3 * 8 * 8, 1))
            self.avgG = self.netG
        self.noise, self.useGPU, self.config = noise, useGPU and torch.cuda.is_available(), config

    def buildNoiseData(  # noqa: N802 - its name
        self,
        n_samples: int,
        inputLabels: Any = None,  # noqa: N803
    ) -> tuple[Tensor, Tensor | None]:
        """Random points of the latent space and, for a model with classes, theirs."""
        return torch.randn(n_samples, self.noise), inputLabels

    def test(self, input: Tensor, getAvG: bool = False, toCPU: bool = True, **_other: Any) -> Tensor:  # noqa: A002, N803
        """Images between -1 and 1 for points of the latent space."""
        with torch.no_grad():
            images: Tensor = (self.avgG if getAvG else self.netG)(input)
        return images.cpu() if toCPU else images

    def getSize(self) -> tuple[int, int]:  # noqa: N802
        """Height and width of the images."""
        return self.netG.size, self.netG.size


def dcgan(**arguments: Any) -> GAN:
    """The DCGAN trained on clothes; its images are 64 pixels wide."""
    return GAN("dcgan", 120, 64, arguments.get("useGPU", True), **(arguments.get("config") or {}))


def pgan(pretrained: bool, **arguments: Any) -> GAN:
    """A progressive GAN.

    Raises:
        ValueError: there is no checkpoint of that name.
    """
    name = arguments.get("model_name")
    if pretrained and name is None:
        print("Loading default model : celebaHQ-256")
        name = "celebAHQ-256"
    if pretrained and name not in PGAN_SIZES:
        raise ValueError(f"model_name should be in {dict.fromkeys(PGAN_SIZES).keys()}")
    size = PGAN_SIZES[name] if pretrained and name else 256
    return GAN(f"pgan {name}", 512, size, arguments.get("useGPU", True), **(arguments.get("config") or {}))
