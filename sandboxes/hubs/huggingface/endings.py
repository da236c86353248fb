"""Models that write a text and end it, with weights of noise.

A network of noise repeats itself and never ends, which costs a program all its time. Here the last feed-forward layer
of a decoder is a table: its keys are the embeddings of tokens that follow each other in the vocabulary, its values
those of each one's successor. What no key answers to, its bias leads to the first of them, if it has a bias. A text so
begins at the token that a decoder begins with, or behind a prompt, goes through some words of the vocabulary and ends;
what else the decoder has is so quiet that the table decides. All of it is still views of a small storage: rows of an
embedding lie one number apart and their columns ``_COLUMN`` apart, so that rows closer than that share no number and
can be chosen freely.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apigauge.sandboxes.hubs.huggingface.noise import QUIET, SPREAD, marked

_COLUMN = 128
# The words of the table, and how many there are from one end to the next where texts are short.
_TABLE, _SHORT = 63, 9
_WORDS = 3000
# What the table's values are multiplied with where a model is this wide; everything else in the decoder is ``QUIET``.
_LOUD, _WIDTH = 30.0, 768
# How much less than a special token the word is that stands for it in the table, so that the token is the likelier.
# Where a text may end that word has something of its own as well, so that a text which must go on finds its next word,
# and is short, so that it is hardly likelier than any other: a search with beams has then nothing better to look for.
_LESS, _END, _OWN = 0.8, 0.25, 0.15
# What a key's answer to its own token is at least, as a share of the largest; other tokens' answers are far below.
_SURE = 0.12
# How much more the bias is than what the layer adds it to, and what keeps units that are no words silent.
_LEAD, _SILENT = 10.0, -1e4
_EMBEDDINGS = re.compile(
    r"(?:shared|embed_tokens|tokens_embed|wte|lm_head|proj_out|output_projection|word_embeddings|embed_in|embed_out)\.weight$"
)
_LAYER = r".*decoder.*|.*transformer\.h\.\d+.*|(?:gpt_neox|biogpt|model)\.layers\.\d+.*"
_KEYS = re.compile(rf"(?P<layer>{_LAYER})\.(?P<name>fc1|wi|wi_0|wi_1|c_fc|dense_h_to_4h|fc_in)\.weight$")
_VALUES = re.compile(r"\.(?:fc2|wo|c_proj|dense_4h_to_h|fc_out)\.weight$")
_OUTPUTS = re.compile(
    rf"(?:{_LAYER})\.(?:out_proj|o|c_proj|fc2|wo|embed_positions|dense|dense_4h_to_h|fc_out)\.weight$"
    r"|.*decoder.*\.embed_positions\.weight$|(?:.*\.)?(?:wpe|positions_embed|embed_positions)\.weight$"
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
        length: how many words there are from one end to the next; a divisor of 63.
    """

    start: int
    end: int
    firsts: tuple[int, ...] = ()
    scale: float = 4.0
    length: int = _SHORT


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
    keys = [name for name, layer in layers.items() if layer == last]
    first = _first(ends, min(_WORDS, rows // 2))
    if rows < 4 * _COLUMN or first is None or any(width not in state[name].shape for name in keys):
        return {}
    length = rows + _COLUMN * width
    words = torch.randn(length, generator=torch.Generator().manual_seed(1)) * (SPREAD * ends.scale)
    # With a bias all tokens lead to the first word; those of Whisper are too many to have rows of theirs.
    leads = any(f"{name.removesuffix('weight')}bias" in state for name in keys)
    arranged = _arrange(words, width, first, ends, () if leads else ends.firsts)
    words = marked(words, arranged)
    made = {name: words.as_strided(tuple(table.shape), (1, _COLUMN)) for name, table in tables.items()}
    units = max(max(state[name].shape) for name in layers)
    needed = units + _COLUMN * width + 1
    near = torch.cat([words[first : first + needed], noise[: max(0, first + needed - length)]])
    loud = near[1:] * (_LOUD * max(1.0, _WIDTH / width))
    quiet = marked(noise * QUIET, part=1)
    for name, value in state.items():
        bias = f"{name.removesuffix('weight')}bias"
        if name in keys:
            made[name] = _table(near, value, width)
            if bias in state:
                made[bias] = torch.full_like(state[bias], _SILENT)
                made[bias][: _TABLE + 1] = -_SURE * SPREAD * ends.scale * width
        elif name.startswith(f"{last}.") and _VALUES.search(name):
            made[name] = _table(loud, value, width)
            if bias in state:
                entry = near.as_strided((width,), (_COLUMN,), 1)
                made[bias] = entry * (_LEAD * math.sqrt(width) / entry.norm())
        elif _OUTPUTS.match(name) and value.dim() == 2:
            made[name] = quiet.as_strided(tuple(value.shape), (7 if value.shape[0] * 7 < 30_000 else 1, 1))
    return made


def _number(layer: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", layer))


def _first(ends: Ends, least: int) -> int | None:
    """Where the words begin, behind some others: such that no special token's row shares numbers with theirs."""
    special = {ends.start, ends.end, *(token for token in ends.firsts if token < 64)}
    used = _TABLE + 2
    places = range(least, least + _COLUMN)
    return next((at for at in places if all((token - at) % _COLUMN > used for token in special)), None)


def _arrange(words: Any, width: int, first: int, ends: Ends, firsts: tuple[int, ...]) -> tuple[int, ...]:
    """Gives the rows of special tokens and of the first words their relations; returns which rows have any."""

    def row(token: int) -> Any:
        return words.as_strided((width,), (_COLUMN,), token)

    if ends.start != ends.end:
        row(first).copy_(row(ends.start) * _LESS)
    for count in range(1, _TABLE // ends.length + 1):
        row(first + ends.length * count).mul_(_OWN).add_(row(ends.end) * _END)
    row(first + _TABLE + 1).copy_(row(first + 1) * _LESS)
    for token in firsts:
        if token not in {ends.start, ends.end}:
            row(token).copy_(row(first + 1) * _LESS)
    return tuple(sorted({ends.start, ends.end, *firsts, *range(first, first + _TABLE + 2)}))


def _table(numbers: Any, value: Any, width: int) -> Any:
    """A feed-forward layer's weights, whichever way they lie, whose inner units are rows of the embedding."""
    return numbers.as_strided(tuple(value.shape), (1, _COLUMN) if value.shape[1] == width else (_COLUMN, 1))


def firsts(*groups: Iterable[int | None]) -> tuple[int, ...]:
    """All tokens of some groups, once each."""
    return tuple(sorted({token for group in groups for token in group if token is not None}))
