"""Frequent words, counted in the texts of the packages that the image has.

Nothing is copied into this package: definitions of ImageNet's classes, documentation and licences are English enough
that a usual sentence needs about as many tokens as with the published vocabularies.
"""

import functools
import itertools
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from apigauge.sandboxes.hubs.huggingface.word_lists import LISTS, WORDS

_TEXTS = (
    *("timm/data/_info/imagenet_synset_to_definition.txt", "timm/data/_info/imagenet_synset_to_lemma.txt"),
    *("nltk/test/*.doctest", "fairseq/examples/**/*.md", "sklearn/datasets/descr/*.rst", "lightning/pytorch/*.md"),
    *("numpy-*.dist-info/LICENSE.txt", "scipy-*.dist-info/LICENSE.txt", "transformers/models/*/configuration_*.py"),
    *("matplotlib/*.py", "networkx/**/*.py", "pandas/core/*.py", "sympy/physics/**/*.py"),
)
_WORD = re.compile(r"[A-Za-z]+")
_LONGEST = 18


@functools.cache
def texts() -> tuple[str, ...]:
    """The texts, in the order of their files' names."""
    root = Path(sysconfig.get_paths()["purelib"])
    paths = itertools.chain.from_iterable(sorted(root.glob(pattern)) for pattern in _TEXTS)
    return tuple(path.read_text(encoding="utf-8", errors="replace") for path in paths)


@functools.cache
def counts() -> Counter[str]:
    """How often each word occurs, as it is written; the package's own words count as frequent."""
    words: Counter[str] = Counter()
    for text in texts():
        words.update(word for word in _WORD.findall(text) if len(word) <= _LONGEST)
    for place, word in enumerate([*WORDS, *LISTS["opinions"]]):
        words[word] += 2000 - place
    for number in (*range(10, 100), *range(100, 1001, 50), *range(1900, 2031)):
        words[str(number)] += 50
    return words


@functools.cache
def lower() -> tuple[str, ...]:
    """The words in lower case, most frequent first."""
    merged: Counter[str] = Counter()
    for word, count in counts().items():
        merged[word.lower()] += count
    return tuple(_ranked(merged))


@functools.cache
def cased() -> tuple[str, ...]:
    """The words as they are written, most frequent first; capitals of the most frequent among them."""
    words = counts().copy()
    for place, word in enumerate(lower()[:4000]):
        words[word.capitalize()] += max(2, 400 - place // 10)
        words[word] += 1
    return tuple(_ranked(words))


@functools.cache
def parts() -> tuple[str, ...]:
    """Frequent parts of words that do not begin a word, most frequent first."""
    merged: Counter[str] = Counter()
    for place, word in enumerate(lower()):
        weight = 1 + 20000 // (place + 50)
        for length in range(2, 8):
            if len(word) > length:
                merged[word[-length:]] += weight * length
        for start in range(1, len(word) - 2):
            for length in (2, 3, 4):
                if start + length < len(word):
                    merged[word[start : start + length]] += weight
    return tuple(_ranked(merged))


def _ranked(words: Counter[str]) -> list[str]:
    return sorted(words, key=lambda word: (-words[word], word))


def made_up() -> Iterator[str]:
    """Words that no text has, without an end: they fill a vocabulary to its published size."""
    syllables = ["".join(letters) for letters in itertools.product("bcdfghjklmnprstvwz", "aeiou", "bdlmnrst")]
    for size in itertools.count(2):
        for pick in itertools.product(syllables, repeat=size):
            yield "".join(pick)
