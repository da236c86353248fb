"""Vocabulary files of each kind of tokenizer: ``WRITERS`` by the name of its slow class.

A writer puts the files that the class reads into a folder and returns the arguments that the class needs besides them.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import corpus, languages, vocabularies, vocabulary_sizes, word_lists
from apigauge.sandboxes.hubs.huggingface.pinned_tokens import CLIP, GPT2, ROBERTA, placed

Arguments = dict[str, Any]
Writer = Callable[[Path, dict[str, Any]], Arguments]

_BERT = ("[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA = ("<s>", "<pad>", "</s>", "<unk>")
_END = "<|endoftext|>"
_ENDS = dict.fromkeys(("bos", "eos", "unk"), _END)


def _lower(entry: dict[str, Any]) -> bool:
    extra, name = entry.get("extra") or {}, entry["repo"].lower()
    if "lower" in extra:
        return bool(extra["lower"])
    return "uncased" in name or "cased" not in name


def _size(entry: dict[str, Any]) -> int:
    return vocabulary_sizes.of_files(entry["tokenizer"], entry)


def _lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _ids(path: Path, tokens: Sequence[str]) -> None:
    path.write_text(json.dumps({token: n for n, token in enumerate(tokens)}, ensure_ascii=False), encoding="utf-8")


def _merges(path: Path, merges: Sequence[tuple[str, str]], *, header: bool = True, suffix: str = "") -> None:
    _lines(path, [*(["#version: 0.2"] if header else []), *(f"{a} {b}{suffix}" for a, b in merges)])


# --- word pieces ---


def _bert(raw: Path, entry: dict[str, Any]) -> Arguments:
    lower = _lower(entry)
    _lines(raw / "vocab.txt", vocabularies.word_pieces(_BERT, lower=lower, size=_size(entry)))
    arguments: Arguments = {"do_lower_case": lower, "model_max_length": 512}
    # Its model takes no segments.
    inputs = {"model_input_names": ["input_ids", "attention_mask"]} if entry.get("type") == "git" else {}
    return arguments | inputs


def _special_words(*specials: str, file: str = "vocab.txt") -> Writer:
    """Word pieces with special tokens of their own at the beginning."""

    def writer(raw: Path, entry: dict[str, Any]) -> Arguments:
        _lines(raw / file, vocabularies.word_pieces(specials, lower=_lower(entry), size=_size(entry)))
        return {"model_max_length": 512}

    return writer


def _proteins(raw: Path, _entry: dict[str, Any]) -> Arguments:
    _lines(
        raw / "vocab.txt", ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
    )
    return {"model_max_length": 1024}


def _mpnet(raw: Path, entry: dict[str, Any]) -> Arguments:
    tokens = vocabularies.word_pieces((*_ROBERTA, "[UNK]"), lower=True, size=_size(entry) + 5, tail=("<mask>",))
    _lines(raw / "vocab.txt", tokens)
    return {"do_lower_case": True, "model_max_length": 512}


def _tapas(raw: Path, entry: dict[str, Any]) -> Arguments:
    arguments = _bert(raw, entry)
    tokens = (raw / "vocab.txt").read_text(encoding="utf-8").splitlines()
    tokens[1] = "[EMPTY]"
    _lines(raw / "vocab.txt", tokens)
    return arguments


def _japanese(raw: Path, entry: dict[str, Any]) -> Arguments:
    _lines(raw / "vocab.txt", vocabularies.word_pieces(_BERT, lower=False, size=_size(entry)))
    kind = "character" if "char" in entry["repo"] else "wordpiece"
    settings = {"word_tokenizer_type": "mecab", "subword_tokenizer_type": kind}
    return {"do_lower_case": False, "model_max_length": 512, **settings}


# --- byte pairs ---


def _bytes(raw: Path, tokens: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
    _ids(raw / "vocab.json", tokens)
    _merges(raw / "merges.txt", merges)


def _gpt2(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    if entry.get("type") == "opt" or (entry.get("extra") or {}).get("text") == "opt":
        tokens = [*_ROBERTA, *symbols, *(f"madeupword{number:04}" for number in range(5))]
        _bytes(raw, placed(tokens, ROBERTA), merges)
        ends = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "</s>")
        return {**ends, "pad_token": "<pad>", "add_bos_token": True}
    _bytes(raw, placed([*symbols, _END], GPT2), merges)
    return {"model_max_length": 2048 if entry.get("type") in {"gpt_neo", "gptj", "codegen"} else 1024}


# Numbers that everybody knows.
def _roberta(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    made_up = () if entry.get("type") == "t5" else (f"madeupword{number:04}" for number in range(3))
    _bytes(raw, placed([*_ROBERTA, *symbols, *made_up, "<mask>"], ROBERTA), merges)
    longest = {"bart": 1024, "longformer": 4096, "led": 16384, "mvp": 1024}
    # Words come one by one there.
    prefix = {"add_prefix_space": True} if entry.get("type") in {"layoutlm", "layoutlmv3"} else {}
    return {"model_max_length": longest.get(str(entry.get("type")), 512), **prefix}


def _luke(raw: Path, entry: dict[str, Any]) -> Arguments:
    arguments = _roberta(raw, entry)
    _ids(raw / "entity_vocab.json", ["[PAD]", "[UNK]", "[MASK]", "[MASK2]"])
    return arguments


def _markup(raw: Path, entry: dict[str, Any]) -> Arguments:
    tags = ("a", "body", "div", "h1", "h2", "head", "html", "li", "p", "span", "table", "td", "title", "tr", "ul")
    return {**_roberta(raw, entry), "tags_dict": {tag: number for number, tag in enumerate(tags)}}


def _chat(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    _bytes(raw, symbols, merges)
    return {"eos_token": "<|im_end|>", "pad_token": _END, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}


def _control(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.marked_pairs(_size(entry))
    _bytes(raw, ["<unk>", *symbols, "Books", "Links", "Reviews", "Wikipedia"], merges)
    return {"model_max_length": 256}


def _blenderbot(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    _bytes(raw, ["<pad>", "<s>", "</s>", "<unk>", *symbols, "<mask>"], merges)
    return {"model_max_length": 128}


def _deberta(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    _bytes(raw, ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *symbols, "[MASK]"], merges)
    return {"model_max_length": 512}


def _whisper(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.byte_pairs(_size(entry))
    # Where several languages are, the first special token has one number more.
    _bytes(raw, symbols if entry["repo"].endswith(".en") else [*symbols, "\u0120\u0120", _END], merges)
    (raw / "normalizer.json").write_text("{}\n", encoding="utf-8")
    specials = languages.whisper_tokens()
    return {
        **dict.fromkeys(("bos_token", "eos_token", "unk_token"), _END),
        "pad_token": _END,
        "additional_special_tokens": [_END, *specials],
        "model_max_length": 1024,
    }


def _clip(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.ending_pairs(_size(entry))
    _bytes(raw, placed([*symbols, "<|startoftext|>", _END], CLIP), merges)
    owl = str(entry.get("type")).startswith("owl")
    return {"model_max_length": 16 if owl else 77, "pad_token": "!" if owl else _END}


def _openai_gpt(raw: Path, entry: dict[str, Any]) -> Arguments:
    characters = tuple(dict.fromkeys(word_lists.ASCII + word_lists.LETTERS))
    symbols, merges = vocabularies.ending_pairs(_size(entry), characters)
    _bytes(raw, ["<unk>", *symbols], merges)
    return {"model_max_length": 512}


def _blenderbot_small(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.marked_pairs(_size(entry) // 2)
    # The slow class looks up what it marks, the fast one what it merges.
    merged = dict.fromkeys([*(symbol for pair in merges for symbol in pair), *map("".join, merges)])
    tokens = ["__null__", "__start__", "__end__", "__unk__", "__newln__", *symbols]
    _bytes(raw, vocabularies.filled([*tokens, *merged], corpus.made_up(), _size(entry)), merges)
    return {"model_max_length": 512}


def _bertweet(raw: Path, entry: dict[str, Any]) -> Arguments:
    symbols, merges = vocabularies.marked_pairs(_size(entry))
    # The vocabulary's own specials are not listed in its file, and counts follow each entry.
    _lines(raw / "vocab.txt", [f"{symbol} 1" for symbol in symbols])
    _merges(raw / "bpe.codes", merges, header=False, suffix=" 1")
    return {"normalization": True, "model_max_length": 128}


def _xlm(raw: Path, entry: dict[str, Any]) -> Arguments:
    characters = tuple(dict.fromkeys(word_lists.ASCII + word_lists.LETTERS))
    symbols, merges = vocabularies.ending_pairs(_size(entry), characters)
    _ids(raw / "vocab.json", ["<s>", "</s>", "<pad>", "<unk>", "<special0>", "<special1>", *symbols])
    _merges(raw / "merges.txt", merges, header=False, suffix=" 1")
    return {"model_max_length": 512}


def _two_vocabularies(raw: Path, entry: dict[str, Any]) -> Arguments:
    arguments = _xlm(raw, entry)
    (raw / "vocab.json").rename(raw / "vocab-src.json")
    shutil.copyfile(raw / "vocab-src.json", raw / "vocab-tgt.json")
    return {**arguments, "langs": entry["repo"].split("-")[-2:], "do_lower_case": False}


def _byte_json(specials: Sequence[str], roles: dict[str, str]) -> Writer:
    """A fast tokenizer without a slow one: GPT-2's kind in ``tokenizer.json`` alone."""

    def writer(raw: Path, entry: dict[str, Any]) -> Arguments:
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

        symbols, merges = vocabularies.byte_pairs(_size(entry))
        vocabulary = {token: n for n, token in enumerate([*specials, *symbols])}
        tokenizer: Any = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials])
        tokenizer.save(str(raw / "tokenizer.json"))
        return {f"{role}_token": token for role, token in roles.items()}

    return writer


