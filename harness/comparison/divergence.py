"""The token at which two texts part, by whatever takes texts apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# How much of the text before the parting is shown.
_WORDS, _CHARACTERS = 6, 120


class Tokenizer(Protocol):
    """Takes a text apart. What its tokens are is its own affair."""

    def encode(self, text: str) -> list[Any]:
        """The text's tokens."""
        ...

    def spell(self, token: Any) -> str:
        """A token in letters."""
        ...

    def join(self, tokens: Sequence[Any]) -> str:
        """The text of tokens."""
        ...


class Words:
    """The tokenizer of those who have none: runs of word characters, runs of white space, single other characters."""

    def encode(self, text: str) -> list[str]:
        """The pieces of the text."""
        return re.findall(r"\w+|\s+|[^\w\s]", text)

    def spell(self, token: str) -> str:
        """The piece itself."""
        return token

    def join(self, tokens: Sequence[str]) -> str:
        """The pieces side by side."""
        return "".join(tokens)


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two texts part.

    Attributes:
        position: tokens that both have before it.
        a: the first run's token there; None at its text's end. Both are None where the tokenizer reads the texts alike.
        b: the second run's.
        before: the last words before it.
    """

    position: int
    a: str | None
    b: str | None
    before: str


def part(a: str, b: str, tokenizer: Tokenizer) -> Parting:
    """Where two texts that differ part."""
    left, right = tokenizer.encode(a), tokenizer.encode(b)
    pairs = enumerate(zip(left, right, strict=False))
    position = next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))
    first, second = (tokenizer.spell(side[position]) if position < len(side) else None for side in (left, right))
    return Parting(position, first, second, _last_words(tokenizer.join(left[:position])))


def _last_words(text: str) -> str:
    words = list(re.finditer(r"\S+", text[-_CHARACTERS:]))[-_WORDS:]
    return text[-_CHARACTERS:][words[0].start() :] if words else text[-_CHARACTERS:]
