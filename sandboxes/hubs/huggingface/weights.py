"""Weights of full shape in a file of a few hundred kilobytes.

``torch.save`` keeps a storage once and of each tensor its place, shape and strides in it. All tensors of a checkpoint
here are views of one storage of noise, so that a program loads every number of a model and the hub keeps few of them.
Whoever looks sees that numbers repeat; shapes, names, dtypes and what the library does with them are the real ones.

A program need not copy them number by number (``noise``).
"""

import contextlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from apigauge.sandboxes.hubs.huggingface import endings
from apigauge.sandboxes.hubs.huggingface.endings import Ends
from apigauge.sandboxes.hubs.huggingface.noise import marked, noise

# Room for any weight that is no embedding; an embedding has one number more for each row.
_NUMBERS = 40_000
# The step between rows: odd, so that neighbouring rows differ.
_STEP = 7
_FILE = "pytorch_model.bin"
# The library asks the hub whether weights of PyTorch's own format were converted, which takes a network; those that an
# index of the newer format names are loaded without.
_INDEX = "model.safetensors.index.json"


@contextlib.contextmanager
def uninitialised() -> Iterator[None]:
    """Models made here have weights of no value, which takes neither time nor memory."""
    try:
        from transformers.modeling_utils import no_init_weights
    except ImportError:
        from transformers.initialization import no_init_weights
    import torch
    from transformers.models.marian import modeling_marian
    from transformers.models.pegasus import modeling_pegasus
    from transformers.models.videomae import modeling_videomae

    # Tables of sines, which take these seconds a model.
    sines = (
        modeling_marian.MarianSinusoidalPositionalEmbedding,
        modeling_pegasus.PegasusSinusoidalPositionalEmbedding,
    )
    with contextlib.ExitStack() as stack:
        for table in sines:
            # Releases after 4.x make them otherwise.
            if hasattr(table, "_init_weight"):
                stack.enter_context(mock.patch.object(table, "_init_weight", staticmethod(lambda out: out)))
        # One that no file has.
        stack.enter_context(mock.patch.object(modeling_videomae, "get_sinusoid_encoding_table", _no_table))
        stack.enter_context(no_init_weights())
        stack.enter_context(torch.no_grad())
        yield


def _no_table(positions: int, width: int) -> Any:
    import torch

    return torch.empty(1, positions, width)


def save(model: Any, folder: Path, ends: Ends | None = None, *, file: str = _FILE) -> None:
    """Writes the weights of a model that was made ``uninitialised``.

    Args:
        model: a transformers model.
        folder: where its configuration is.
        ends: what its texts begin and end with, if it writes any that end.
        file: the name of the file.
    """
    import torch

    left_out = {*(getattr(model, "_tied_weights_keys", None) or ())} if _is_tied(model) else set()
    state = {name: value for name, value in model.state_dict().items() if name not in left_out}
    made = views(state, {name for name, _ in model.named_parameters(remove_duplicate=False)})
    if ends is not None:
        made |= endings.views(state, ends, noise(2 * _NUMBERS))
    torch.save(made, folder / file)
    if file != _FILE:
        return
    size = sum(value.numel() * value.element_size() for value in made.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict.fromkeys(sorted(made), _FILE)}
    (folder / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _is_tied(model: Any) -> bool:
    config = getattr(model.config, "decoder", None) or getattr(model.config, "text_config", None) or model.config
    tied = getattr(model.config, "tie_word_embeddings", True)
    return bool(tied and getattr(config, "tie_word_embeddings", True))


def views(state: dict[str, Any], parameters: set[str]) -> dict[str, Any]:
    """The same names and shapes, all over one storage; buffers that are no weights as they are."""
    import torch

    rows = [sum(value.shape) for value in state.values() if value.dim() == 2]
    length = max([_NUMBERS, *rows])
    numbers = marked(noise(length))[:length]
    constants = torch.tensor([0.0, 1.0])
    return {
        name: _view(name, value, numbers, constants, weight=name in parameters) for name, value in sorted(state.items())
    }


def _view(name: str, value: Any, numbers: Any, constants: Any, *, weight: bool) -> Any:
    last = name.rpartition(".")[2]
    if not value.is_floating_point() or value.dim() == 0 or not (weight or last.startswith("running")):
        return _as_it_is(value, constants)
    if value.dim() == 1:
        is_zero = "bias" in last or last in {"running_mean", "beta"}
        return constants[0 if is_zero else 1].expand(value.shape)
    strides = _strides(tuple(value.shape), _NUMBERS)
    start = 0
    if all(strides):
        # Weights of the same shape differ; what is tied has no room to.
        reach = sum((size - 1) * step for size, step in zip(value.shape, strides, strict=True))
        start = zlib.crc32(name.encode()) % max(1, _NUMBERS - reach) if value.shape[0] <= _NUMBERS // 4 else 0
    else:
        strides = _strides(tuple(value.shape), numbers.numel())
    return numbers.as_strided(tuple(value.shape), strides, start)


def _as_it_is(value: Any, constants: Any) -> Any:
    """A copy of a buffer, which is small; of the few large ones, which are zeros, a view."""
    import torch

    if value.is_floating_point():
        value = torch.nan_to_num(value, nan=0.0, posinf=0.0)
        if value.dim() and not value.any():
            return constants[0].expand(value.shape)
    return value.clone()


def _strides(shape: tuple[int, ...], room: int) -> tuple[int, ...]:
    """One number after the other along the last axis; along each before it as many apart as there is room for."""
    strides = [0] * len(shape)
    left = room - 1
    step = 1
    for axis in reversed(range(len(shape))):
        reach = shape[axis] - 1
        if reach * step > left:
            step = max(1, left // reach) if reach <= left else 0
        strides[axis] = step
        left -= reach * step
        step = shape[axis] if shape[axis] < _STEP and axis > 0 and len(shape) > 2 else _STEP
    return tuple(strides)


def parameters(model: Any) -> int:
    """The number of a model's weights, tied ones once."""
    return sum(weight.numel() for weight in model.parameters())