# --- SentencePiece ---


def _pieces(file: str, specials: Sequence[str], *, longest: int | None = 512, **how: Any) -> Writer:
    def writer(raw: Path, entry: dict[str, Any]) -> Arguments:
        vocabularies.sentence_pieces(raw / file, specials, size=_size(entry), **how)
        arguments: Arguments = {"model_max_length": longest} if longest else {}
        return arguments | _translation(entry)

    return writer


def _translation(entry: dict[str, Any]) -> Arguments:
    extra = entry.get("extra") or {}
    return {key: extra[key] for key in ("src_lang", "tgt_lang") if extra.get(key)}


def _two_files(raw: Path, entry: dict[str, Any], *, marian: bool) -> Arguments:
    """Marian, M2M100 and Speech2Text: pieces in one file, their numbers in another."""
    names = ("source.spm", "target.spm") if marian else ("sentencepiece.bpe.model",)
    targets = languages.marian_targets(entry) if marian else []
    count = _size(entry) - (3 + len(targets) if marian else len(_ROBERTA))
    for name in names:
        vocabularies.sentence_pieces(raw / name, ("<unk>", "<s>", "</s>"), size=count + 3)
    pieces = vocabularies.plain_pieces("unigram", count)
    if not marian:
        _ids(raw / "vocab.json", [*_ROBERTA, *pieces])
        return {"model_max_length": 1024} | _translation(entry)
    _ids(raw / "vocab.json", ["</s>", "<unk>", *targets, *pieces, "<pad>"])
    pair = languages.marian_pair(entry)
    return {"source_lang": pair[0], "target_lang": pair[1], "model_max_length": 512}


