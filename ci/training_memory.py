"""Prints how much memory and time a step of PPO takes, from a model's shape alone: ``python ci/training_memory.py``.

The models are built on torch's ``meta`` device, which has shapes and no numbers, so no GPU and no weights are needed.
What a backward pass keeps is counted by running the forward pass of learning, tensor by tensor, in float32; bfloat16
keeps less. The time is a bound from arithmetic alone: two operations a parameter and token to read, four more to learn.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.autograd.graph import saved_tensors_hooks

from apigauge.harness.plugins.rlaif import recipe
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import recomputed_layers

GIB = 2**30
# Tokens of a prompt: what APIBench's have at most in 95 % of cases, by these models' tokenizers, without a document.
PROMPT = 100
# Bytes of a weight in float32, of its gradient, and of Adam's two averages.
WEIGHT, ADAM = 4, 8


def shapes() -> dict[str, tuple[Callable[[], Any], TrainOptions]]:
    """Each recipe's model, built on meta, and its options."""
    large = transformers.GPT2Config(n_embd=1280, n_layer=36, n_head=20)
    small = transformers.LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, tie_word_embeddings=True, max_position_embeddings=8192,
    )  # fmt: skip
    kinds = {"gpt2-large": large, "torchhub-smollm2": small}
    return {
        name: (lambda config=config: _empty(config), recipe.read(Path(name)).train) for name, config in kinds.items()
    }


def _empty(config: Any) -> Any:
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config).eval()


def kept(model: Any, rows: int, answer: int, *, checkpointing: bool = False) -> int:
    """Bytes that a forward pass of learning keeps for its backward pass, weights not counted.

    Args:
        model: on meta.
        rows: answers in a microbatch.
        answer: tokens of each.
        checkpointing: whether layers are computed again.
    """
    sizes: dict[int, int] = {}
    weights = {one.untyped_storage()._cdata for one in model.parameters()}  # noqa: SLF001 - meta tensors have no address

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:  # noqa: SLF001
            sizes[storage._cdata] = storage.nbytes()  # noqa: SLF001
            alive.append(storage)
        return tensor

    alive: list[Any] = []
    if checkpointing:
        for layer in recomputed_layers(model):
            layer.training = True
    length = PROMPT + answer
    ids = torch.zeros(rows, length, dtype=torch.long, device="meta")
    # A mask of all dimensions: transformers would look at the numbers of a shorter one.
    mask = torch.zeros(rows, 1, length, length, dtype=torch.bool, device="meta")
    with saved_tensors_hooks(count, lambda tensor: tensor):
        output = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=answer + 1)
        logits = output.logits[:, :-1].float()
        log_p = torch.log_softmax(logits, dim=-1)
        loss = log_p.gather(-1, ids[:, PROMPT:].unsqueeze(-1)).sum()
    model.eval()
    assert loss.requires_grad
    return sum(sizes.values())


def row(name: str) -> list[str]:
    """A row of the table, by :data:`HEADER`."""
    build, o = shapes()[name]
    model = build()
    count = sum(one.numel() for one in model.parameters())
    rest = count * (2 * WEIGHT + ADAM)
    learning = [
        rest + count * WEIGHT + kept(model, o.microbatch, o.max_new_tokens, checkpointing=again)
        for again in (False, True)
    ]
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = heads * (config.hidden_size // config.num_attention_heads)
    cache = 2 * config.num_hidden_layers * width * WEIGHT * (o.draw_batch or o.batch) * (PROMPT + o.max_new_tokens)
    drawing = rest + cache
    tokens = o.batch * (PROMPT + o.max_new_tokens)
    work = count * tokens * (2 + 2 * 2 + 6 * o.epochs)
    return [
        f"`{name}`",
        f"{count / 1e6:.0f} M",
        *(f"{size / GIB:.1f}" for size in (rest, *learning, drawing)),
        f"{work / 1e12:,.0f}",
        f"{work * o.steps / 1e15:,.1f}",
    ]


HEADER = [
    "recipe", "parameters", "at rest", "learning", "with `gradient_checkpointing`", "drawing", "TFLOP a step",
    "PFLOP in all",
]  # fmt: skip


def table() -> str:
    """The table in Markdown; memory in GiB."""
    lines = [HEADER, ["---"] * len(HEADER), *map(row, shapes())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table())
