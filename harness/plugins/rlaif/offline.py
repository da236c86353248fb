"""What DPO and rejection sampling learn from: pairs of answers, or the best ones, as trl's trainers take them.

This module loads torch: import it where it is used.
"""

from collections.abc import Sequence
from typing import Any

import torch

from apigauge.harness.generation.tokens import Tokenized
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair
from apigauge.harness.plugins.rlaif.policy import Policy


def dpo(policy: Policy, pairs: Sequence[Pair], callback: Any, options: TrainOptions, shared: dict[str, Any]) -> Any:
    """The trainer of DPO.

    Args:
        policy: that is trained.
        pairs: preferences.
        callback: of the training.
        options: of the training.
        shared: arguments of all of trl's trainers.
    """
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class TokenTrainer(DPOTrainer):  # type: ignore[misc] # trl has no types
        """Uses the tokens as they are. trl's tokenization would end truncated answers, and join them with prompts."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    prompts = policy.encode([pair.chosen.prompt for pair in pairs], chat=options.chat)
    rows = [_row(policy, prompt, pair) for prompt, pair in zip(prompts, pairs, strict=True)]
    return TokenTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        callbacks=[callback],
        train_dataset=Dataset.from_list(rows).select(_batches(len(rows), options)),
        args=DPOConfig(
            **shared,
            beta=options.kl_coefficient,
            max_length=None,
            train_sampling_strategy="sequential",
        ),
    )


def best_of_n(
    policy: Policy, answers: Sequence[Labelled], callback: Any, options: TrainOptions, shared: dict[str, Any]
) -> Any:
    """The trainer of rejection sampling: supervised training on drawn answers, with the loss over their own tokens.

    Touvron et al., "Llama 2" (2023), arXiv 2307.09288, section 3.2.3. Arguments as for :func:`dpo`.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.utils import disable_dropout_in_model

    disable_dropout_in_model(policy.model)
    prompts = policy.encode([one.prompt for one in answers], chat=options.chat)
    rows = []
    for prompt, one in zip(prompts, answers, strict=True):
        ids = policy.encode_answer(prompt, one.text, ended=one.ended)
        rows.append({"input_ids": prompt.ids + ids, "completion_mask": [0] * len(prompt.ids) + [1] * len(ids)})
    return SFTTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        callbacks=[callback],
        train_dataset=Dataset.from_list(rows).select(_batches(len(rows), options)),
        args=SFTConfig(
            **{name: value for name, value in shared.items() if name != "disable_dropout"},
            max_length=None,
            completion_only_loss=True,
            train_sampling_strategy="sequential",
        ),
    )


def _batches(count: int, o: TrainOptions) -> list[int]:
    """What each optimizer step learns from: each training step has its batch, once shuffled for each epoch."""
    draws = torch.Generator().manual_seed(o.seed)
    order: list[int] = []
    for chosen in torch.split(torch.tensor(shuffled_passes(count, o.steps * o.batch, draws)), o.batch):
        for _ in range(o.epochs):
            order += chosen[torch.randperm(o.batch, generator=draws)].tolist()
    return order


def _row(policy: Policy, prompt: Tokenized, pair: Pair) -> dict[str, list[int]]:
    """A pair as trl's DPO trainer expects it."""
    sides = {"chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
    answers = {name: policy.encode_answer(prompt, one.text, ended=one.ended) for name, one in sides.items()}
    return {"prompt_ids": prompt.ids, **answers}


def shuffled_passes(count: int, length: int, draws: torch.Generator) -> list[int]:
    """``length`` of the numbers below ``count``, in shuffled passes over all of them."""
    order: list[int] = []
    while len(order) < length:
        order += torch.randperm(count, generator=draws).tolist()
    return order[:length]