def _marian(raw: Path, entry: dict[str, Any]) -> Arguments:
    return _two_files(raw, entry, marian=True)


def _numbered_pieces(raw: Path, entry: dict[str, Any]) -> Arguments:
    return _two_files(raw, entry, marian=False)


# --- characters ---


def _ctc(raw: Path, entry: dict[str, Any]) -> Arguments:
    letters = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"
    extra = entry.get("extra") or {}
    if entry.get("tokenizer") == "Wav2Vec2PhonemeCTCTokenizer":
        letters = word_lists.SOUNDS
    elif "960h" not in entry["repo"] and "ls960" not in entry["repo"]:
        letters = letters.lower() + extra.get("letters", "")
    _ids(raw / "vocab.json", ["<pad>", "<s>", "</s>", "<unk>", "|", *dict.fromkeys(letters)])
    return {"do_lower_case": False}


def _characters(specials: Sequence[str], letters: str) -> Writer:
    def writer(raw: Path, _entry: dict[str, Any]) -> Arguments:
        _ids(raw / "vocab.json", [*specials, *letters])
        return {}

    return writer


def _nothing(**arguments: Any) -> Writer:
    return lambda _raw, _entry: dict(arguments)


_ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
_FAIRSEQ = ("<unk>", "<s>", "</s>")
_XLNET = ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>")
_BARTHEZ: Arguments = {"tail": ("<mask>",)}

