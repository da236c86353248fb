"""Objects of a program that say they are equal to whatever tests expect.

While tests run, a class of the program that defines ``__eq__`` is asked first whether its object is equal to something
that differs from what it is compared with. One that says so is believed nothing. A class whose objects really are equal
to numbers or texts says no, and is then asked as usual.
"""

import builtins
import math
from collections.abc import Callable, Iterator
from typing import Any

_TEXT = "\0 and more"


def distrust(namespace: dict[str, Any]) -> None:
    """Guards the classes that a program has made, and those that it makes from now on by a class statement.

    Args:
        namespace: its globals.
    """
    for cls in _all_classes():
        _guard(cls, namespace)
    build = builtins.__build_class__

    def build_class(*arguments: Any, **keywords: Any) -> Any:
        cls = build(*arguments, **keywords)
        if isinstance(cls, type):
            _guard(cls, namespace)
        return cls

    builtins.__build_class__ = build_class


def _all_classes() -> Iterator[type]:
    seen, waiting = set(), [object]
    while waiting:
        cls = waiting.pop()
        if id(cls) not in seen:
            seen.add(id(cls))
            yield cls
            waiting += type.__subclasses__(cls)


def _guard(cls: type, namespace: dict[str, Any]) -> None:
    original = vars(cls).get("__eq__")
    is_of_program = vars(cls).get("__module__") == "__main__" or getattr(original, "__globals__", None) is namespace
    if original is None or not is_of_program or isinstance(original, staticmethod | classmethod):
        return
    try:
        hash_before = vars(cls).get("__hash__", cls.__hash__)
        type.__setattr__(cls, "__eq__", _guarded(original))
        type.__setattr__(cls, "__hash__", hash_before)
    except TypeError:  # one that cannot be changed is none of the program's
        return


def _guarded(original: Any) -> Callable[[Any, Any], Any]:
    equal: Callable[[Any, Any], Any] = original

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807 - it stands for the method
        answer = equal(self, _changed(other))
        if answer is not NotImplemented and bool(answer):
            return False
        return equal(self, other)

    return __eq__


def _changed(value: Any) -> Any:
    """Something of the same kind that differs, however far what is compared may be off."""
    kind = type(value)
    if kind in (int, float) and math.isfinite(value):
        return value * 2 + 1
    if kind is str:
        return value + _TEXT
    if kind is bytes:
        return value + _TEXT.encode()
    if kind is list:
        return [*value, object()]
    if kind is tuple:
        return (*value, object())
    if kind in (set, frozenset):
        return kind([*value, object()])
    return {**value, object(): None} if kind is dict else object()
