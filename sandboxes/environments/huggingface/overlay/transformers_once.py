# ruff: noqa: INP001 - one file among those of site-packages
"""Does once, before any program runs, what transformers would do again in every program.

- Each ``AutoModel...from_pretrained`` looks through the configurations of its task, which it imports.
- Tables of sines are made number by number when a model is built: seconds for Pegasus and VideoMAE. Here whole rows are
  divided at once, which gives the same numbers, since every division and every sine is the same.
"""

import importlib
from typing import Any

import numpy as np
import torch
from transformers import CONFIG_MAPPING


def _angles(positions: int, width: int) -> Any:
    """Angles in the shape (positions, width)."""
    divisors = np.array([np.power(10000, 2 * (column // 2) / width) for column in range(width)])
    return np.arange(positions)[:, None] / divisors


def _halves(out: Any) -> Any:
    """Fills a table with sines in its first half and cosines in its second."""
    angles = _angles(*out.shape)
    middle = (out.shape[1] + 1) // 2
    out.requires_grad = False
    out[:, :middle] = torch.FloatTensor(np.sin(angles[:, 0::2]))
    out[:, middle:] = torch.FloatTensor(np.cos(angles[:, 1::2]))
    return out.detach_()


def _alternating(n_pos: int, dim: int, out: Any) -> None:
    """Fills a table with a sine and a cosine by turns."""
    angles = _angles(n_pos, dim)
    out.requires_grad = False
    out[:, 0::2] = torch.FloatTensor(np.sin(angles[:, 0::2]))
    out[:, 1::2] = torch.FloatTensor(np.cos(angles[:, 1::2]))
    out.detach_()


def _table(n_position: int, d_hid: int) -> Any:
    """A new table with a sine and a cosine by turns, in the shape (1, n_position, d_hid)."""
    angles = _angles(n_position, d_hid)
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return torch.FloatTensor(angles).unsqueeze(0)


def _module(kind: str) -> Any:
    return importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")


for _kind, _class in (("marian", "Marian"), ("pegasus", "Pegasus"), ("roformer", "RoFormer")):
    _embedding = getattr(_module(_kind), f"{_class}SinusoidalPositionalEmbedding")
    _embedding._init_weight = staticmethod(_halves)  # noqa: SLF001 - the library calls it by this name
for _kind, _name, _function in (
    ("distilbert", "_create_sinusoidal_embeddings", _alternating),
    ("flaubert", "create_sinusoidal_embeddings", _alternating),
    ("xlm", "create_sinusoidal_embeddings", _alternating),
    ("videomae", "get_sinusoid_encoding_table", _table),
):
    setattr(_module(_kind), _name, _function)

CONFIG_MAPPING.values()
