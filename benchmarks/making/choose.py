"""Which of the items that hold are kept: no near copies, a few for each API, training apart from test."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from apigauge.benchmarks.making.candidates import Dropped

# Items of one API: more would be more of the same.
MAX_PER_API = 3
# Of the word trigrams of two questions, the share at which one is a near copy of the other.
_NEAR = 0.7
# As `benchmarks check` has it.
_NEAR_IN_TRAINING = 0.5
# One API in so many is for training.
_TRAINING_SHARE = 5

Row = dict[str, Any]


def chosen(rows: Sequence[Row]) -> tuple[list[Row], list[Dropped]]:
    """The items that are kept, with ``split``, and what was dropped; in the order given.

    Args:
        rows: lines of ``items.jsonl``.
    """
    kept: list[Row] = []
    dropped: list[Dropped] = []
    counts: dict[str, int] = {}
    index = _Index()
    first_of: dict[str, Row] = {}
    for row in rows:
        api, grams = api_of(row), trigrams(row["instruction"])
        if (same := first_of.get(row["instruction"])) and same["output"] == row["output"]:
            if row["api_call"] != same["api_call"]:
                same["accepted"] = sorted({*same.get("accepted", []), row["api_call"]})
            dropped.append(_dropped(row, "its call is accepted as another answer to the same question"))
            continue
        if counts.get(api, 0) >= MAX_PER_API:
            dropped.append(_dropped(row, f"there are {MAX_PER_API} items of this API"))
        elif index.has_near(grams):
            dropped.append(_dropped(row, "it is a near copy of another item"))
        else:
            counts[api] = counts.get(api, 0) + 1
            index.add(grams)
            first_of[row["instruction"]] = row | {"split": "train" if _is_training(api) else "test"}
            kept.append(first_of[row["instruction"]])
    return _apart(kept, dropped)


def _apart(rows: list[Row], dropped: list[Dropped]) -> tuple[list[Row], list[Dropped]]:
    """Without the items to train on that a test item is close to."""
    tests = [trigrams(row["instruction"]) for row in rows if row["split"] == "test"]
    kept = []
    for row in rows:
        grams = trigrams(row["instruction"])
        if row["split"] == "train" and any(len(grams & one) > _NEAR_IN_TRAINING * len(one) for one in tests):
            dropped.append(_dropped(row, "it is for training and close to an item that is asked"))
        else:
            kept.append(row)
    return kept, dropped


class _Index:
    """Questions by their trigrams, so that only those that share one are compared."""

    def __init__(self) -> None:
        self._all: list[frozenset[tuple[str, ...]]] = []
        self._with: dict[tuple[str, ...], list[int]] = {}

    def has_near(self, grams: frozenset[tuple[str, ...]]) -> bool:
        shared: dict[int, int] = {}
        for gram in grams:
            for number in self._with.get(gram, ()):
                shared[number] = shared.get(number, 0) + 1
        return any(count >= _NEAR * (len(grams) + len(self._all[number]) - count) for number, count in shared.items())

    def add(self, grams: frozenset[tuple[str, ...]]) -> None:
        for gram in grams:
            self._with.setdefault(gram, []).append(len(self._all))
        self._all.append(grams)


def api_of(row: Row) -> str:
    """The function of a row's reference call."""
    return str(row["api_call"]).partition("(")[0]


def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    """The word trigrams of a text, as `benchmarks check` counts them."""
    words = [re.sub(r"^[.,;:!?'\"()]+|[.,;:!?'\"()]+$", "", word).casefold() for word in text.split()]
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset({tuple(words)})


def _is_training(api: str) -> bool:
    return hashlib.sha256(api.encode()).digest()[0] % _TRAINING_SHARE == 0


def _dropped(row: Row, reason: str) -> Dropped:
    return Dropped(api_of(row), str(row["program"]), reason)
