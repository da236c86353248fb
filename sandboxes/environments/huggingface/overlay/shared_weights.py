# ruff: noqa: INP001 - one file among those of site-packages
"""Gives programs the stand-in hub's weights as pages of one table, instead of copying them number by number.

A checkpoint of the hub holds views of a small storage of noise. A storage that says so at its end
(``hubs/huggingface/noise.py``) is read here as pages of the hub's table of noise, which are mapped as the program's own
memory: contiguous and writable, and a page costs nothing until it is used, and a copy only when it is written to. A
module that loads such a tensor takes pages of its own in the place of a copy. Any other tensor is loaded as always.
"""

import ctypes
import functools
import mmap
import os
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import constants

_TABLE = Path(constants.HF_HUB_CACHE).parent / "noise.f32"
# As in ``hubs/huggingface/noise.py``: the parts' lengths in pages, and what marks a storage.
_PARTS = (2053, 1031)
_MARK = 16_777_213.0
_PAGE, _NUMBER = 4096, 4
# Copying fewer numbers takes less time than mapping them.
_LEAST = 1 << 14
# How many numbers of a tensor are compared before a module takes pages in its place.
_LOOKS = 64
_ANYWHERE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_HERE = mmap.MAP_PRIVATE | 0x10  # MAP_FIXED, for which Python has no name
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.argtypes = (
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
    *(ctypes.c_int, ctypes.c_int, ctypes.c_long),
)
_libc.mmap.restype = ctypes.c_void_p
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


class _Pages(NamedTuple):
    """Where in the table a tensor's numbers are, which of its rows are its own, and its version then."""

    shape: torch.Size
    part: int
    page: int
    rows: list[int]
    version: int


# By the tensors' addresses.
_given: dict[int, _Pages] = {}


def _mapped(length: int, part: int, page: int) -> int:
    """The address of that many bytes of pages of a part of the table, which begins again where it ends.

    Raises:
        OSError: there is no room for them, or no table.
    """
    table = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        start = _map(None, length, _ANYWHERE, -1, 0)
        done = 0
        while done < length:
            piece = min(length - done, (_PARTS[part] - page) * _PAGE)
            _map(start + done, piece, _HERE, table, (sum(_PARTS[:part]) + page) * _PAGE)
            done, page = done + piece, 0
        return start
    finally:
        os.close(table)


def _map(address: int | None, length: int, flags: int, file: int, offset: int) -> int:
    start = _libc.mmap(address, length, mmap.PROT_READ | mmap.PROT_WRITE, flags, file, offset)
    if start == _FAILED:
        raise OSError(ctypes.get_errno(), "no memory for weights")
    return int(start)


def _give(shape: torch.Size, part: int, page: int, rows: list[int], like: torch.Tensor) -> torch.Tensor:
    """A tensor of pages; some of its rows are those of another."""
    length = -(-shape.numel() * _NUMBER // _PAGE) * _PAGE
    start = _mapped(length, part, page)
    buffer = (ctypes.c_char * (shape.numel() * _NUMBER)).from_address(start)
    weakref.finalize(buffer, _take_back, start, length).atexit = False
    tensor = torch.frombuffer(buffer, dtype=torch.float32).view(shape)
    if rows:
        tensor[rows] = like[rows]
    _given[start] = _Pages(shape, part, page, rows, tensor._version)  # noqa: SLF001 - it has no public name
    return tensor


def _take_back(start: int, length: int) -> None:
    _given.pop(start, None)
    _libc.munmap(start, length)


def _of_noise(storage: Any) -> tuple[int, list[int]] | None:
    """The part of the table that a storage's views are as loud as, and their rows that are no noise; None of others."""
    count = storage.nbytes() // _NUMBER
    numbers = torch.empty(0).set_(storage, 0, (count,), (1,))
    if count < _LOOKS or numbers[-1] != _MARK:
        return None
    rows, part = (int(number) for number in numbers[-3:-1])
    return part, [int(row) for row in numbers[-3 - rows : -3]]


_rebuild = torch._utils._rebuild_tensor_v2  # noqa: SLF001 - what checkpoints name


@functools.wraps(_rebuild)
def _rebuilt(storage: Any, storage_offset: int, size: Any, stride: Any, *others: Any, **named: Any) -> Any:
    tensor = _rebuild(storage, storage_offset, size, stride, *others, **named)
    if type(tensor) is not torch.Tensor or tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        return tensor
    below = tensor.untyped_storage()
    if tensor.numel() < _LEAST or tensor.numel() * _NUMBER <= below.nbytes() or tensor.requires_grad:
        return tensor
    try:
        if (noise := _of_noise(below)) is None:
            return tensor
        part, rows = noise
        return _give(tensor.shape, part, (storage_offset + tensor.numel()) % _PARTS[part], rows, tensor)
    except OSError:
        return tensor


_load = torch.nn.Module._load_from_state_dict  # noqa: SLF001 - what it is overridden as


@functools.wraps(_load)
def _loaded(self: torch.nn.Module, state_dict: Any, prefix: str, *others: Any, **named: Any) -> None:
    taken = {}
    # A hook may change what it finds under a name.
    weights = {} if self._load_state_dict_pre_hooks else self._parameters
    for name, weight in weights.items():
        value = state_dict.get(prefix + name) if weight is not None else None
        if value is not None and (pages := _same(weight, value)) is not None:
            weight.data = pages
            # Copied to itself, it stays as it is.
            taken[prefix + name], state_dict[prefix + name] = value, weight
    try:
        _load(self, state_dict, prefix, *others, **named)
    finally:
        state_dict.update(taken)


def _same(weight: Any, value: Any) -> torch.Tensor | None:
    """Pages in the place of a weight that a value is to be copied to; None if it is not the pages that were given."""
    if type(value) is not torch.Tensor or type(weight) is not torch.nn.Parameter:
        return None
    given = _given.get(value.data_ptr())
    if given is None or not given.shape == value.shape == weight.shape or given.version != value._version:  # noqa: SLF001
        return None
    whole = weight.untyped_storage().nbytes() == weight.numel() * _NUMBER
    if weight.dtype != torch.float32 or weight.device.type != "cpu" or not whole or not value.is_contiguous():
        return None
    try:
        pages = _give(given.shape, given.part, given.page, given.rows, value)
    except OSError:
        return None
    step = value.numel() // _LOOKS
    return pages if torch.equal(pages.view(-1)[::step], value.view(-1)[::step]) else None


if _TABLE.is_file():
    torch._utils._rebuild_tensor_v2 = _rebuilt  # noqa: SLF001
    torch.nn.Module._load_from_state_dict = _loaded  # type: ignore[method-assign]  # noqa: SLF001
