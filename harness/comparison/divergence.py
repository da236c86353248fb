"""The first token at which two texts diverge, for any tokenizer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# How much of the text before the divergence is shown.
_WORDS, _CHARACTERS = 6, 120


class Tokenizer(Protocol):
    """Splits a text into tokens, which may be of any type."""

    def encode(self, text: str) -> list[Any]:
        """The text's tokens."""
        ...

    def spell(self, token: Any) -> str:
        """A token as text."""
        ...

    def join(self, tokens: Sequence[Any]) -> str:
        """The text that these tokens make up."""
        ...


class Words:
    """The default tokenizer: sequences of word characters, sequences of white space, and other single characters."""

    def encode(self, text: str) -> list[str]:
        """The pieces of the text."""
        return re.findall(r"\w+|\s+|[^\w\s]", text)

    def spell(self, token: str) -> str:
        """The piece itself."""
        return token

    def join(self, tokens: Sequence[str]) -> str:
        """The pieces, concatenated."""
        return "".join(tokens)


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two texts diverge.

    Attributes:
        position: number of tokens before it, which both texts share.
        a: the first text's token there; None at the end of the text. Both are None where the texts have equal tokens.
        b: the second text's token.
        before: the last words before it.
    """

    position: int
    a: str | None
    b: str | None
    before: str


def diverge(a: str, b: str, tokenizer: Tokenizer) -> Divergence:
    """Where two different texts diverge."""
    left, right = tokenizer.encode(a), tokenizer.encode(b)
    pairs = enumerate(zip(left, right, strict=False))
    position = next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))
    first, second = (tokenizer.spell(side[position]) if position < len(side) else None for side in (left, right))
    return Divergence(position, first, second, _last_words(tokenizer.join(left[:position])))


def _last_words(text: str) -> str:
    words = list(re.finditer(r"\S+", text[-_CHARACTERS:]))[-_WORDS:]
    return text[-_CHARACTERS:][words[0].start() :] if words else text[-_CHARACTERS:]
