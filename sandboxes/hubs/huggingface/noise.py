"""The noise that weights are made of, and the table that programs load it from.

A checkpoint holds views of a small storage of noise, and to make those real costs a program a quarter of a second for a
hundred million weights. A storage whose views are noise therefore says so at its end, and the environment's
``shared_weights`` gives a program pages of this table instead: a file of the hub, mapped as the program's own memory.
"""

from pathlib import Path
from typing import Any

SEED = 0
SPREAD = 0.02
# How much quieter the second part of the table is. Both parts are so small that a processor's cache holds them, and as
# many pages of 1,024 numbers as a prime, so that rows repeat late: those of width 768 after 8,212.
QUIET = 0.01
PARTS = (2053, 1031)
_PAGE = 1024
TABLE = "noise.f32"
# The last number of such a storage. Before it stand the part of the table that is as loud, how many rows of its views
# are not noise, and before these the rows.
MARK = 16_777_213.0


def noise(count: int) -> Any:
    """That many numbers of the usual spread, always the same."""
    import torch

    return torch.randn(count, generator=torch.Generator().manual_seed(SEED)) * SPREAD


def marked(numbers: Any, rows: tuple[int, ...] = (), part: int = 0) -> Any:
    """A storage's numbers, and behind them that its views are noise but for some rows, and as loud as which part."""
    import torch

    return torch.cat([numbers, torch.tensor([*rows, len(rows), part, MARK])])


def write_table(folder: Path) -> None:
    """Writes the table: ``PARTS`` one behind the other."""
    usual, quiet = (pages * _PAGE for pages in PARTS)
    numbers = noise(usual + quiet)
    numbers[usual:] *= QUIET
    numbers.numpy().tofile(folder / TABLE)
