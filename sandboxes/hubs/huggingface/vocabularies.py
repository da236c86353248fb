"""Vocabularies as large as published ones: word pieces, byte pairs, SentencePiece.

Each is made from the same frequent words, by rules and by one training of byte pairs, so the same bytes come out
everywhere; made-up words fill it to its size.
"""

import functools
import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import corpus
from apigauge.sandboxes.hubs.huggingface.word_lists import ASCII, LETTERS, WORD_MARK

Merges = list[tuple[str, str]]
_LARGEST = 51_000
# The numbers that everybody knows of a vocabulary: where the most frequent words and characters begin.
_CHARACTERS_AT, _WORDS_AT = 999, 1996
_FIRST = (
    *("the", "of", "and", "in", "to", "was", "he", "is", "as", "for", "on", "with", "that", "it", "his", "by", "at"),
    *("from", "her", "##s", "she", "you", "had", "an", "were", "but", "be", "this", "are", "not", "my", "they", "one"),
    *("which", "or", "have", "him", "me", "first", "all", "also", "their", "has", "up", "who", "out", "been", "when"),
    *("after", "there", "into", "new", "two", "its"),
)
_PINNED = {"hello": 7592, "world": 2088}


@functools.cache
def word_pieces(specials: tuple[str, ...], *, lower: bool, size: int, tail: tuple[str, ...] = ()) -> list[str]:
    """A WordPiece vocabulary: special tokens, characters, words, parts of words.

    Args:
        specials: first entries.
        lower: whether there are no capitals and no accents.
        size: how many entries there are in all.
        tail: last entries.
    """
    characters = list(dict.fromkeys(ASCII + LETTERS))
    if lower:
        characters = list(dict.fromkeys(c for text in characters for c in _plain(text)))
    published = lower and size == 30522 and len(specials) > 100
    head = list(specials)
    if published:
        head += [f"[unused{number}]" for number in range(99, _CHARACTERS_AT - len(head) + 99)]
        rarer = (chr(code) for code in itertools.chain(range(0x370, 0x400), range(0x4E00, 0x9FFF)))
        characters += itertools.islice(rarer, _WORDS_AT - _CHARACTERS_AT - len(characters))
    head = list(dict.fromkeys([*head, *characters, *(_FIRST if published else ())]))
    endings = [f"##{c}" for c in dict.fromkeys(characters)]
    room = max(0, size - len(head) - len(endings) - len(tail))
    parts = [f"##{part}" for part in corpus.parts()[: room // 4]]
    words = corpus.lower() if lower else corpus.cased()
    pieces = filled([*head, *words[: room - len(parts)], *parts, *endings], corpus.made_up(), size - len(tail), endings)
    if published:
        pin(pieces, _PINNED)
    return [*pieces, *tail]


def filled(tokens: Iterable[str], more: Iterator[str], size: int, last: Sequence[str] = ()) -> list[str]:
    """Different tokens, exactly as many: cut, or filled with more; the last ones are kept at the end."""
    end = frozenset(last)
    pieces = [token for token in dict.fromkeys(tokens) if token not in end][: max(0, size - len(last))]
    seen = {*pieces, *last}
    while len(pieces) + len(last) < size:
        token = next(more)
        if token not in seen:
            seen.add(token)
            pieces.append(token)
    return [*pieces, *last]


def pin(tokens: list[str], places: dict[str, int]) -> None:
    """Puts tokens where they are in the published vocabulary, in exchange for what is there."""
    for token, place in places.items():
        if token in tokens and place < len(tokens):
            now = tokens.index(token)
            tokens[now], tokens[place] = tokens[place], token


def _plain(text: str) -> str:
    """Lower case without accents, as the uncased tokenizers see it."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


def byte_symbols() -> list[str]:
    """The printable stand-in for each byte, in GPT-2's order (openai/gpt-2, ``bytes_to_unicode``)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + place) for place in range(len(hidden))]


@functools.cache
def _learned(kind: str) -> tuple[tuple[str, str], ...]:
    """Byte-pair merges that make each frequent word one token, in their order.

    Words are taken in the order of their frequency, frequent parts of words before them; what the merges so far leave
    of a word in pieces is joined by new ones, shortest first. These rank lower, so what was one token stays one.

    Args:
        kind: ``bytes``: GPT-2's, where a leading space is part of a word; ``ending``: lower case, with ``</w>`` where
            a word ends; ``marked``: SentencePiece's, with a mark where a word begins.
    """
    parts = [list(part) for part in corpus.parts()[:2000]]
    if kind == "ending":
        words = [[*word[:-1], f"{word[-1]}</w>"] for word in corpus.lower()]
    else:
        mark = {"bytes": "\u0120", "marked": WORD_MARK}[kind]
        words = [[mark, *word] for word in corpus.cased()]
        # A text's first word has no mark.
        words[8000:8000] = [list(word) for word in corpus.cased()[:6000]]
    ranks: dict[tuple[str, str], int] = {}
    for symbols in [*parts, *words]:
        rest = _joined(symbols, ranks)
        while len(rest) > 1:
            place = min(range(len(rest) - 1), key=lambda at: (len(rest[at]) + len(rest[at + 1]), at))
            ranks.setdefault((rest[place], rest[place + 1]), len(ranks))
            rest[place : place + 2] = [rest[place] + rest[place + 1]]
        if len(ranks) > _LARGEST:
            break
    return tuple(ranks)


def _joined(symbols: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """What merges make of a word: of all pairs the first learned is joined first."""
    rest = list(symbols)
    while len(rest) > 1:
        rank, place = min((ranks.get(pair, _LARGEST * 2), at) for at, pair in enumerate(itertools.pairwise(rest)))
        if rank == _LARGEST * 2:
            break
        rest[place : place + 2] = [rest[place] + rest[place + 1]]
    return rest


def _merges(kind: str, count: int) -> Merges:
    """Merges that make so many tokens: the learned ones, then pairs of frequent tokens, which no word has."""
    merges: Merges = []
    seen: set[str] = set()
    # Two merges can make one token.
    for a, b in _learned(kind):
        if len(seen) == count:
            break
        seen.add(a + b)
        merges.append((a, b))
    ends = [a + b for a, b in merges if not (a + b).startswith(("\u0120", WORD_MARK))]
    starts = [a + b for a, b in merges if not (a + b).endswith("</w>")]
    for step in itertools.count(1):
        if len(seen) >= count:
            return merges
        for place, start in enumerate(starts):
            end = ends[(place * 7 + step * 13) % len(ends)]
            if len(seen) < count and start + end not in seen:
                seen.add(start + end)
                merges.append((start, end))
    return merges


@functools.cache
def byte_pairs(size: int) -> tuple[list[str], Merges]:
    """GPT-2's kind: byte symbols and merges; a word's leading space is part of it."""
    symbols = byte_symbols()
    merges = _merges("bytes", size - len(symbols))
    return [*symbols, *dict.fromkeys("".join(pair) for pair in merges)], merges


@functools.cache
def ending_pairs(size: int, characters: tuple[str, ...] = ()) -> tuple[list[str], Merges]:
    """CLIP's kind: symbols, symbols that end a word, merges."""
    symbols = list(characters or byte_symbols())
    merges = _merges("ending", size - 2 * len(symbols))
    ended = [f"{symbol}</w>" for symbol in symbols]
    return [*symbols, *ended, *dict.fromkeys("".join(pair) for pair in merges)], merges


@functools.cache
def marked_pairs(size: int) -> tuple[list[str], Merges]:
    """BERTweet's kind (fastBPE): ``@@`` marks parts that do not end a word; merges are written with ``</w>``."""
    characters = list(dict.fromkeys(ASCII + LETTERS))
    merges = _merges("ending", size)
    joined = ("".join(pair) for pair in merges)
    pieces = (text[:-4] if text.endswith("</w>") else f"{text}@@" for text in joined)
    tokens = list(dict.fromkeys([*characters, *(f"{c}@@" for c in characters), *pieces]))[:size]
    kept = frozenset(tokens)
    return tokens, [(a, b) for a, b in merges if ((a + b)[:-4] if b.endswith("</w>") else f"{a}{b}@@") in kept]


def sentence_pieces(
    path: Path,
    specials: Sequence[str],
    *,
    size: int,
    kind: str = "unigram",
    byte_fallback: bool = False,
    words: bool = True,
    tail: Sequence[str] = (),
) -> int:
    """Writes a SentencePiece model and returns its number of pieces.

    Args:
        path: the file.
        specials: control pieces in their order; ``<unk>`` among them is the unknown piece.
        size: how many pieces there are in all, where there are words.
        kind: ``unigram``, ``bpe`` or ``char``.
        byte_fallback: whether unknown characters are spelt in bytes.
        words: whether there are pieces longer than a character.
        tail: control pieces at the very end.
    """
    from transformers.convert_slow_tokenizer import import_protobuf

    # The library's own copy of the format: a second one in the same process is refused.
    model: Any = import_protobuf().ModelProto()
    for place, text in enumerate(specials):
        kind_of = 2 if text in {"<unk>", "[UNK]"} else 4 if text.startswith("<mask_") else 3
        model.pieces.add(piece=text, score=0.0, type=kind_of)
        if kind_of == 2:
            model.trainer_spec.unk_id, model.trainer_spec.unk_piece = place, text
    for byte in range(256 if byte_fallback else 0):
        model.pieces.add(piece=f"<0x{byte:02X}>", score=0.0, type=6)
    # Pieces without score or kind of their own: the earlier, the likelier.
    count = size - len(model.pieces) - len(tail)
    plain = (text for text in plain_pieces(kind, count, words=words) if text not in specials)
    for place, text in enumerate(plain):
        score = -float(place) if kind == "bpe" else -3.0 - math.log(2.0 + place) / 2 - 9.0 * (len(text) == 1)
        model.pieces.add(piece=text, score=score, type=1)
    for text in tail:
        model.pieces.add(piece=text, score=0.0, type=3)
    _describe(model, kind, byte_fallback=byte_fallback)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return len(model.pieces)


@functools.cache
def plain_pieces(kind: str = "unigram", count: int = 0, *, words: bool = True) -> list[str]:
    """What a SentencePiece model of a kind spells text with, likeliest first: words, parts of words, characters.

    Args:
        kind: ``unigram``, ``bpe`` or ``char``.
        count: how many, if there are words.
        words: whether there are pieces longer than a character.
    """
    characters = list(dict.fromkeys([*WORD_MARK, *ASCII, *LETTERS]))
    if not words:
        return characters
    room = max(0, count - len(characters))
    if kind == "bpe":
        # Nothing but what is merged from its parts can ever be a token.
        learned = dict.fromkeys("".join(pair) for pair in _learned("marked"))
        return filled([*list(learned)[:room]], (WORD_MARK + word for word in corpus.made_up()), count, characters)
    parts = corpus.parts()[: room // 5]
    cased = [WORD_MARK + word for word in corpus.cased()]
    lower = [WORD_MARK + word for word in corpus.lower()[: room // 2]]
    ranked = [*cased[: room // 8], *lower[: room // 8], *parts[: room // 10], *lower, *parts, *cased]
    return filled(ranked, (WORD_MARK + word for word in corpus.made_up()), count, characters)


def _describe(model: Any, kind: str, *, byte_fallback: bool) -> None:
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    trainer.model_type = {"unigram": 1, "bpe": 2, "char": 4}[kind]
    trainer.vocab_size = len(model.pieces)
    trainer.byte_fallback = byte_fallback
    ids = {piece.piece: place for place, piece in enumerate(model.pieces)}
    for name, texts in (
        ("bos", ("<s>", "[CLS]")),
        ("eos", ("</s>", "[SEP]")),
        ("pad", ("<pad>", "[PAD]")),
    ):
        place = next((ids[text] for text in texts if text in ids), -1)
        setattr(trainer, f"{name}_id", place)
        if place >= 0:
            setattr(trainer, f"{name}_piece", model.pieces[place].piece)
    normalizer.name = "identity" if byte_fallback else "nmt_nfkc"
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = not byte_fallback
    normalizer.escape_whitespaces = True
