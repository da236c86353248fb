"""Classifiers that attend: DINO's vision transformer and ResNeSt, with the real sizes."""

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Tokens attend to each other; also returns how much."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.scale = num_heads, (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, tokens, dim) -> the same, and (batch, heads, tokens, tokens)."""
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, dim // self.num_heads).permute(2, 0, 3, 1, 4)
        weights = ((qkv[0] @ qkv[1].transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.proj((weights @ qkv[2]).transpose(1, 2).reshape(batch, tokens, dim)), weights


class Block(nn.Module):
    """Attention and two dense layers, each added to its input."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        hidden = int(dim * mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x: Tensor, return_attention: bool = False) -> Tensor:
        """(batch, tokens, dim) -> the same, or who attends to whom."""
        y, weights = self.attn(self.norm1(x))
        if return_attention:
            seen: Tensor = weights
            return seen
        x = x + y
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class PatchEmbed(nn.Module):
    """A token for each patch."""

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.img_size, self.patch_size = img_size, patch_size
        self.num_patches = (img_size // patch_size) ** 2
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_chans, h, w) -> (batch, patches, embed_dim)."""
        tokens: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens


class VisionTransformer(nn.Module):
    """Caron et al., 2021, with that repository's arguments and methods."""

    def __init__(
        self,
        img_size: list[int] | tuple[int, ...] = (224,),
        patch_size: int = 16,
        in_chans: int = 3,
        num_classes: int = 0,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 0,
        mlp_ratio: float = 4.0,
        **_options: Any,
    ) -> None:
        super().__init__()
        self.num_features = self.embed_dim = embed_dim
        self.patch_embed = PatchEmbed(img_size[0], patch_size, in_chans, embed_dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(torch.randn(1, self.patch_embed.num_patches + 1, embed_dim) * 0.02)
        heads = num_heads or embed_dim // 64
        self.blocks = nn.ModuleList([Block(embed_dim, heads, mlp_ratio) for _ in range(depth)])
        self.norm = nn.LayerNorm(embed_dim, eps=1e-6)
        self.head = nn.Linear(embed_dim, num_classes) if num_classes > 0 else nn.Identity()

    def interpolate_pos_encoding(self, x: Tensor, w: int, h: int) -> Tensor:
        """Places for an image of another size."""
        patches = self.pos_embed.shape[1] - 1
        if x.shape[1] - 1 == patches and w == h:
            return self.pos_embed
        size, side = self.patch_embed.patch_size, int(math.sqrt(patches))
        grid = self.pos_embed[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = nn.functional.interpolate(grid, (w // size, h // size), mode="bicubic")
        return torch.cat((self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)), dim=1)

    def prepare_tokens(self, x: Tensor) -> Tensor:
        """(batch, 3, w, h) -> (batch, 1 + patches, dim)."""
        batch, _, w, h = x.shape
        tokens = torch.cat((self.cls_token.expand(batch, -1, -1), self.patch_embed(x)), dim=1)
        return tokens + self.interpolate_pos_encoding(tokens, w, h)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, w, h) -> (batch, dim)."""
        x = self.prepare_tokens(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x)[:, 0])
        return logits

    def get_last_selfattention(self, x: Tensor) -> Tensor:
        """Who attends to whom in the last block, (batch, heads, tokens, tokens)."""
        x = self.prepare_tokens(x)
        for block in self.blocks[:-1]:
            x = block(x)
        weights: Tensor = self.blocks[-1](x, return_attention=True)
        return weights

    def get_intermediate_layers(self, x: Tensor, n: int = 1) -> list[Tensor]:
        """What the last ``n`` blocks return, (batch, tokens, dim) each."""
        x = self.prepare_tokens(x)
        outputs = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if len(self.blocks) - number <= n:
                outputs.append(self.norm(x))
        return outputs


class SplitAttention(nn.Module):
    """A convolution in two parts, between which each channel chooses."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(width // 2, 32)
        self.conv = nn.Conv2d(width, 2 * width, 3, padding=1, groups=2, bias=False)
        self.bn0 = nn.BatchNorm2d(2 * width)
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.fc2 = nn.Conv2d(inner, 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, h, w) -> the same."""
        parts = torch.relu(self.bn0(self.conv(x)))
        parts = parts.view(len(parts), 2, -1, *parts.shape[2:])
        mean = parts.sum(dim=1).mean(dim=(2, 3), keepdim=True)
        shares = self.fc2(torch.relu(self.bn1(self.fc1(mean)))).view(len(parts), 2, -1, 1, 1).softmax(dim=1)
        joined: Tensor = (parts * shares).sum(dim=1)
        return joined


class SplitBottleneck(nn.Module):
    """ResNet's block of deeper networks with that convolution."""

    def __init__(self, inputs: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2 = SplitAttention(planes)
        self.avd_layer = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.conv3, self.bn3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, 4 * planes, h / stride, w / stride)."""
        out = self.avd_layer(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(self.bn3(self.conv3(out)) + (x if self.downsample is None else self.downsample(x)))


class ResNeSt(nn.Module):
    """Zhang et al., 2020."""

    def __init__(self, layers: list[int], stem_width: int, num_classes: int = 1000, final_drop: float = 0.0) -> None:
        super().__init__()
        widths = (3, stem_width, stem_width, 2 * stem_width)
        steps = [
            (nn.Conv2d(a, b, 3, 2 if a == 3 else 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
            for a, b in itertools.pairwise(widths)
        ]
        stem = [module for step in steps for module in step]
        self.conv1, self.bn1, self.relu = nn.Sequential(*stem[:-2]), stem[-2], stem[-1]
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 2 * stem_width
        for number, count in enumerate(layers):
            planes, stride = 64 * 2**number, 1 if number == 0 else 2
            down = nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(inputs, 4 * planes, 1, bias=False),
                nn.BatchNorm2d(4 * planes),
            )
            blocks = [SplitBottleneck(inputs, planes, stride, down)]
            blocks += [SplitBottleneck(4 * planes, planes, 1, None) for _ in range(count - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))
            inputs = 4 * planes
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.drop = nn.Dropout(final_drop) if final_drop > 0 else None
        self.fc = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (batch, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        x = torch.flatten(self.avgpool(x), 1)
        logits: Tensor = self.fc(x if self.drop is None else self.drop(x))
        return logits
