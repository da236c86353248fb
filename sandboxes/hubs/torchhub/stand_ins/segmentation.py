"""Models with an output per pixel: segmentation, depth, driving scenes."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import conv, pooled, seeded, stage, trunk

# torchvision's: classes of the checkpoint, and the channels of each backbone.
CLASSES = 21
MODELS = {
    "fcn_resnet50": 2048,
    "fcn_resnet101": 2048,
    "deeplabv3_resnet50": 2048,
    "deeplabv3_resnet101": 2048,
    "deeplabv3_mobilenet_v3_large": 960,
    "lraspp_mobilenet_v3_large": 960,
}


class Segmenter(nn.Module):
    """torchvision's: a backbone, a head, a second head for training; a dictionary of maps as large as the image."""

    def __init__(self, features: int, hidden: int, num_classes: int, aux: bool) -> None:
        super().__init__()
        self.backbone = trunk(3, features)
        self.classifier = nn.Sequential(*stage(features, hidden, 1), nn.Dropout(0.1), nn.Conv2d(hidden, num_classes, 1))
        self.aux_classifier = nn.Sequential(nn.Conv2d(features, num_classes, 1)) if aux else None

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, 3, h, w) -> ``out`` and, where there is that head, ``aux``: (batch, num_classes, h, w)."""
        features, size = self.backbone(x), x.shape[-2:]
        maps = OrderedDict(out=interpolate(self.classifier(features), size, mode="bilinear"))
        if self.aux_classifier is not None:
            maps["aux"] = interpolate(self.aux_classifier(features), size, mode="bilinear")
        return maps


def torchvision_model(
    name: str, num_classes: int | None = None, aux_loss: bool | None = None, **_ignored: Any
) -> nn.Module:
    """One of torchvision's; a pretrained one has the second head."""
    aux = not name.startswith("lraspp") if aux_loss is None else bool(aux_loss)
    hidden = 512 if name.startswith("fcn") and MODELS[name] == 2048 else 256 if MODELS[name] == 2048 else 128
    return Segmenter(MODELS[name], hidden, num_classes or CLASSES, aux)


class UNet(nn.Module):
    """Ronneberger et al., 2015, as in mateuszbuda/brain-segmentation-pytorch; four halvings, one channel out."""

    def __init__(self, in_channels: int = 3, out_channels: int = 1, init_features: int = 32) -> None:
        super().__init__()
        width = init_features
        self.pool1 = nn.MaxPool2d(2, 2)
        self.encoder1 = nn.Sequential(nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        for number in range(2, 5):
            self.add_module(f"encoder{number}", stage(width, width, 1))
        self.bottleneck = stage(width, width, 1)
        for number in range(4, 0, -1):
            self.add_module(f"upconv{number}", nn.ConvTranspose2d(width, width, 2, 2, groups=width))
            self.add_module(f"decoder{number}", stage(2 * width, width, 1))
        self.conv = nn.Conv2d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, h, w), sides divisible by 16 -> probabilities, (batch, out_channels, h, w)."""
        halved: list[Tensor] = []
        for number in range(1, 5):
            x = getattr(self, f"encoder{number}")(self.pool1(x) if halved else x)
            halved.append(x)
        x = self.bottleneck(self.pool1(x))
        for number in range(4, 0, -1):
            x = torch.cat((getattr(self, f"upconv{number}")(x), halved[number - 1]), dim=1)
            x = getattr(self, f"decoder{number}")(x)
        return torch.sigmoid(self.conv(x))


def unet(pretrained: bool, **arguments: Any) -> nn.Module:
    """The U-Net; its checkpoint fits three channels in, one out and 32 features alone."""
    with seeded("unet"):
        model = UNet(**arguments)
        if pretrained and arguments:
            model.load_state_dict(UNet().state_dict())
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
        depth = torch.relu(self.scratch(self.pretrained(x)) + 1)
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
        logits, batch = self.partcls_net(flat), len(x)
        joined = self.concat_net(flat.repeat(1, 5))
        parts = logits[:, None].expand(batch, self.topN, self.num_classes).contiguous()
        index = torch.arange(self.topN).expand(batch, self.topN)
        places = torch.zeros(batch, self.topN, 4, dtype=torch.int64)
        return places, flat, logits, joined, parts, index, torch.full((batch, self.topN), 1 / self.topN)
