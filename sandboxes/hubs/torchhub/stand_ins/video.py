"""Video classifiers: PyTorchVideo's, on 400 kinds of action (Kinetics), with the clips that the real ones take."""

from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import linear, load_into, seeded

_TAKES = {
    "create_resnet": "input_channel model_depth model_num_class dropout_rate norm activation stem_dim_out head "
    "head_pool head_pool_kernel_size head_output_size head_activation head_output_with_global_average",
    "create_slowfast": "slowfast_channel_reduction_ratio slowfast_conv_channel_fusion_ratio input_channels model_depth "
    "model_num_class dropout_rate norm activation head_pool head_pool_kernel_sizes head_output_size head_activation",
    "create_x3d": "input_channel input_clip_length input_crop_size model_num_class dropout_rate width_factor "
    "depth_factor norm activation head_dim_out head_activation",
}


# Of each model the frames and the side at which its last maps are as large as the head's window, by how much the model
# shrinks them in time and space, and that window in time and space. A smaller clip does not fill the window.
_CLIPS = {
    "slow_r50": (1, 8, 7),
    "c2d_r50": (1, 8, 7),
    "i3d_r50": (2, 4, 7),
    "r2plus1d_r50": (4, 4, 7),
    "csn_r101": (8, 4, 7),
    "slowfast_r50": (1, 8, 7),
    "slowfast_r101": (1, 8, 7),
    "slowfast_16x8_r101_50_50": (1, 16, 7),
    "x3d_xs": (1, 4, 5),
    "x3d_s": (1, 13, 5),
    "x3d_m": (1, 16, 7),
    "x3d_l": (1, 16, 10),
}
# Frames and side for which the places of a transformer are made.
_PLACES = {"mvit_base_16": (1, 224), "mvit_base_16x4": (16, 224), "mvit_base_32x3": (32, 224)}


class Net(nn.Module):
    """PyTorchVideo's: a list of blocks, of which the last is the head."""

    def __init__(self, name: str, features: int, blocks: int, classes: int, channels: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Stem(channels, 32), *(nn.Identity() for _ in range(blocks - 2))])
        self.blocks.append(_Head(32, features, classes))
        self._name, self._channels = name, channels

    def forward(self, x: Any) -> Tensor:
        """(batch, 3, frames, h, w), or a list of slow and fast pathway -> (batch, classes)."""
        if self._name.startswith("slowfast"):
            x = self._fused(x)
        elif self._name == "mvit_base_16" and x.dim() == 4:
            x = x.unsqueeze(2)
        self._check(x.shape)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = x
        return logits

    @staticmethod
    def _fused(x: Any) -> Tensor:
        if not isinstance(x, list | tuple):
            raise AssertionError("input for MultiPathWayWithFuse needs to be a list of tensors")  # noqa: TRY004 - its own
        slow, fast = x
        # The fast pathway is joined at a fourth of its frames.
        thinned = nn.functional.max_pool3d(fast, (1, 1, 1), (4, 1, 1))
        joined: Tensor = slow + thinned
        return joined

    def _check(self, shape: torch.Size) -> None:
        if self._name in _PLACES and len(shape) == 5:
            frames, side = _PLACES[self._name]
            tokens = max(1, shape[2] // 2) * (shape[3] // 4) * (shape[4] // 4) + 1
            places = max(1, frames // 2) * (side // 4) ** 2 + 1
            if tokens != places:
                raise RuntimeError(
                    f"The size of tensor a ({tokens}) must match the size of tensor b ({places}) at non-singleton "
                    "dimension 1"
                )
        if self._name in _CLIPS and len(shape) == 5:
            shrinks, frames, side = _CLIPS[self._name]
            maps = (-(-shape[2] // shrinks), -(-shape[3] // 32), -(-shape[4] // 32))
            if maps[0] < frames or min(maps[1:]) < side:
                raise RuntimeError(
                    f"input image (T: {maps[0]} H: {maps[1]} W: {maps[2]}) smaller than kernel size (kT: {frames} kH: "
                    f"{side} kW: {side})"
                )


class Detector(Net):
    """PyTorchVideo's detectors of actions: a clip and boxes (number of the clip, four corners) in, scores out."""

    def forward(self, x: Any, bboxes: Any) -> Tensor:  # type: ignore[override]
        """(batch, 3, frames, h, w) or two pathways, (boxes, 5) -> (boxes, 80)."""
        clip = self._fused(x) if self._name.startswith("slowfast") else x
        features = self.blocks[0](clip)
        for block in self.blocks[1:]:
            features = block(features)
        scores: Tensor = features[bboxes[:, 0].long()].sigmoid()
        return scores


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


def _net(name: str, model_num_class: int | None = None, input_channel: int = 3, **_other: Any) -> Net:
    if name.endswith("_detection"):
        return Detector(name, 2304 if name.startswith("slowfast") else 2048, 7, model_num_class or 80)
    if name.startswith("slowfast"):
        return Net(name, 2304, 7, model_num_class or 400)
    if name.startswith("mvit"):
        return Net(name, 768, 6, model_num_class or (1000 if name == "mvit_base_16" else 400), input_channel)
    return Net(name, 2048, 6, model_num_class or 400, input_channel)


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
