"""Weights of full shape in a file of a few kilobytes.

Some libraries fix the size of a network in their source. A checkpoint then has to have every number, but nothing says
that they differ: all tensors here are views of one small storage, and a checkpoint keeps a storage once.
"""

from collections.abc import Mapping
from typing import Any

_NUMBERS = 4093
# Odd and prime to the storage's length, so that neighbouring numbers differ along every axis.
_STRIDES = (1, 7, 31, 101)


def overlapping(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same names and shapes, all over one storage of noise around zero; counts and variances are ones."""
    import torch

    noise = torch.randn(_NUMBERS, generator=torch.Generator().manual_seed(0)) * 0.02
    one = torch.ones(1)
    return {name: _view(name, tensor, noise, one) for name, tensor in state.items()}


def _view(name: str, tensor: Any, noise: Any, one: Any) -> Any:
    if not tensor.is_floating_point():
        return tensor.clone()
    if name.endswith(("running_var", "_var")) or (tensor.dim() == 1 and name.endswith(("weight", "gamma"))):
        return one.expand(tensor.shape)
    # As many axes as the storage has room for, the smallest first, and no step along the others.
    strides = [0] * tensor.dim()
    room = _NUMBERS - 1
    for axis, step in zip(sorted(range(tensor.dim()), key=lambda axis: tensor.shape[axis]), _STRIDES, strict=False):
        reach = (tensor.shape[axis] - 1) * step
        if reach <= room:
            strides[axis] = step
            room -= reach
    return noise.as_strided(tuple(tensor.shape), tuple(strides))
