"""Image classifiers: torchvision's and those of other repositories, with the real heads."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import Thin, conv, linear, pooled, stage, trunk


class BasicBlock(nn.Module):
    """One convolution where the real block has two, added to its input."""

    expansion = 1

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, norm: Callable[[int], nn.Module] | None = None
    ) -> None:
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3 if stride > 1 else 1, stride)
        self.bn1 = (norm or nn.BatchNorm2d)(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.whole = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        out = self.bn1(self.conv1(x))
        return torch.relu(out + x if self.whole else out)


class Bottleneck(BasicBlock):
    """The block of deeper networks."""

    expansion = 4


class ResNet(nn.Module):
    """He et al., 2015. Arguments of ``torchvision.models.resnet.ResNet``."""

    def __init__(
        self,
        block: type[BasicBlock],
        layers: list[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,  # noqa: ARG002 - of no account for what the program sees
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: list[bool] | None = None,
        norm_layer: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if replace_stride_with_dilation is not None and len(replace_stride_with_dilation) != 3:
            raise ValueError(
                f"replace_stride_with_dilation should be None or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        if block.expansion == 1 and (groups != 1 or width_per_group != 64):
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        self.inplanes, self.groups, self.base_width = 64, groups, width_per_group
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = (norm_layer or nn.BatchNorm2d)(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for number, count in enumerate(layers):
            outputs = 64 * 2**number * block.expansion
            first = block(self.inplanes, outputs, 1 if number == 0 else 2, norm_layer)
            blocks = [first, *(block(outputs, outputs, 1, norm_layer) for _ in range(count - 1))]
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))
            self.inplanes = outputs
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = linear(self.inplanes, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


class FullHead(nn.Module):
    """Features, a pooling to a fixed size, and a stack of dense layers: AlexNet and VGG."""

    def __init__(self, features: int, size: int, hidden: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.features = trunk(3, features)
        self.avgpool = nn.AdaptiveAvgPool2d((size, size))
        self.flat, self.hidden, self.num_classes, self.dropout = features * size**2, hidden, num_classes, dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        logits: Tensor = getattr(self, "classifier")(torch.flatten(self.avgpool(self.features(x)), 1))  # noqa: B009 - set below
        return logits


class AlexNet(FullHead):
    """Krizhevsky et al., 2012. Arguments of ``torchvision.models.AlexNet``."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__(256, 6, 4096, num_classes, dropout)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            Thin(self.flat, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            Thin(4096, 4096),
            nn.ReLU(inplace=True),
            linear(4096, num_classes),
        )


class VGG(FullHead):
    """Simonyan and Zisserman, 2014. Arguments of ``torchvision.models.VGG`` but for the features."""

    def __init__(self, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> None:
        super().__init__(512, 7, 4096, num_classes, dropout)
        self.init_weights = init_weights
        self.classifier = nn.Sequential(
            Thin(self.flat, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            Thin(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            linear(4096, num_classes),
        )


class Classifier(nn.Module):
    """Features, their means, and one head under the name it really has.

    Args:
        features: channels before the head.
        head: name of the head's attribute.
        layers: modules of the head before its last, which is dense; None for a head that is one dense layer.
        trunk_name: name of the features' attribute.
        num_classes: outputs.
    """

    def __init__(
        self,
        features: int,
        head: str,
        layers: list[nn.Module] | None = None,
        *,
        trunk_name: str = "features",
        num_classes: int = 1000,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self._trunk, self._head, self.num_classes, self.num_features = trunk_name, head, num_classes, features
        self.add_module(trunk_name, trunk(channels, features))
        width = next((layer.out_features for layer in reversed(layers or []) if isinstance(layer, nn.Linear)), features)
        last = linear(width, num_classes)
        self.add_module(head, last if layers is None else nn.Sequential(*layers, last))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        logits: Tensor = getattr(self, self._head)(pooled(getattr(self, self._trunk)(x)))
        return logits


class SqueezeNet(nn.Module):
    """Iandola et al., 2016: its head is a convolution. Arguments of ``torchvision.models.SqueezeNet``."""

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in ("1_0", "1_1"):
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        self.features = trunk(3, 512)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(512, num_classes, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        return torch.flatten(self.classifier(self.features(x)), 1)


class Branching(nn.Module):
    """GoogLeNet and Inception v3: one dense layer named ``fc``, more than one output while training."""

    def __init__(self, features: int, outputs: type[Any], aux: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = stage(3, 33)
        self.Mixed_7c = stage(33, features)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = linear(features, num_classes)
        self._outputs, self._aux = outputs, aux
        self.aux_logits = aux > 0
        if aux:
            self.AuxLogits = nn.ModuleDict({"fc": linear(features, num_classes)})

    def forward(self, x: Tensor) -> Any:
        """(batch, 3, h, w) -> (batch, num_classes), while training in a tuple with what the branches say."""
        flat = torch.flatten(self.avgpool(self.Mixed_7c(self.Conv2d_1a_3x3(x))), 1)
        logits = self.fc(self.dropout(flat))
        if not (self.training and self._aux):
            return logits
        return self._outputs(logits, *[self.AuxLogits["fc"](flat)] * self._aux)
