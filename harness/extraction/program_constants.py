"""Operators, formats, methods and built-in functions on constants, evaluated as Python would, within bounds.

Only what is the same on every Python and cheap: what is not gives ``UNKNOWN``, and so does what Python refuses.
"""

import functools
import json
import operator
import re
from collections.abc import Callable
from typing import Any, Final, ParamSpec

from apigauge.harness.extraction.program_values import UNKNOWN

_P = ParamSpec("_P")
MAX_LENGTH: Final = 10_000
_MAX_BITS: Final = 4_096
_LONG_NUMBER = re.compile(r"\d{4}")
_FIELD = re.compile(
    r"\{\{|\}\}|\{(?P<name>\w*)(?P<item>(?:\[\w+\])?)(?P<conversion>(?:![rsa])?)(?P<spec>(?::[^{}]*)?)\}"
)
_PERCENT = re.compile(r"%(?:\(\w+\))?[#0\- +]{0,3}\d{0,3}(?:\.\d{1,3})?[diouxXeEfFgGcrsa%]")

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "|": operator.or_,
    "&": operator.and_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}
_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda one, other: one in other,
    "not in": lambda one, other: one not in other,
}
_STRING_METHODS: Final = frozenset(
    """capitalize casefold center count endswith find format format_map index isalnum isalpha isdecimal isdigit
    islower isnumeric isspace isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind
    rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title upper zfill""".split()  # noqa: SIM905
)
_OTHER_METHODS: Final = {
    tuple: frozenset({"count", "index"}),
    list: frozenset({"copy", "count", "index"}),
    dict: frozenset({"copy", "get", "items", "keys", "values"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
    bytes: frozenset({"decode", "hex"}),
}


class _Refused(Exception):  # noqa: N818 - never leaves this file
    """What is not evaluated here."""


def _guarded(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """The function's result; ``UNKNOWN`` if Python refuses the arguments or the result is too large."""
    try:
        result = function(*arguments, **keywords)
    except Exception:  # noqa: BLE001 - whatever Python says of these arguments, there is no constant
        return UNKNOWN
    return result if _is_small(result) else UNKNOWN


def _total(function: Callable[_P, Any]) -> Callable[_P, Any]:
    """The function, made to give ``UNKNOWN`` where Python refuses the arguments."""

    @functools.wraps(function)
    def total(*arguments: _P.args, **keywords: _P.kwargs) -> Any:
        try:
            return function(*arguments, **keywords)
        except Exception:  # noqa: BLE001 - whatever Python says of these arguments, there is no constant
            return UNKNOWN

    return total


def _is_small(value: Any, depth: int = 0) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= MAX_LENGTH
    if isinstance(value, int):
        return value.bit_length() <= _MAX_BITS
    if isinstance(value, tuple | list):
        return len(value) <= MAX_LENGTH and depth < 9 and all(_is_small(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return depth < 9 and all(_is_small(key, 9) and _is_small(item, depth + 1) for key, item in value.items())
    return value is None or value is ... or isinstance(value, float | complex)


def _is_printable(value: Any) -> bool:
    """Whether a value is written out alike by every Python: which characters are printable changes with each."""
    return value.isascii() if isinstance(value, str) else not isinstance(value, str) and repr(value).isascii()


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > MAX_LENGTH:
        raise _Refused
    return list(numbers)


def _posix_join(*parts: str) -> str:
    whole = parts[0]
    for part in parts[1:]:
        between = "" if not whole or whole.endswith("/") else "/"
        whole = part if part.startswith("/") else whole + between + part
    return whole


_NAMED: Final[dict[str, Any]] = {
    one.__name__: one
    for one in (
        *(abs, all, any, ascii, bin, bool, bytes, chr, dict, divmod, float, format, hex, int, len, list, max, min),
        *(oct, ord, pow, repr, round, sorted, str, sum, tuple),
    )
}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = _NAMED | {
    "enumerate": lambda *a, **k: list(enumerate(*a, **k)),
    "reversed": lambda *a: list(reversed(*a)),
    "zip": lambda *a: list(zip(*a, strict=False)),
    "json.loads": json.loads,
    "range": _range,
    "os.path.join": _posix_join,
    "posixpath.join": _posix_join,
}


@_total
def binary(sign: str, left: Any, right: Any) -> Any:
    """A binary operator's value on constants."""
    if sign not in _OPERATORS:
        return UNKNOWN
    if sign == "*":
        sizes = [len(one) for one in (left, right) if isinstance(one, str | bytes | tuple | list)]
        times = [abs(one) for one in (left, right) if isinstance(one, int)]
        if sizes and times and times[0] * max(sizes[0], 1) > MAX_LENGTH:
            return UNKNOWN
    if sign == "%" and isinstance(left, str | bytes):
        return _percent(left, right)
    if sign in ("**", "<<") and not _is_small_power(left, right):
        return UNKNOWN
    return _guarded(_OPERATORS[sign], left, right)


def _is_small_power(left: Any, right: Any) -> bool:
    return type(left) is int and type(right) is int and 0 <= right <= 200 and abs(left) <= 10**9


@_total
def compare(sign: str, left: Any, right: Any) -> Any:
    """A comparison's value on constants."""
    return _guarded(_COMPARISONS[sign], left, right) if sign in _COMPARISONS else UNKNOWN


@_total
def unary(sign: str, value: Any) -> Any:
    """``+``, ``-`` or ``~`` of a constant."""
    if isinstance(value, str | bytes | tuple | list | dict) or value is None or value is ...:
        return UNKNOWN
    signs: dict[str, Callable[[Any], Any]] = {"-": operator.neg, "+": operator.pos, "~": operator.invert}
    return _guarded(signs[sign], value)


@_total
def formatted(value: Any, conversion: str, spec: str) -> Any:
    """The text of a value in a formatted string."""
    if not _is_printable(value) and (conversion in ("r", "a") or not isinstance(value, str)):
        return UNKNOWN
    if _LONG_NUMBER.search(spec) or spec.endswith("n"):  # very wide, or by the locale
        return UNKNOWN
    if conversion:
        conversions: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}
        value = conversions[conversion](value)
    return _guarded(format, value, spec)


def _percent(template: Any, values: Any) -> Any:
    if not isinstance(template, str) or _PERCENT.sub("", template).count("%"):
        return UNKNOWN
    if not _is_printable(values):
        return UNKNOWN
    return _guarded(operator.mod, template, values)


def _format(template: str, *arguments: Any, **keywords: Any) -> str:
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise _Refused
    automatic = 0
    parts: list[str] = []
    position = 0
    for part in _FIELD.finditer(template):
        parts.append(template[position : part.start()])
        position = part.end()
        if part["name"] is None:
            parts.append(part[0][0])
            continue
        name = part["name"]
        if not name:
            name, automatic = str(automatic), automatic + 1
        value = arguments[int(name)] if name.isdecimal() else keywords[name]
        if part["item"]:
            key = part["item"][1:-1]
            value = value[int(key) if key.isdecimal() else key]
        text = formatted(value, part["conversion"][1:], part["spec"][1:])
        if text is UNKNOWN:
            raise _Refused
        parts.append(text)
    return "".join(parts) + template[position:]


@_total
def method(value: Any, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """What a method of a constant returns; it never changes the constant."""
    if isinstance(value, str):
        return _string_method(value, name, arguments, keywords)
    if name not in _OTHER_METHODS.get(type(value), ()):
        return UNKNOWN
    if name in ("items", "keys", "values"):
        return _guarded(lambda: list(getattr(value, name)(*arguments, **keywords)))
    return _guarded(getattr(value, name), *arguments, **keywords)


def _string_method(value: str, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    if name not in _STRING_METHODS:
        return UNKNOWN
    if name == "format":
        return _guarded(_format, value, *arguments, **keywords)
    if name == "format_map":
        return _guarded(lambda names: _format(value, **names), *arguments, **keywords)
    is_wide = name in ("center", "ljust", "rjust", "zfill") and arguments and isinstance(arguments[0], int)
    if is_wide and arguments[0] > MAX_LENGTH:
        return UNKNOWN
    if not value.isascii() and name not in ("join", "replace", "split", "startswith", "endswith", "partition"):
        return UNKNOWN  # the tables of letters change with each Python
    if name == "replace" and len(arguments) > 1 and len(str(arguments[1])) * (len(value) + 1) > MAX_LENGTH * 10:
        return UNKNOWN
    return _guarded(getattr(value, name), *arguments, **keywords)


@_total
def function(name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """What a built-in function returns for constants."""
    if name not in _FUNCTIONS:
        return UNKNOWN
    if name in ("str", "repr", "ascii", "format") and not all(map(_is_printable, arguments)):
        return arguments[0] if name == "str" and len(arguments) == 1 and isinstance(arguments[0], str) else UNKNOWN
    if name == "format":
        return formatted(arguments[0], "", arguments[1] if len(arguments) > 1 else "") if arguments else UNKNOWN
    if name == "pow":
        return binary("**", *arguments) if len(arguments) == 2 and not keywords else UNKNOWN
    if name == "sum" and not all(
        isinstance(item, int) for part in arguments for item in (part if isinstance(part, list) else [part])
    ):
        return UNKNOWN  # of floats, each Python has its own
    if name == "bytes" and arguments and isinstance(arguments[0], int):
        return UNKNOWN
    if name in ("int", "float") and arguments and isinstance(arguments[0], str) and len(arguments[0]) > 1_000:
        return UNKNOWN
    return _guarded(_FUNCTIONS[name], *arguments, **keywords)
