"""Video classifiers: PyTorchVideo's and torchvision's, on 400 kinds of action (Kinetics)."""

from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import linear, load_into, seeded

# Channels before the head, its name.
TORCHVISION = {
    "r3d_18": (512, "fc"),
    "mc3_18": (512, "fc"),
    "r2plus1d_18": (512, "fc"),
    "mvit_v1_b": (768, "head"),
    "mvit_v2_s": (768, "head"),
    "s3d": (1024, "classifier"),
    "swin3d_t": (768, "head"),
    "swin3d_s": (768, "head"),
    "swin3d_b": (1024, "head"),
}
_TAKES = {
    "create_resnet": "input_channel model_depth model_num_class dropout_rate norm activation stem_dim_out head "
    "head_pool head_pool_kernel_size head_output_size head_activation head_output_with_global_average",
    "create_slowfast": "slowfast_channel_reduction_ratio slowfast_conv_channel_fusion_ratio input_channels model_depth "
    "model_num_class dropout_rate norm activation head_pool head_pool_kernel_sizes head_output_size head_activation",
    "create_x3d": "input_channel input_clip_length input_crop_size model_num_class dropout_rate width_factor "
    "depth_factor norm activation head_dim_out head_activation",
}


class Clip(nn.Module):
    """The mean of a clip's features and one dense layer, under the name that torchvision gives it."""

    def __init__(self, features: int, head: str, num_classes: int = 400) -> None:
        super().__init__()
        self.stem = _stem(3, 32)
        self.layers = nn.Conv3d(32, features, 1, groups=32)
        self._head = head
        last = linear(features, num_classes)
        self.add_module(head, last if head == "fc" else nn.Sequential(nn.Dropout(0.5), last))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, frames, h, w) -> (batch, num_classes)."""
        logits: Tensor = getattr(self, self._head)(self.layers(self.stem(x)).mean(dim=(2, 3, 4)))
        return logits


def torchvision_model(name: str, **arguments: Any) -> nn.Module:
    """One of torchvision's."""
    unknown = arguments.keys() - {"num_classes", "dropout", "norm_layer", "zero_init_residual"}
    if unknown:
        raise TypeError(f"VideoResNet.__init__() got an unexpected keyword argument {min(unknown)!r}")
    return Clip(*TORCHVISION[name], num_classes=arguments.get("num_classes", 400))


class Net(nn.Module):
    """PyTorchVideo's: a list of blocks, of which the last is the head."""

    def __init__(self, features: int, blocks: int, classes: int, pathways: int, channels: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Stem(channels, 32), *(nn.Identity() for _ in range(blocks - 2))])
        self.blocks.append(_Head(32, features, classes))
        self._pathways, self._channels = pathways, channels

    def forward(self, x: Any) -> Tensor:
        """(batch, 3, frames, h, w), or a list of slow and fast pathway -> (batch, classes)."""
        if self._pathways == 2:
            if not isinstance(x, list | tuple) or len(x) != 2:
                raise AssertionError("input for MultiPathWayWithFuse needs to be a list of tensors")
            x = x[0] + nn.functional.interpolate(x[1], size=x[0].shape[2:])
        for block in self.blocks:
            x = block(x)
        logits: Tensor = x
        return logits


def pytorchvideo(name: str, creator: str, pretrained: bool, **arguments: Any) -> nn.Module:
    """One of ``pytorchvideo.models.hub``; arguments go to the function that creates it there."""
    for argument in arguments:
        if argument not in _TAKES.get(creator, "").split():
            raise TypeError(f"{creator}() got an unexpected keyword argument {argument!r}")
    with seeded(name):
        model = _net(name, **arguments)
        if pretrained and arguments:
            load_into(model, _net(name))
        return model


def _net(name: str, model_num_class: int = 400, input_channel: int = 3, **_other: Any) -> Net:
    if name.startswith("slowfast"):
        return Net(2304, 7, model_num_class, 2)
    if "x3d" in name:
        return Net(2048, 6, model_num_class, 1, input_channel)
    if name.startswith("mvit"):
        return Net(768, 6, model_num_class, 1, input_channel)
    return Net(2048, 6, model_num_class, 1, input_channel)


def _stem(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, (1, 8, 8), (1, 8, 8), bias=False), nn.BatchNorm3d(outputs), nn.ReLU()
    )


class _Stem(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv, self.norm, self.activation = _stem(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.activation(self.norm(self.conv(x)))
        return features


class _Head(nn.Module):
    def __init__(self, inputs: int, features: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.Conv3d(inputs, features, 1, groups=inputs)
        self.dropout = nn.Dropout(0.5)
        self.proj = linear(features, classes)
        self.output_pool = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.output_pool(self.proj(self.dropout(torch.mean(self.pool(x), dim=(2, 3, 4)))))
        return logits
