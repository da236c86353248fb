"""A new model to start from: a small GPT-2 with random weights and a tokenizer learnt from the training texts.

This module loads torch: import it where it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apigauge.benchmarks.mini.vectors import END, learn_tokenizer
from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif.options import check_above_zero, check_share


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a new model.

    Attributes:
        vocabulary: number of tokens.
        layers: number of layers.
        width: of the hidden states.
        heads: attention heads of a layer.
        context: longest sequence in tokens.
        dropout: probability, for embeddings, attention and residuals.
    """

    vocabulary: int = 2048
    layers: int = 4
    width: int = 256
    heads: int = 4
    context: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_above_zero(self, "vocabulary", "layers", "width", "heads", "context")
        check_share(self, "dropout")
        if self.width % self.heads:
            raise UsageError(f"width is {self.width}: must be a multiple of heads, {self.heads}")


def create(texts: Sequence[str], folder: Path, shape: Shape, seed: int) -> Path:
    """Writes the checkpoint to a folder; it depends only on texts, shape and seed."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learn_tokenizer((), texts, shape.vocabulary), eos_token=END, pad_token=END
    )
    end = tokenizer.convert_tokens_to_ids(END)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=shape.context,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        resid_pdrop=shape.dropout,
        embd_pdrop=shape.dropout,
        attn_pdrop=shape.dropout,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
