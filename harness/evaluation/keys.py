"""Keys of answers: (item, sample)."""

import sys
from collections.abc import Iterable, Iterator, MutableSet

Key = tuple[str, int]


def short(key: Key) -> str | Key:
    """Of a first answer, which most are, the item alone: a million tuples would take a hundred megabytes.

    Equal items are one text, in however many files and sets they are.
    """
    item, sample = key
    return (sys.intern(item), sample) if sample else sys.intern(item)


class Keys(MutableSet[Key]):
    """A set of keys in little memory."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._kept = set(map(short, keys))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and (key if key[1] else key[0]) in self._kept

    def __iter__(self) -> Iterator[Key]:
        return ((key, 0) if isinstance(key, str) else key for key in self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, value: Key) -> None:
        """Adds a key."""
        self._kept.add(short(value))

    def discard(self, value: Key) -> None:
        """Removes a key if it is there."""
        self._kept.discard(short(value))
