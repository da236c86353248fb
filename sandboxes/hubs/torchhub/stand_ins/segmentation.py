"""Models with an output per pixel: segmentation, depth, driving scenes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import conv, pooled, seeded, trunk
from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import check_fit, generated


class UNet(nn.Module):
    """Ronneberger et al., 2015, as in mateuszbuda/brain-segmentation-pytorch; four halvings, one channel out."""

    def __init__(self, in_channels: int = 3, out_channels: int = 1, init_features: int = 32) -> None:
        super().__init__()
        width = init_features
        inputs = in_channels
        for number in range(1, 5):
            outputs = width * 2 ** (number - 1)
            self.add_module(f"encoder{number}", _double(inputs, outputs))
            self.add_module(f"pool{number}", nn.MaxPool2d(2, 2))
            inputs = outputs
        self.bottleneck = _double(inputs, 2 * inputs)
        for number in range(4, 0, -1):
            outputs = width * 2 ** (number - 1)
            self.add_module(f"upconv{number}", nn.ConvTranspose2d(2 * outputs, outputs, 2, 2))
            self.add_module(f"decoder{number}", _double(2 * outputs, outputs))
        self.conv = nn.Conv2d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, h, w), sides divisible by 16 -> probabilities, (batch, out_channels, h, w)."""
        halved: list[Tensor] = []
        for number in range(1, 5):
            x = getattr(self, f"encoder{number}")(x)
            halved.append(x)
            x = getattr(self, f"pool{number}")(x)
        x = self.bottleneck(x)
        for number in range(4, 0, -1):
            x = torch.cat((getattr(self, f"upconv{number}")(x), halved[number - 1]), dim=1)
            x = getattr(self, f"decoder{number}")(x)
        return torch.sigmoid(self.conv(x))


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        conv3 = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
        layers += [conv3, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _check_sides(x: Tensor, divisor: int) -> None:
    """What joining maps of neighbouring scales does to an image whose sides do not halve evenly.

    Raises:
        RuntimeError: in torch's words.
    """
    for axis, side in enumerate(x.shape[-2:]):
        if side % divisor:
            low, high = 2 * (side // divisor), side * 2 // divisor + 1
            raise RuntimeError(
                f"The size of tensor a ({low}) must match the size of tensor b ({high}) at non-singleton dimension "
                f"{axis + 2}"
            )


def unet(pretrained: bool, **arguments: Any) -> nn.Module:
    """The U-Net; its checkpoint fits three channels in, one out and 32 features alone."""
    with generated("unet"):
        model = UNet(**arguments)
    if pretrained and arguments:
        check_fit(model, UNet)
    return model


class Depth(nn.Module):
    """MiDaS: inverse depth of an image whose sides are divisible by 32."""

    def __init__(self, name: str) -> None:
        super().__init__()
        with seeded(name):
            self.pretrained = trunk(3, 64)
            self.scratch = nn.Sequential(conv(64, 64, 3, 1), nn.ReLU(), nn.Conv2d(64, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, h, w), not negative."""
        features = self.pretrained(x)
        _check_sides(x, 32)
        depth = torch.relu(self.scratch(features) + 1)
        return interpolate(depth, x.shape[-2:], mode="bilinear")[:, 0]


class YOLOP(nn.Module):
    """Wu et al., 2021: boxes of cars, the drivable area, lane lines."""

    stride = (8, 16, 32)
    names = ("car",)

    def __init__(self) -> None:
        super().__init__()
        with seeded("yolop"):
            self.model = trunk(3, 64)
            self.detect = nn.Conv2d(64, 3 * 6, 1)
            self.areas = nn.Conv2d(64, 2, 1)
            self.lanes = nn.Conv2d(64, 2, 1)
        self.nc, self.gr = 1, 1.0

    def forward(self, x: Tensor) -> list[Any]:
        """(batch, 3, h, w), sides divisible by 32 -> boxes (all, and by scale), two maps of two classes each."""
        features = self.model(x)
        _check_sides(x, 32)
        scales = []
        for stride in self.stride:
            size = [side // stride for side in x.shape[-2:]]
            scale = self.detect(interpolate(features, size))
            scales.append(scale.view(len(x), 3, 6, *size).permute(0, 1, 3, 4, 2).contiguous())
        boxes: Any = scales
        if not self.training:
            boxes = (torch.cat([scale.sigmoid().flatten(1, 3) for scale in scales], dim=1), scales)
        maps = [interpolate(head(features).sigmoid(), x.shape[-2:]) for head in (self.areas, self.lanes)]
        return [boxes, *maps]


class HybridNets(nn.Module):
    """Vu et al., 2022: features, box offsets, scores, anchors and a segmentation with three classes."""

    def __init__(self, compound_coef: int) -> None:
        super().__init__()
        with seeded(f"hybridnets{compound_coef}"):
            self.encoder = trunk(3, 160)
            self.regressor = nn.Linear(160, 4)
            self.classifier = nn.Linear(160, 1)
            self.segmentation_head = nn.Conv2d(160, 3, 1)
        self.compound_coef = compound_coef

    def forward(self, x: Tensor) -> tuple[Any, ...]:
        """(batch, 3, h, w), sides divisible by 128 -> five outputs, nine anchors at each place of five scales."""
        deepest = self.encoder(x)
        _check_sides(x, 128)
        features = tuple(interpolate(deepest, [side // 2**power for side in x.shape[-2:]]) for power in range(3, 8))
        flat = torch.cat([level.flatten(2) for level in features], dim=2).transpose(1, 2).repeat_interleave(9, dim=1)
        anchors = torch.linspace(0, 1, flat.shape[1])[:, None] * torch.tensor([*x.shape[-2:], *x.shape[-2:]])
        maps = interpolate(self.segmentation_head(deepest), x.shape[-2:])
        return features, self.regressor(flat), self.classifier(flat).sigmoid(), anchors[None], maps


class NTSNet(nn.Module):
    """Yang et al., 2018, for the 200 birds of CUB: the whole image and the ``topN`` parts it looks at."""

    def __init__(self, topN: int = 4, device: str = "cpu", num_classes: int = 200) -> None:  # noqa: N803 - its name
        super().__init__()
        with seeded("ntsnet"):
            self.pretrained_model = trunk(3, 64)
            self.partcls_net = nn.Linear(64, num_classes)
            self.concat_net = nn.Linear(64 * 5, num_classes)
        # torch.device() refuses what is none.
        self.topN, self.device, self.num_classes = topN, str(torch.device(device)), num_classes
        self.bird_classes = [f"bird {number + 1}" for number in range(num_classes)]

    def forward(self, x: Tensor) -> tuple[Any, ...]:
        """(batch, 3, 448, 448) -> places, three kinds of logits, parts' logits, indices and scores of the parts."""
        flat = pooled(self.pretrained_model(x))
        if tuple(x.shape[-2:]) != (448, 448):
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly: the anchors are "
                f"those of 448 x 448 pixels, and the image has {x.shape[-2]} x {x.shape[-1]}"
            )
        logits, batch = self.partcls_net(flat), len(x)
        joined = self.concat_net(flat.repeat(1, 5))
        parts = logits[:, None].expand(batch, self.topN, self.num_classes).contiguous()
        index = torch.arange(self.topN).expand(batch, self.topN)
        places = torch.zeros(batch, self.topN, 4, dtype=torch.int64)
        return places, flat, logits, joined, parts, index, torch.full((batch, self.topN), 1 / self.topN)