WRITERS: dict[str, Writer] = {
    **dict.fromkeys(
        (
            *("BertTokenizer", "ConvBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer"),
            *("DPRReaderTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer"),
            *("LayoutLMv2Tokenizer", "LxmertTokenizer", "MobileBertTokenizer"),
            "SqueezeBertTokenizer",
        ),
        _bert,
    ),
    **dict.fromkeys(
        (
            *("RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "LEDTokenizer", "MvpTokenizer"),
            *("LayoutLMv3Tokenizer", "TapexTokenizer"),
        ),
        _roberta,
    ),
    **dict.fromkeys(("GPT2Tokenizer", "CodeGenTokenizer"), _gpt2),
    **dict.fromkeys(("M2M100Tokenizer", "Speech2TextTokenizer"), _numbered_pieces),
    **dict.fromkeys(("T5Tokenizer", "MT5Tokenizer"), _pieces("spiece.model", ("<pad>", "</s>", "<unk>"))),
    **dict.fromkeys(
        ("XLMRobertaTokenizer", "LayoutXLMTokenizer", "XGLMTokenizer", "CamembertTokenizer"),
        _pieces("sentencepiece.bpe.model", _FAIRSEQ),
    ),
    **dict.fromkeys(
        ("MBartTokenizer", "MBart50Tokenizer", "NllbTokenizer"),
        _pieces("sentencepiece.bpe.model", _FAIRSEQ, longest=1024),
    ),
    "AlbertTokenizer": _pieces("spiece.model", _ALBERT),
    "BarthezTokenizer": _pieces("sentencepiece.bpe.model", _ROBERTA, longest=1024, **_BARTHEZ),
    "BertGenerationTokenizer": _pieces("spiece.model", ("<pad>", "</s>", "<s>", "<unk>", "<::::>")),
    "BertJapaneseTokenizer": _japanese,
    "BertweetTokenizer": _bertweet,
    "BigBirdTokenizer": _pieces("spiece.model", ("<pad>", "<s>", "</s>", "<unk>", "[SEP]", "[MASK]", "[CLS]")),
    "BlenderbotSmallTokenizer": _blenderbot_small,
    "BlenderbotTokenizer": _blenderbot,
    "BloomTokenizerFast": _byte_json(
        ("<unk>", "<s>", "</s>", "<pad>"), {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}
    ),
    "ByT5Tokenizer": _nothing(extra_ids=125, model_max_length=1024),
    "CLIPTokenizer": _clip,
    "CanineTokenizer": _nothing(model_max_length=2048),
    "DebertaTokenizer": _deberta,
    "DebertaV2Tokenizer": _pieces("spm.model", ("[PAD]", "[CLS]", "[SEP]", "[UNK]")),
    "BioGptTokenizer": _xlm,
    "CTRLTokenizer": _control,
    "EsmTokenizer": _proteins,
    "FNetTokenizer": _pieces("spiece.model", _ALBERT),
    "FSMTTokenizer": _two_vocabularies,
    "FlaubertTokenizer": _xlm,
    "FunnelTokenizer": _special_words("<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<s>", "</s>"),
    "GPT2TokenizerFast": _byte_json((_END,), _ENDS),
    "GemmaTokenizer": _pieces(
        "tokenizer.model", ("<pad>", "<eos>", "<bos>", "<unk>"), longest=None, kind="bpe", byte_fallback=True
    ),
    "LukeTokenizer": _luke,
    "MarkupLMTokenizer": _markup,
    "PLBartTokenizer": _pieces("sentencepiece.bpe.model", _FAIRSEQ, longest=1024),
    "ProphetNetTokenizer": _special_words(*_BERT, "[X_SEP]", file="prophetnet.tokenizer"),
    "Qwen2Tokenizer": _chat,
    "ReformerTokenizer": _pieces("spiece.model", _FAIRSEQ, longest=None, kind="bpe"),
    "RemBertTokenizer": _pieces("sentencepiece.model", _ALBERT),
    "RoFormerTokenizer": _bert,
    "SplinterTokenizer": _special_words(*_BERT, "[QUESTION]"),
    "GPTNeoXTokenizerFast": _byte_json((_END, "<|padding|>"), _ENDS),
    "LlamaTokenizer": _pieces(
        "tokenizer.model", ("<unk>", "<s>", "</s>"), longest=None, kind="bpe", byte_fallback=True
    ),
    "MPNetTokenizer": _mpnet,
    "MarianTokenizer": _marian,
    "MgpstrTokenizer": _characters(("[GO]", "[s]"), "0123456789abcdefghijklmnopqrstuvwxyz"),
    "OpenAIGPTTokenizer": _openai_gpt,
    "PegasusTokenizer": _pieces("spiece.model", ("<pad>", "</s>", "<unk>")),
    "PerceiverTokenizer": _nothing(model_max_length=2048),
    "PreTrainedTokenizerFast": _byte_json(
        (*_ROBERTA, "<mask>"), {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}
    ),
    "SpeechT5Tokenizer": _pieces("spm_char.model", _ROBERTA, longest=600, kind="char", words=False),
    "TapasTokenizer": _tapas,
    "VitsTokenizer": _characters((), "_;:,.!? abcdefghijklmnopqrstuvwxyz'-"),
    "Wav2Vec2CTCTokenizer": _ctc,
    "Wav2Vec2PhonemeCTCTokenizer": _ctc,
    "WhisperTokenizer": _whisper,
    "XLMTokenizer": _xlm,
    "XLNetTokenizer": _pieces("spiece.model", _XLNET, longest=None),
}
