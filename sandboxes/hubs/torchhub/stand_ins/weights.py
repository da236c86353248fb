"""Models of the real sizes, made quickly: values come from one small block, and what is too large shares them.

``torch.nn.init`` takes most of the time that a model of the real size needs. While :func:`generated` is active its
random functions only note which tensors they were given, and afterwards those are filled by copying.
"""

import contextlib
import math
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

_RANDOM = (
    "uniform_",
    "normal_",
    "trunc_normal_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "orthogonal_",
)
_EXACT = ("constant_", "ones_", "zeros_", "eye_", "dirac_")
# Modules with functions of those names, if they have been imported.
_OTHERS = ("transformers.initialization",)
# A prime, so that equal rows do not get equal values.
_BLOCK = 262_147
# Elements from which on a tensor is filled at its beginning only, and is zero behind that, in memory not yet touched.
_LARGE = 1 << 22
# Elements of a model from which on its tensors are views of one memory.
_SHARED = 250_000_000


@contextlib.contextmanager
def generated(name: str) -> Iterator[None]:
    """What is made inside has weights that depend on a name alone; the program's random numbers stay its own."""
    pending: dict[int, Tensor] = {}

    def note(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
        pending[id(tensor)] = tensor
        return tensor

    def exact(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def fill(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
            # A head before its training, which has taken place.
            if original.__name__ == "zeros_" and tensor.dim() > 1 and tensor.is_floating_point():
                return note(tensor)
            pending.pop(id(tensor), None)
            return original(tensor, *arguments, **options)

        return fill

    with contextlib.ExitStack() as stack:
        others = [module for name in _OTHERS if (module := sys.modules.get(name))]
        for module in (nn.init, nn.modules.activation, nn.modules.transformer, *others):
            for function in (*_RANDOM, *_EXACT):
                original = getattr(module, function, None)
                if original is not None:
                    stack.callback(setattr, module, function, original)
                    setattr(module, function, note if function in _RANDOM else exact(original))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(zlib.crc32(name.encode()))
        yield
        _fill([tensor for tensor in pending.values() if not tensor.is_meta])


@torch.no_grad()
def _fill(tensors: list[Tensor]) -> None:
    block = torch.randn(_BLOCK)
    total = sum(tensor.numel() for tensor in tensors)
    shared = _stretch(block, max(tensor.numel() for tensor in tensors)) if total > _SHARED else None
    start = 0
    for tensor in tensors:
        if tensor.dim() < 2:
            tensor.zero_()
            continue
        scale = math.sqrt(1.5 / max(1, tensor.numel() // len(tensor)))
        if shared is not None:
            tensor.data = shared[: tensor.numel()].view(tensor.shape)
            continue
        if tensor.numel() > _LARGE:
            tensor.data = _untouched(tensor.numel()).view(tensor.shape)
        flat = tensor.data.view(-1)
        if flat.numel() > _LARGE:
            flat = flat[:_BLOCK]
        start = (start + 7919) % _BLOCK
        _copy(block, start, scale, flat)


def _copy(block: Tensor, start: int, scale: float, flat: Tensor) -> None:
    """Fills a vector with the block, over and over, from a place in it on."""
    done = 0
    while done < flat.numel():
        piece = block[start : start + flat.numel() - done]
        torch.mul(piece, scale, out=flat[done : done + len(piece)])
        done, start = done + len(piece), 0


def _stretch(block: Tensor, length: int) -> Tensor:
    flat = torch.empty(length)
    _copy(block, 0, 0.02, flat)
    return flat


def _untouched(length: int) -> Tensor:
    """Zeros that take no memory until they are written."""
    import numpy as np

    return torch.from_numpy(np.zeros(length, dtype=np.float32))


def check_fit(model: nn.Module, made: Callable[[], nn.Module]) -> None:
    """What a checkpoint does: it has the shapes of the default model, and no other model can take it.

    Raises:
        RuntimeError: torch's own, for a model of other shapes.
    """
    with torch.device("meta"):
        state = made().state_dict()
    own = model.state_dict()
    if state.keys() != own.keys() or any(state[name].shape != own[name].shape for name in state):
        model.load_state_dict({name: torch.empty(()).expand(value.shape) for name, value in state.items()})
