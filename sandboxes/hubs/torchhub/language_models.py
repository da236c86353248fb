"""The models that the documentation of huggingface/transformers on the Torch Hub loads, in the cache's own layout.

Settings, and numbers of words and of special ones, are the real ones. The files hold a single tensor of the weights:
the hub's entry points make the rest (``stand_ins/language.py``), and where a program loads a model past them,
transformers itself fills what is missing with random numbers. Words are the frequent ones in the standard
library's sources.
"""

import hashlib
import re
import string
import sysconfig
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

# Repository: which of transformers' classes its weights are for.
MODELS = {
    "bert-base-cased": "BertForPreTraining",
    "bert-base-uncased": "BertForPreTraining",
    "bert-base-cased-finetuned-mrpc": "BertForSequenceClassification",
    "bert-large-uncased-whole-word-masking-finetuned-squad": "BertForQuestionAnswering",
    "gpt2": "GPT2LMHeadModel",
}
_SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
_BERT_WORDS = {True: 30_522, False: 28_996}
_GPT2_WORDS = 50_257
_ENDINGS = "s es ed d ing er ers ly ion ions al ally able ment ness ity ive ous est y ic ical ism ist ize ized ful less"


def build(cache: Path) -> None:
    """Writes every model into an empty cache."""
    import torch
    from safetensors.torch import save_file

    for name, class_name in sorted(MODELS.items()):
        folder = cache / f"models--{name}"
        revision = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(revision, encoding="utf-8")
        snapshot = folder / "snapshots" / revision
        snapshot.mkdir(parents=True)
        tokenizer = _gpt2_tokenizer() if name == "gpt2" else _bert_tokenizer(lower="uncased" in name)
        tokenizer.save_pretrained(snapshot)
        config = _config(name, class_name)
        config.save_pretrained(snapshot)
        one = "transformer.ln_f.weight" if name == "gpt2" else "bert.embeddings.LayerNorm.weight"
        tensors = {one: torch.ones(config.hidden_size)}
        save_file(tensors, snapshot / "model.safetensors", metadata={"format": "pt"})


def _config(name: str, class_name: str) -> Any:
    from transformers import BertConfig, GPT2Config

    if name == "gpt2":
        return GPT2Config(architectures=[class_name])
    shapes = _LARGE if "large" in name else {}
    return BertConfig(vocab_size=_BERT_WORDS["uncased" in name], architectures=[class_name], **shapes)


@cache
def _words() -> tuple[str, ...]:
    """Words of the standard library's sources, the most frequent first."""
    counts: Counter[str] = Counter()
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        counts.update(re.findall(r"[A-Za-z]{2,16}", path.read_text(encoding="utf-8", errors="replace")))
    return tuple(word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _bert_tokenizer(*, lower: bool) -> Any:
    """WordPiece over frequent words, usual endings, and single characters, so that any English text is known."""
    from transformers import BertTokenizerFast

    letters = [letter for letter in string.printable if not letter.isspace()]
    words = [word.lower() for word in _words()] if lower else [*_words(), *(word.capitalize() for word in _words())]
    pieces = [*letters, *(f"##{letter}" for letter in letters), *(f"##{ending}" for ending in _ENDINGS.split()), *words]
    size = _BERT_WORDS[lower]
    new = iter(dict.fromkeys(pieces))
    # As in the real vocabularies, the first hundred are not used but for the special ones.
    vocabulary = [_SPECIAL.get(number) or f"[unused{number}]" for number in range(104)]
    vocabulary += [next(new, f"[unused{number}]") for number in range(104, size)]
    return BertTokenizerFast(vocab={word: number for number, word in enumerate(vocabulary)}, do_lower_case=lower)


def _gpt2_tokenizer() -> Any:
    """Bytes, and merges that make frequent words from their beginnings."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import GPT2TokenizerFast

    vocabulary = sorted(ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    present = set(vocabulary)
    for word in (piece for one in _words() for piece in (f"\u0120{one.lower()}", f"\u0120{one}", one)):
        for end in range(2, len(word) + 1):
            if word[:end] not in present and len(vocabulary) < _GPT2_WORDS - 1:
                present.add(word[:end])
                vocabulary.append(word[:end])
                merges.append((word[: end - 1], word[end - 1]))
    vocabulary += [f"<|unused{number}|>" for number in range(len(vocabulary), _GPT2_WORDS - 1)]
    vocabulary.append("<|endoftext|>")
    return GPT2TokenizerFast(vocab={word: number for number, word in enumerate(vocabulary)}, merges=merges)
