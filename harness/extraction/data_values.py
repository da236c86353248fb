"""JSON values and Python literals in an answer, as values.

Objects are dictionaries in which the first of several equal keys counts. Nothing is evaluated.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from apigauge.harness.extraction.call_scan import end_of_brackets
from apigauge.harness.extraction.syntax import MAX_DIGITS, is_deeper, syntax_tree, text_of
from apigauge.harness.extraction.syntax import unescaped as unescaped_string

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 60

_NOT_A_LITERAL = object()
_PREFIX = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_CLOSERS = {"'": "'", '"': '"', "{": "}", "[": "]", "(": ")"}
_CONTROLS = {character: f"\\x{character:02x}" for character in (*range(32), 127)}
_IN_A_STRING = str.maketrans(_CONTROLS | {ord("\\"): "\\\\", ord("'"): "\\'"} | {9: "\\t", 10: "\\n", 13: "\\r"})
NAME = re.compile(r"[^\W\d]\w{0,80}\Z")


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        values.setdefault(key, value)
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_each, strict=False)


def decode(text: str, start: int = 0) -> tuple[Any, int] | None:
    """The JSON value or Python literal at a position, and where it ends; None if there is none."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return _python_at(text, start)
    return None if _is_too_deep(value) else (value, end)


def _python_at(text: str, start: int) -> tuple[Any, int] | None:
    end = end_of_brackets(text, start) if text[start : start + 1] in ("{", "[") else -1
    if end < 0:
        return None
    value = python_literal(text[start:end])
    return None if value is _NOT_A_LITERAL else (value, end)


def whole(text: str) -> tuple[Any] | None:
    """The value that a text is as a whole, in a tuple; None if it is more, or none."""
    decoded = decode(text)
    if decoded and not text[decoded[1] :].strip(" \t\r\n;"):
        return (decoded[0],)
    if text in _WORDS:
        return (_WORDS[text],)
    if text[:1] and text[-1:] == _CLOSERS.get(text[:1]):
        value = python_literal(text)
        return None if value is _NOT_A_LITERAL else (value,)
    return None


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [child for child in children if isinstance(child, dict | list)]


def python_literal(text: str) -> Any:
    """The value of a Python literal; a marker of its own if the text is none (so that None can be a value)."""
    root = syntax_tree(text.encode("utf-8", "replace")).root_node
    if root.has_error or is_deeper(root, MAX_DEPTH * 2) or len(root.named_children) != 1:
        return _NOT_A_LITERAL
    statement = root.named_children[0]
    if statement.type != "expression_statement" or len(statement.named_children) != 1:
        return _NOT_A_LITERAL
    try:
        return _value(statement.named_children[0])
    except ValueError:
        return _NOT_A_LITERAL


def _value(node: "Node") -> Any:
    children = [child for child in node.named_children if child.type != "comment"]
    match node.type:
        case "string" | "concatenated_string":
            return _string(node)
        case "list" | "tuple":
            return [_value(child) for child in children]
        case "parenthesized_expression" if len(children) == 1:
            return _value(children[0])
        case "dictionary":
            return _first_of_each([_pair(child) for child in children])
        case "integer" | "float" | "unary_operator":
            return _number(text_of(node).replace("_", "").replace(" ", ""))
    word = text_of(node)
    if word in _WORDS:
        return _WORDS[word]
    raise ValueError(node.type)


def _pair(node: "Node") -> tuple[str, Any]:
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    if node.type != "pair" or key is None or value is None or not isinstance(name := _value(key), str):
        raise ValueError(node.type)
    return name, _value(value)


def _number(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise ValueError(text[:20])
    return int(text, 0) if re.fullmatch(r"[+-]?(?:\d+|0[xXoObB][\da-fA-F]+)", text) else float(text)


def _string(node: "Node") -> str:
    if node.type == "concatenated_string":
        return "".join(_string(child) for child in node.named_children if child.type == "string")
    opening = _PREFIX.match(text_of(node.children[0]))
    prefix = opening[1].casefold() if opening else ""
    if set(prefix) - {"r", "u"}:
        raise ValueError(prefix)
    content = "".join(text_of(part) for part in node.children if part.type == "string_content")
    value = content if "r" in prefix else unescaped_string(content)
    if value is None:
        raise ValueError(prefix)
    return value


def source_of(value: Any) -> str:
    """A value as Python source, the same on every Python (``repr`` knows other characters in each)."""
    if isinstance(value, str):
        return f"'{value.translate(_IN_A_STRING)}'"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{source_of(key)}: {source_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(source_of, value)) + "]"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return f"float('{value}')"
    return repr(value)
