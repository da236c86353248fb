"""What a call was given, as Python literals: read from outside in a stopped child's memory, or in the child itself.

Strings, numbers, booleans, None, bytes and short lists, tuples and dictionaries of these are recorded. Everything else
is ``...``: a tensor, a model, an instance of a subclass of ``str`` (its methods may say something else than its
letters), what is too long or too deep.

Offsets as in CPython 3.11's Include/cpython/{unicodeobject,dictobject,listobject,longintrepr}.h and
Include/internal/{pycore_dict,pycore_frame}.h. ``Reader.of_this_interpreter`` tries them on objects of this process.
"""

import math
import struct
from typing import Any, Protocol

MAX_CALLS = 64
# Arguments of a call, and characters of them all.
_MAX_ARGUMENTS = 64
_MAX_CALL = 4_000
_MAX_TEXT = 1_000
_MAX_DIGITS = 10
# Of a list, tuple or dictionary, and how deep they may be nested.
_MAX_ITEMS = 16
_MAX_DEPTH = 3
# A call's, whatever contains whatever how often.
_MAX_OBJECTS = 1_000

# What is not recorded, written as in a program.
OPAQUE = "..."
# Values of exactly these types, which no program can change, are what they look like.
_PLAIN = (str, bytes, int, float, bool, type(None))


class Memory(Protocol):
    """A process's memory."""

    def pointer(self, address: int) -> int:
        """The pointer at an address; 0 where nothing can be read."""
        ...

    def read(self, address: int, length: int) -> bytes:
        """Up to ``length`` bytes."""
        ...


def literal(value: object, depth: int = 0) -> str:
    """A value as Python source; ``...`` for what is not recorded. No code of the program runs."""
    kind = type(value)
    if kind is float and not math.isfinite(value):  # type: ignore[arg-type]
        return f"float('{value}')"
    if kind in (str, bytes):
        return repr(value) if len(value) <= _MAX_TEXT else OPAQUE  # type: ignore[arg-type]
    if kind is int:
        return repr(value) if value.bit_length() <= 30 * _MAX_DIGITS else OPAQUE  # type: ignore[attr-defined]
    if kind in _PLAIN:
        return repr(value)
    if kind not in (list, tuple, dict) or depth >= _MAX_DEPTH or len(value) > _MAX_ITEMS:  # type: ignore[arg-type]
        return OPAQUE
    pairs = value.items() if kind is dict else ((item,) for item in value)  # type: ignore[attr-defined]
    items = [": ".join(literal(part, depth + 1) for part in pair) for pair in pairs]
    if OPAQUE in items or any(item.startswith(f"{OPAQUE}: ") or item.endswith(f": {OPAQUE}") for item in items):
        return OPAQUE
    if kind is tuple:
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    return f"[{', '.join(items)}]" if kind is list else f"{{{', '.join(items)}}}"


def record(function: str, positional: Any, keywords: Any) -> dict[str, Any] | None:
    """One call for a verdict; None if it has more arguments, or longer ones, than are recorded."""
    if len(positional) > _MAX_ARGUMENTS or len(keywords) > _MAX_ARGUMENTS:
        return None
    texts = [literal(value) for value in positional]
    by_name = {name: literal(value) for name, value in keywords.items() if type(name) is str}
    if len(by_name) < len(keywords) or sum(map(len, (*texts, *by_name, *by_name.values()))) > _MAX_CALL:
        return None
    return {"function": function, "positional": texts, "keywords": by_name}


def checked(reported: object) -> list[dict[str, Any]]:
    """Calls as a child reports them, which may have been written by the program: what is malformed is left out."""
    return [call for call in reported[:MAX_CALLS] if _is_call(call)] if isinstance(reported, list) else []


def _is_call(call: object) -> bool:
    if not isinstance(call, dict) or call.keys() != {"function", "positional", "keywords"}:
        return False
    positional, keywords = call["positional"], call["keywords"]
    if not isinstance(positional, list) or not isinstance(keywords, dict):
        return False
    return all(isinstance(text, str) for text in (call["function"], *positional, *keywords.values()))


class _Opaque:
    """Stands for an object that is not read."""


