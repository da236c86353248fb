"""Vocabularies that can spell any text in a few hundred entries: word pieces, byte pairs, SentencePiece.

Each is made from the same list of words, by rules instead of training, so the same bytes come out everywhere.
"""

import functools
import itertools
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

LISTS: dict[str, list[str]] = json.loads(Path(__file__).with_name("lists.json").read_text(encoding="utf-8"))
WORDS: list[str] = LISTS["words"]

# Beyond ASCII: what the catalogue's languages need to be spelt at all, and a few whole words of none.
LETTERS = (
    "".join(chr(code) for code in range(0xC0, 0x180) if chr(code).isalpha())
    + "абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ"
    + "ابتثجحخدذرزسشصضطظعغفقكلمنهويءةى"
    + "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    + "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンー"
    + "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生我好天家学日本語東京"
    + "가나다라마바사아자차카타파하이그는을를에의도로고한국어오늘날씨"
)
# Phonemes as espeak writes them.
SOUNDS = (
    "abdefhijklmnoprstuvwz\u00e6\u00f0\u014b\u0250\u0251\u0259\u025b\u0261\u026a\u0279\u0283\u028a\u028c\u0292"
    "\u02c8\u02cc\u02d0\u03b8"
)
ASCII = "".join(chr(code) for code in range(33, 127))
WORD_MARK = "\u2581"
# How many words of the list can also begin a sentence.
_CAPITALS = 200
# So many that every word of the list is one token, as a prompt's usual words are for the real tokenizers.
MERGES = 1400


def word_pieces(specials: Sequence[str], *, lower: bool) -> list[str]:
    """A WordPiece vocabulary: special tokens, characters, their continuations, words."""
    characters = list(dict.fromkeys(ASCII + LETTERS))
    if lower:
        characters = list(dict.fromkeys(c for text in characters for c in _plain(text)))
    parts = ["##" + part for part in _parts()]
    return list(dict.fromkeys([*specials, *characters, *("##" + c for c in characters), *parts, *WORDS]))


@functools.cache
def _parts(count: int = 300) -> list[str]:
    """Frequent parts of words, for words that are not on the list."""
    return ["".join(pair) for pair in merges_of((word[1:] for word in WORDS if len(word) > 3), count)]


def _plain(text: str) -> str:
    """Lower case without accents, as the uncased tokenizers see it."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


def byte_symbols() -> list[str]:
    """The printable stand-in for each byte, in GPT-2's order (openai/gpt-2, ``bytes_to_unicode``)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + place) for place in range(len(hidden))]


def merges_of(words: Iterable[Sequence[str]], count: int = MERGES) -> list[tuple[str, str]]:
    """The byte-pair merges learned from words given as symbols; ties go to the pair that sorts first."""
    splits = [list(word) for word in words]
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs = Counter(pair for word in splits for pair in itertools.pairwise(word))
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        splits = [_merged(word, best) for word in splits]
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for symbol in word:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return out


@functools.cache
def byte_pairs() -> tuple[list[str], list[tuple[str, str]]]:
    """GPT-2's kind: byte symbols and merges; a word's leading space is part of it."""
    merges = merges_of([["\u0120", *word] for word in WORDS] + [list(word.capitalize()) for word in WORDS[:_CAPITALS]])
    return [*byte_symbols(), *("".join(pair) for pair in merges)], merges


@functools.cache
def ending_pairs(characters: tuple[str, ...] = ()) -> tuple[list[str], list[tuple[str, str]]]:
    """CLIP's kind: symbols, symbols that end a word, merges."""
    symbols = list(characters or byte_symbols())
    merges = merges_of([*word[:-1], f"{word[-1]}</w>"] for word in WORDS)
    return [*symbols, *(f"{symbol}</w>" for symbol in symbols), *("".join(pair) for pair in merges)], merges


@functools.cache
def marked_pairs() -> tuple[list[str], list[tuple[str, str]]]:
    """BERTweet's kind (fastBPE): ``@@`` marks parts that do not end a word; merges are written with ``</w>``."""
    characters = list(dict.fromkeys(ASCII + LETTERS))
    merges = merges_of([*word[:-1], f"{word[-1]}</w>"] for word in WORDS)
    joined = ("".join(pair) for pair in merges)
    pieces = [text[:-4] if text.endswith("</w>") else f"{text}@@" for text in joined]
    return list(dict.fromkeys([*characters, *(f"{c}@@" for c in characters), *pieces])), merges


def sentence_pieces(
    path: Path,
    specials: Sequence[str],
    *,
    kind: str = "unigram",
    byte_fallback: bool = False,
    words: bool = True,
    tail: Sequence[str] = (),
) -> int:
    """Writes a SentencePiece model and returns its number of pieces.

    Args:
        path: the file.
        specials: control pieces in their order; ``<unk>`` among them is the unknown piece.
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
    for place, text in enumerate(text for text in plain_pieces(kind, words=words) if text not in specials):
        score = -float(place) if kind == "bpe" else -3.0 - math.log(2.0 + place) / 2 - 9.0 * (len(text) == 1)
        model.pieces.add(piece=text, score=score, type=1)
    for text in tail:
        model.pieces.add(piece=text, score=0.0, type=3)
    _describe(model, kind, byte_fallback=byte_fallback)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return len(model.pieces)


@functools.cache
def plain_pieces(kind: str = "unigram", *, words: bool = True) -> list[str]:
    """What a SentencePiece model of a kind spells text with, likeliest first: words, parts of words, characters."""
    pieces: list[str] = []
    if words and kind == "bpe":
        # Nothing but what is merged from its parts can ever be found.
        merges = merges_of(
            [[WORD_MARK, *word] for word in WORDS] + [[WORD_MARK, *word.capitalize()] for word in WORDS[:_CAPITALS]]
        )
        pieces = ["".join(pair) for pair in merges]
    elif words:
        capitals = [WORD_MARK + word.capitalize() for word in WORDS[:_CAPITALS]]
        pieces = [*(WORD_MARK + word for word in WORDS), *capitals, *_parts()]
    return list(dict.fromkeys([*pieces, *WORD_MARK, *ASCII, *LETTERS]))


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
