"""The models that the documentation of huggingface/transformers on the Torch Hub loads, in the cache's own layout."""

import hashlib
import string
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
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SHAPES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def build(cache: Path) -> None:
    """Writes every model into an empty cache."""
    import torch
    import transformers

    for name, class_name in sorted(MODELS.items()):
        folder = cache / f"models--{name}"
        revision = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(revision, encoding="utf-8")
        snapshot = folder / "snapshots" / revision
        snapshot.mkdir(parents=True)
        tokenizer = _gpt2_tokenizer() if name == "gpt2" else _bert_tokenizer(lower="uncased" in name)
        tokenizer.save_pretrained(snapshot)
        torch.manual_seed(0)
        getattr(transformers, class_name)(_config(name, len(tokenizer))).save_pretrained(snapshot)


def _config(name: str, words: int) -> Any:
    from transformers import BertConfig, GPT2Config

    if name == "gpt2":
        return GPT2Config(
            vocab_size=words, n_embd=32, n_layer=2, n_head=2, bos_token_id=words - 1, eos_token_id=words - 1
        )
    return BertConfig(vocab_size=words, architectures=[MODELS[name]], **_SHAPES)


def _bert_tokenizer(*, lower: bool) -> Any:
    """WordPiece over single characters, so that any English text is known."""
    from transformers import BertTokenizerFast

    letters = [letter for letter in string.printable if not letter.isspace()]
    words = [*_SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}, do_lower_case=lower)


def _gpt2_tokenizer() -> Any:
    """Bytes and no merges."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import GPT2TokenizerFast

    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>"]
    return GPT2TokenizerFast(vocab={word: number for number, word in enumerate(words)}, merges=[])
