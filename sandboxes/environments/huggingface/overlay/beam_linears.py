# ruff: noqa: INP001 - one file among those of site-packages
"""Has oneDNN multiply the few rows of a search with beams with large weights, which takes half of MKL's time.

torch leaves such products to MKL, which rearranges all weights before it multiplies them: with Pegasus' vocabulary and
eight beams a tenth of a second for each token. The results differ by rounding, as between any two libraries.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers import GenerationMixin

# Of rows, where oneDNN is faster; and from how many weights on.
_ROWS = range(4, 65)
_LEAST = 1 << 20


class _Linears(TorchFunctionMode):
    """Large linear layers of few rows, whose gradient nobody takes."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.linear and not kwargs and _is_ours(*args):
            bias = args[2] if len(args) > 2 else None
            return torch.ops.mkldnn._linear_pointwise(args[0], args[1], bias, "none", [], "")  # noqa: SLF001
        return func(*args, **(kwargs or {}))


def _is_ours(rows: Any, weight: Any, bias: Any = None) -> bool:
    tensors = [tensor for tensor in (rows, weight, bias) if tensor is not None]
    return (
        weight.numel() >= _LEAST
        and rows.dim() > 1
        and rows.shape[-1] == weight.shape[-1]
        and rows.numel() // rows.shape[-1] in _ROWS
        and not torch.is_grad_enabled()
        and all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
        and weight.is_contiguous()
    )


def _with_linears(search: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(search)
    def searched(self: Any, input_ids: Any, *others: Any, **named: Any) -> Any:
        if len(input_ids) not in _ROWS:
            return search(self, input_ids, *others, **named)
        with _Linears():
            return search(self, input_ids, *others, **named)

    return searched


for _name in ("_sample", "_beam_search"):
    setattr(GenerationMixin, _name, _with_linears(getattr(GenerationMixin, _name)))
