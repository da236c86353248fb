"""Models that write a text and end it, with weights of noise.

A network of noise repeats itself and never ends, which costs a program all its time. Here the last feed-forward layer
of a decoder is a table: its keys are the embeddings of tokens that follow each other in the vocabulary, its values
those of each one's successor. A text so begins at the token that a decoder begins with, goes through some words of the
vocabulary and ends; what else the decoder has is so quiet that the table decides. All of it is still views of a small
storage: rows of an embedding lie one number apart and their columns ``_COLUMN`` apart, so that rows closer than that
share no number and can be chosen freely.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_COLUMN, _SPREAD = 128, 0.02
# How many tokens there are from one end to the next.
_LENGTH = 9
_ENDS = 7
_WORDS = range(3000, 3128)
# What the table's values are multiplied with where a model is this wide, and what everything else in the decoder is.
_LOUD, _WIDTH, _QUIET = 30.0, 768, 0.01
# How much less than a special token the word is that stands for it in the table, so that the token is the likelier.
_LESS = 0.8
_EMBEDDINGS = re.compile(r"(?:shared|embed_tokens|wte|lm_head|proj_out|output_projection|word_embeddings)\.weight$")
_KEYS = re.compile(r"(?P<layer>(?:.*decoder.*|.*transformer\.h\.\d+.*))\.(?:fc1|wi|wi_0|wi_1|c_fc)\.weight$")
_VALUES = r"\.(?:fc2|wo|c_proj)\.weight$"
_OUTPUTS = re.compile(
    r"(?:decoder|transformer\.h)\b.*\.(?:out_proj|o|c_proj|fc2|wo|embed_positions)\.weight$|wpe\.weight$"
)


@dataclass(frozen=True)
class Ends:
    """The tokens that a text begins and ends with.

    Attributes:
        start: what the decoder begins with.
        end: what ends a text.
        firsts: further tokens that can stand before a text's first word: languages, tasks.
        scale: how much larger than usual the embeddings are, so that one token is far likelier than all others
            together; T5 divides its logits by the root of its width.
    """

    start: int
    end: int
    firsts: tuple[int, ...] = ()
    scale: float = 4.0


def views(state: dict[str, Any], ends: Ends, noise: Any) -> dict[str, Any]:
    """The weights of a model which make it end, by their names; none if it has no such decoder.

    Args:
        state: names, and tensors of the right shapes.
        ends: its tokens.
        noise: numbers of the usual spread, of any length.
    """
    import torch

    layers = {name: match["layer"] for name in state if (match := _KEYS.match(name))}
    tables = {name: state[name] for name in state if _EMBEDDINGS.search(name)}
    if not layers or not tables:
        return {}
    last = max(layers.values(), key=_number)
    rows, width = max(tuple(table.shape) for table in tables.values())
    first = _first(ends)
    if rows < _WORDS.stop + _COLUMN or first is None:
        return {}
    length = rows + _COLUMN * width
    words = torch.randn(length, generator=torch.Generator().manual_seed(1)) * (_SPREAD * ends.scale)
    _arrange(words, width, first, ends)
    made = {name: words.as_strided(tuple(table.shape), (1, _COLUMN)) for name, table in tables.items()}
    units = max(max(state[name].shape) for name in layers)
    needed = units + _COLUMN * width + 1
    near = torch.cat([words[first : first + needed], noise[: max(0, first + needed - length)]])
    loud = near[1:] * (_LOUD * max(1.0, _WIDTH / width))
    quiet = noise * _QUIET
    for name, value in state.items():
        if layers.get(name) == last:
            made[name] = _table(near, value, name)
        elif name.startswith(f"{last}.") and re.search(_VALUES, name):
            made[name] = _table(loud, value, name, transposed=True)
        elif _OUTPUTS.search(name) and value.dim() == 2:
            made[name] = quiet.as_strided(tuple(value.shape), (7 if value.shape[0] * 7 < 30_000 else 1, 1))
    return made


def _number(layer: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", layer))


def _first(ends: Ends) -> int | None:
    """Where the words begin: such that no special token's row shares numbers with theirs."""
    special = {ends.start, ends.end, *(token for token in ends.firsts if token < 64)}
    used = _LENGTH * _ENDS + 2
    return next((at for at in _WORDS if all((token - at) % _COLUMN > used for token in special)), None)


def _arrange(words: Any, width: int, first: int, ends: Ends) -> None:
    """Gives the rows of special tokens and of the first words their relations."""

    def row(token: int) -> Any:
        return words.as_strided((width,), (_COLUMN,), token)

    row(first).copy_(row(ends.start) * _LESS)
    for count in range(1, _ENDS + 1):
        row(first + _LENGTH * count).copy_(row(ends.end) * _LESS)
    row(first + _LENGTH * _ENDS + 1).copy_(row(first + 1) * _LESS)
    for token in ends.firsts:
        if token not in {ends.start, ends.end}:
            row(token).copy_(row(first + 1) * _LESS)


def _table(numbers: Any, value: Any, name: str, *, transposed: bool = False) -> Any:
    """A feed-forward layer whose inner units are rows of the embedding."""
    flipped = transposed != ("c_fc" in name or "c_proj" in name)
    return numbers.as_strided(tuple(value.shape), (_COLUMN, 1) if flipped else (1, _COLUMN))


def firsts(*groups: Iterable[int | None]) -> tuple[int, ...]:
    """All tokens of some groups, once each."""
    return tuple(sorted({token for group in groups for token in group if token is not None}))
