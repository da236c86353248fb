"""The table of memory in the documentation is the script's, and the script counts what a step really keeps."""

from pathlib import Path

import torch
import transformers
from torch.autograd.graph import saved_tensors_hooks

from ci import training_memory

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "train.md"


def small(device):
    config = transformers.GPT2Config(n_embd=64, n_layer=4, n_head=2, vocab_size=500)
    with torch.device(device):
        return transformers.AutoModelForCausalLM.from_config(config).eval()


def test_the_documentation_has_the_table():
    assert training_memory.table() in PAGE.read_text(encoding="utf-8")


def test_what_is_counted_on_meta_is_what_a_model_with_numbers_keeps():
    answer, model = 20, small("cpu")
    ids = torch.zeros(3, training_memory.PROMPT + answer, dtype=torch.long)
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    alive = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            alive[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        mask = torch.ones(3, ids.shape[1], dtype=torch.long)
        mask[0, :5] = 0  # padding, as in a batch of answers
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=answer + 1).logits[:, :-1]
        torch.log_softmax(logits.float(), dim=-1).gather(-1, ids[:, training_memory.PROMPT :].unsqueeze(-1)).sum()
    real = sum(storage.nbytes() for storage in alive.values())
    counted = training_memory.kept(small("meta"), 3, answer)
    assert abs(counted - real) / real < 0.2, (counted, real)


def test_recomputed_layers_keep_their_inputs_only():
    whole = training_memory.kept(small("meta"), 3, 20)
    assert training_memory.kept(small("meta"), 3, 20, checkpointing=True) < whole / 2
