"""The values of Python's literals, read from the syntax tree: the same whichever Python runs the harness."""

from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.syntax import MAX_DIGITS, text_of, unescaped

if TYPE_CHECKING:
    from tree_sitter import Node

NOT_CONSTANT: Final = object()
SINGLETONS: dict[str, Any] = {"true": True, "false": False, "none": None, "ellipsis": ...}


def number(text: str) -> Any:
    """The value of a number's source; ``NOT_CONSTANT`` if it is none."""
    text = text.replace("_", "").casefold()
    try:
        if text.endswith("j"):
            return complex(0, float(text[:-1]))
        if text[:2] in ("0x", "0o", "0b"):
            value = int(text, 0)
            return value if value.bit_length() <= MAX_DIGITS * 3 else NOT_CONSTANT
        if text.isdecimal():
            is_octal = text.startswith("0") and text.strip("0")  # of Python 2; no Python 3 takes it
            return NOT_CONSTANT if is_octal or len(text) > MAX_DIGITS else int(text)
        return float(text)
    except (ValueError, OverflowError):
        return NOT_CONSTANT


def prefix(string: "Node") -> str:
    """The letters before a string's quotes, in lower case."""
    return text_of(string.children[0]).rstrip("'\"").casefold()


def content(part: "Node", letters: str) -> Any:
    """The text that a part of a string (``string_content``) stands for; ``NOT_CONSTANT`` if Python refuses it."""
    text = text_of(part).replace("\r\n", "\n").replace("\r", "\n")
    if "f" in letters or "t" in letters:
        text = text.replace("{{", "{").replace("}}", "}")
    value = text if "r" in letters else unescaped(text, is_bytes="b" in letters)
    return NOT_CONSTANT if value is None else value


def as_bytes(text: str) -> Any:
    """A bytes literal's content as bytes; ``NOT_CONSTANT`` if it has a character that is none."""
    return text.encode("latin-1") if all(ord(character) < 256 for character in text) else NOT_CONSTANT


def documented(interpolation: "Node", equals: "Node") -> str:
    """What ``{name = }`` writes of itself, white space included."""
    source, end = interpolation.text or b"", equals.end_byte - interpolation.start_byte
    while source[end : end + 1] == b" ":
        end += 1
    return source[1:end].decode("utf-8", "replace")
