"""Image classifiers of repositories other than torchvision's: its ResNet, and features under a real head."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import linear, pooled, trunk

Norm = Callable[[int], nn.Module]


def _conv3(inputs: int, outputs: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, groups, bias=False)


class BasicBlock(nn.Module):
    """Two convolutions, added to their input."""

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1, self.bn1 = _conv3(inplanes, planes, stride), norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = _conv3(planes, planes), norm(planes)
        self.downsample, self.stride = downsample, stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inplanes, h, w) -> (batch, planes, h / stride, w / stride)."""
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        added: Tensor = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return added


class Bottleneck(nn.Module):
    """The block of deeper networks."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1, self.bn1 = nn.Conv2d(inplanes, width, 1, bias=False), norm(width)
        self.conv2, self.bn2 = _conv3(width, width, stride, groups, dilation), norm(width)
        self.conv3, self.bn3 = nn.Conv2d(width, planes * 4, 1, bias=False), norm(planes * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample, self.stride = downsample, stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inplanes, h, w) -> (batch, 4 * planes, h / stride, w / stride)."""
        out = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        out = self.bn3(self.conv3(out))
        added: Tensor = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return added


class ResNet(nn.Module):
    """He et al., 2015. Arguments, names and sizes of ``torchvision.models.resnet.ResNet``."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: list[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,  # noqa: ARG002 - of no account for what the program sees
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: list[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilated = [False, False, False] if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilated) != 3:
            raise ValueError(
                f"replace_stride_with_dilation should be None or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        self.inplanes, self.dilation, self.groups, self.base_width = 64, 1, groups, width_per_group
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate=dilated[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate=dilated[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate=dilated[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def _make_layer(
        self, block: type[BasicBlock | Bottleneck], planes: int, blocks: int, stride: int = 1, *, dilate: bool = False
    ) -> nn.Sequential:
        norm, before, downsample = self._norm_layer, self.dilation, None
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        outputs = planes * block.expansion
        if stride != 1 or self.inplanes != outputs:
            downsample = nn.Sequential(nn.Conv2d(self.inplanes, outputs, 1, stride, bias=False), norm(outputs))
        same = (self.groups, self.base_width)
        made = [block(self.inplanes, planes, stride, downsample, *same, before, norm)]
        self.inplanes = outputs
        made += [block(outputs, planes, 1, None, *same, self.dilation, norm) for _ in range(blocks - 1)]
        return nn.Sequential(*made)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


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