class Reader:
    """Reads objects of a child, whose types are at the same addresses as this process's: it is a fork."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._left = _MAX_OBJECTS
        self._readers = {
            id(str): self._text,
            id(bytes): self._bytes,
            id(int): self._int,
            id(float): self._float,
            id(tuple): self._tuple,
            id(list): self._list,
            id(dict): self._dict,
        }
        self._singletons: dict[int, object] = {id(one): one for one in (None, True, False)}

    def value(self, address: int, depth: int = 0) -> Any:
        """A copy of the object at an address; an object of no use for what is not read."""
        if address in self._singletons:
            return self._singletons[address]
        self._left -= 1
        read = self._readers.get(self._memory.pointer(address + 8)) if self._left > 0 else None
        try:
            return read(address, depth) if read and depth <= _MAX_DEPTH + 1 else _Opaque()
        except (struct.error, ValueError, TypeError):  # not as expected: torn, or another layout
            return _Opaque()

    def _number(self, form: str, address: int) -> Any:
        return struct.unpack(form, self._memory.read(address, struct.calcsize(form)))[0]

    def _exactly(self, address: int, length: int, most: int) -> bytes:
        data = self._memory.read(address, length) if 0 <= length <= most else b""
        if len(data) != length:
            raise ValueError(f"{length} bytes")
        return data

    def _text(self, address: int, _: int) -> str:
        length, state = self._number("<q", address + 16), self._number("<I", address + 32)
        kind, is_compact, is_ascii = state >> 2 & 7, state >> 5 & 1, state >> 6 & 1
        if not is_compact or kind not in (1, 2, 4):
            raise ValueError("of an old form")
        data = self._exactly(address + (48 if is_ascii else 72), length * kind, 4 * (_MAX_TEXT + 1))
        return data.decode({1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[kind], "surrogatepass")

    def _bytes(self, address: int, _: int) -> bytes:
        return self._exactly(address + 32, self._number("<q", address + 16), _MAX_TEXT + 1)

    def _int(self, address: int, _: int) -> int:
        size = self._number("<q", address + 16)
        digits = struct.unpack(f"<{abs(size)}I", self._exactly(address + 24, 4 * abs(size), 4 * _MAX_DIGITS))
        value = sum(int(digit) << 30 * place for place, digit in enumerate(digits))
        return -value if size < 0 else value

    def _float(self, address: int, _: int) -> float:
        return float(self._number("<d", address + 16))

    def _pointers(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}Q", self._exactly(address, 8 * count, 48 * (_MAX_ARGUMENTS + 1)))

    def _tuple(self, address: int, depth: int) -> tuple[Any, ...]:
        items = self._pointers(address + 24, self._number("<q", address + 16))
        return tuple(self.value(item, depth + 1) for item in items)

    def _list(self, address: int, depth: int) -> list[Any]:
        items = self._pointers(self._memory.pointer(address + 24), self._number("<q", address + 16))
        return [self.value(item, depth + 1) for item in items]

    def _dict(self, address: int, depth: int) -> dict[Any, Any]:
        keys, split = self._memory.pointer(address + 32), self._memory.pointer(address + 40)
        index_bits, general = self._number("<B", keys + 9), self._number("<B", keys + 10) == 0
        if split:
            raise ValueError("an object's attributes")
        width = 3 if general else 2  # with the hash in front, or not
        entries = self._pointers(keys + 32 + (1 << index_bits), self._number("<q", keys + 24) * width)
        pairs = (entries[place + width - 2 : place + width] for place in range(0, len(entries), width))
        return {self.value(key, depth + 1): self.value(item, depth + 1) for key, item in pairs if item}


class _Here:
    """The memory of this process."""

    def read(self, address: int, length: int) -> bytes:
        import ctypes

        return ctypes.string_at(address, length)

    def pointer(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")


def can_be_read() -> bool:
    """Whether this interpreter's objects are laid out as ``Reader`` expects; to be asked only of Python 3.11."""
    sample = ["text", "ö", "\u20ac", "\U0001f600", b"bytes", -(10**40), 0, 1.5, None, True, (), {"a": [1], 2: "x"}]
    sample += [dict(enumerate("abcdefgh")), {str(number): number for number in range(20)}]
    return literal(Reader(_Here()).value(id(sample))) == literal(sample)
