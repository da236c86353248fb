"""The normalisation that LayoutLMv2 looks for when it prepares for training on several devices."""

from torch import nn


class FrozenBatchNorm2d(nn.Module):
    """Never built here: the pyramid of this stand-in has no normalisation."""
