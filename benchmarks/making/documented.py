"""Whether an example printed what the documentation shows for it."""

import re
from collections.abc import Sequence

# A number as libraries print it, with what numpy wraps around its own since version 2.
_WRAPPED = re.compile(
    r"\bnp\.(?:bool_?|float\d+|int\d+|uint\d+|longdouble|complex\d+|str_)\(([^()]*(?:\([^()]*\))?[^()]*)\)"
)
_NUMBER = r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)"
_TOKEN = re.compile(rf"(?<![\w.]){_NUMBER}(?!\w)|\S")
_ANYTHING = re.compile(r"\.\.\.")
_RELATIVE = 1e-6
# Of a program's own process, and so never the same again.
_OF_A_PROCESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
# What is left of a difference that should be nothing, and is another on every processor.
_NOISE = re.compile(r"(?<![\w.])[+-]?\d(?:\.\d*)?e-(?:1[3-9]|[2-9]\d)(?!\d)")


def is_documented(printed: str, want: str) -> bool:
    """Whether a printed text is the documented one.

    White space between the parts does not count, ``...`` stands for any text, as doctest has it, and a number agrees to
    the digits that the documentation shows.

    Args:
        printed: what an example printed.
        want: what the documentation shows.
    """
    tokens = _tokens(_plain(printed))
    first, *others = [_tokens(part) for part in _ANYTHING.split(_plain(want))]
    if not _stands_at(first, tokens, 0):
        return False
    place = len(first)
    for part in others[:-1]:
        place = next((at for at in range(place, len(tokens)) if _stands_at(part, tokens, at)), len(tokens)) + len(part)
    if not others:
        return place == len(tokens)
    end = len(tokens) - len(others[-1])
    return end >= place and _stands_at(others[-1], tokens, end)


def _tokens(text: str) -> list[str]:
    """Numbers, and every other character that is no white space: numbers of other lengths move columns."""
    return [match[0] for match in _TOKEN.finditer(text)]


def _stands_at(part: Sequence[str], tokens: Sequence[str], place: int) -> bool:
    return place + len(part) <= len(tokens) and all(map(_agree, tokens[place : place + len(part)], part))


def is_of_a_process(printed: str) -> bool:
    """Whether a printed text has an address in it."""
    return _OF_A_PROCESS.search(printed) is not None


def has_noise(printed: str) -> bool:
    """Whether a printed text has a number so small that it is likely the rounding error of a zero."""
    return _NOISE.search(printed) is not None


def _plain(text: str) -> str:
    text = _WRAPPED.sub(r"\1", text.replace("np.True_", "True").replace("np.False_", "False"))
    return text.replace("<BLANKLINE>", "").strip()


def _agree(printed: str, want: str) -> bool:
    if printed == want:
        return True
    try:
        ours, theirs = float(printed), float(want)
    except ValueError:  # not both are numbers
        return False
    if ours == theirs or (ours != ours and theirs != theirs):  # noqa: PLR0124 - NaN
        return True
    mantissa, _, exponent = want.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) if "." in mantissa else 0
    if "." not in mantissa and not exponent:
        return False
    last_digit = 10.0 ** (int(exponent or 0) - decimals)
    return abs(ours - theirs) <= max(_RELATIVE * abs(theirs), 1.01 * last_digit if decimals >= 2 else 0.51 * last_digit)
