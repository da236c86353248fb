"""Deprecation warnings that a program's own lines raise, noted without a change of what the program sees.

Python asks its list of filters, from the front, what to do with each warning. An entry at the front that matches
nothing hears of every one, whatever filters, ``catch_warnings`` or ``simplefilter("ignore")`` decide behind it; and
every warning that a library attributes to its caller (``stacklevel``) comes with the name of the module it belongs to,
which for the program is ``__main__``. The list keeps that entry to itself: it is in no length, iteration or comparison.

What is noted is taken on the program's word: it can replace the list.
"""

import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_KINDS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
# Libraries have their own, which may be of another kind: numpy's VisibleDeprecationWarning.
_NAME = "DeprecationWarning"
MAX_NOTES, MAX_TEXT = 16, 300
# A warning that a library attributes to more callers than there are is Python's ``sys``, or, where the frames of
# apigauge are not hidden, of no module: numpy 1.26's ``np.product`` does, where a program calls it at its top level.
_MODULES = frozenset({"__main__", "sys", "<string>"})
# ``say`` receives all notes so far whenever there is another.
Say = Callable[[list[dict[str, Any]]], None]


def is_deprecation(category: type) -> bool:
    """Whether a warning's class says that something will not stay as it is."""
    return issubclass(category, _KINDS) or any(one.__name__.endswith(_NAME) for one in category.__mro__)


def checked(reported: object) -> list[dict[str, Any]]:
    """Notes as a child reports them, which may have been written by the program: what is malformed is left out."""
    notes = reported[:MAX_NOTES] if isinstance(reported, list) else []
    return [
        {"category": _plain(one["category"]), "message": _plain(one["message"]), "line": one["line"]}
        for one in notes
        if isinstance(one, dict) and one.keys() == {"category", "message", "line"} and type(one["line"]) is int
    ]


def _plain(text: object) -> str:
    return str(text)[:MAX_TEXT].encode("utf-8", "backslashreplace").decode()


class Deprecations:
    """Notes deprecations; the three parts of a filter ask it, one after the other, of each warning.

    Args:
        file: the program's.
        say: receives what is noted.
    """

    def __init__(self, file: str, say: Say) -> None:
        self._file, self._say = file, say
        self._notes: list[dict[str, Any]] = []
        self._text, self._module, self._is_on = "", "", True
        self._frame = sys._getframe  # noqa: SLF001 - there is no public name for it
        self.entry = ("ignore", _Part(self._hear_text), _category(self._hear_category), _Part(self._hear_module), 0)

    def install(self) -> None:
        """Begins to listen."""
        warnings.filters = Filters(self.entry, warnings.filters)

    def stop(self) -> None:
        """Notes nothing more."""
        self._is_on = False

    def _hear_text(self, text: object) -> None:
        self._text = text if type(text) is str else ""

    def _hear_module(self, module: object) -> None:
        self._module = module if type(module) is str else ""

    def _hear_category(self, category: type) -> bool:
        """Called last; never matches."""
        if self._is_on and self._module in _MODULES and len(self._notes) < MAX_NOTES and is_deprecation(category):
            line = self._line()
            if line:
                note = {"category": category.__name__, "message": self._text[:MAX_TEXT], "line": line}
                if note not in self._notes:
                    self._notes.append(note)
                    self._say(self._notes)
        return False

    def _line(self) -> int | None:
        """The program's innermost line."""
        frame: types.FrameType | None = self._frame()
        while frame is not None:
            if frame.f_code.co_filename == self._file:
                return frame.f_lineno
            frame = frame.f_back
        return None


class _Part:
    """In the place of a filter's pattern: never matches."""

    def __init__(self, hear: Callable[[object], None]) -> None:
        self._hear = hear

    def match(self, text: object) -> None:
        """Called with the warning's text, or its module's name."""
        self._hear(text)


def _category(hear: Callable[[type], bool]) -> type:
    """In the place of a filter's category."""

    class Kind(type):
        def __subclasscheck__(cls, category: type) -> bool:
            return hear(category)

    return Kind("Warning", (), {})


class Filters(list[Any]):
    """A list of filters with one entry in front that only the interpreter's own code sees.

    Args:
        entry: that entry.
        filters: the others.
    """

    def __init__(self, entry: tuple[Any, ...], filters: Iterable[Any]) -> None:
        super().__init__([entry, *filters])
        self._entry = entry

    def _shown(self) -> list[Any]:
        return [one for one in list.__iter__(self) if one is not self._entry]

    def _take(self, filters: list[Any]) -> None:
        list.__setitem__(self, slice(None), [self._entry, *filters])

    def _changed(self, change: Callable[[list[Any]], Any]) -> Any:
        filters = self._shown()
        result = change(filters)
        self._take(filters)
        return result

    def __iter__(self) -> Iterator[Any]:
        return iter(self._shown())

    def __len__(self) -> int:
        return len(self._shown())

    def __repr__(self) -> str:
        return repr(self._shown())

    def __eq__(self, other: object) -> bool:
        return self._shown() == (other._shown() if isinstance(other, Filters) else other)

    __hash__ = None

    def __contains__(self, item: object) -> bool:
        return item in self._shown()

    def __getitem__(self, key: Any) -> Any:
        value = self._shown()[key]
        return Filters(self._entry, value) if isinstance(key, slice) else value

    def __setitem__(self, key: Any, value: Any) -> None:
        self._changed(lambda filters: filters.__setitem__(key, value))

    def __delitem__(self, key: Any) -> None:
        self._changed(lambda filters: filters.__delitem__(key))

    def __add__(self, other: Any) -> Any:
        return Filters(self._entry, self._shown() + list(other))

    def __iadd__(self, other: Any) -> Any:
        self.extend(other)
        return self

    def copy(self) -> Any:
        """A list that hears as well."""
        return self[:]

    def insert(self, index: Any, item: Any) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.insert(index, item))

    def append(self, item: Any) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.append(item))

    def extend(self, items: Any) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.extend(items))

    def remove(self, item: Any) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.remove(item))

    def pop(self, index: Any = -1) -> Any:
        """As of a list."""
        return self._changed(lambda filters: filters.pop(index))

    def clear(self) -> None:
        """As of a list."""
        self._take([])

    def index(self, *arguments: Any) -> int:
        """As of a list."""
        return self._shown().index(*arguments)

    def count(self, item: Any) -> int:
        """As of a list."""
        return self._shown().count(item)

    def reverse(self) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.reverse())

    def sort(self, **how: Any) -> None:
        """As of a list."""
        self._changed(lambda filters: filters.sort(**how))
