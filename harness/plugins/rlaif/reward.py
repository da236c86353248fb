"""The reward model: a checkpoint that scores answers, trained on pairs of which one was labelled better.

Invariants:

- A reward is read at the answer's last token, in training and in use. No end-of-text token is appended: a truncated
  answer has none, and the text does not show which answers were truncated. Padding is on the right, so no token
  attends to it.
- Prompts that do not fit the model's context are truncated on the left.
- The folder is written atomically: under a hidden name, then renamed.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.checkpoint import Checkpoint, find
from apigauge.harness.generation.hf import context_of, quiet
from apigauge.harness.generation.tokens import CheckpointTokenizer
from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.options import LATER, identity
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair, capped, paired, split
from apigauge.harness.plugins.rlaif.reward_report import evaluation
from apigauge.harness.plugins.rlaif.score import Score

REPORT = "report.json"
_MANIFEST = "training.json"
_BATCH = 32


@dataclass(frozen=True, slots=True)
class RewardOptions:
    """How a reward model is trained; together with base and answers the options decide the weights.

    Attributes:
        epochs: passes over the pairs.
        batch: pairs per optimizer step.
        learning_rate: peak learning rate; it decays linearly to 0.
        warmup: fraction of the steps over which it rises.
        margin: required difference of rewards per point of score; 0 requires the order only.
        pairs_per_prompt: most pairs of a prompt that are learnt from; None for all.
        held_out: fraction of the prompts whose pairs evaluate the model.
        bf16: whether the model computes in bfloat16; its weights stay float32.
        microbatch: pairs per forward pass, limited by memory; None for a whole batch.
        gradient_checkpointing: whether only the inputs of layers are kept for the backward pass: slower, less memory.
        device: ``auto`` (a GPU if there is one) or ``cpu``.
        seed: of all random numbers.
    """

    epochs: int = 1
    batch: int = 16
    learning_rate: float = 1e-4
    warmup: float = 0.1
    margin: float = 1 / 8
    pairs_per_prompt: int | None = 4
    held_out: float = 0.1
    bf16: bool = False
    microbatch: int | None = field(default=None, metadata=LATER)
    gradient_checkpointing: bool = field(default=False, metadata=LATER)
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "pairs_per_prompt", "microbatch"):
            if (value := getattr(self, name)) is not None and value <= 0:
                raise UsageError(f"{name} is {value}: must be above 0")
        if not 0 < self.held_out < 1 or not 0 <= self.warmup < 1 or self.margin < 0:
            raise UsageError(
                f"held_out is {self.held_out}, warmup {self.warmup} and margin {self.margin}: the first two must be "
                "below 1, none below 0, and held_out above 0"
            )
        if self.microbatch and self.batch % self.microbatch:
            raise UsageError(f"microbatch is {self.microbatch}: must divide batch, which is {self.batch}")
        if self.device not in ("auto", "cpu"):
            raise UsageError(f"device is {self.device}: give auto or cpu")


class RewardModel:
    """A trained reward model.

    Args:
        folder: as :func:`train` wrote it.
        device: ``auto`` (a GPU if there is one), ``cpu``, ...

    Raises:
        ModelError: the folder holds no reward model, or it cannot be loaded.
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        import torch

        checkpoint = find(str(folder))
        kinds = checkpoint.config().get("architectures") or []
        if not all(kind.endswith("ForSequenceClassification") for kind in kinds):
            raise ModelError(f"{folder} is {', '.join(kinds)}, not a reward model; train one from it")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model, self._tokenizer = _load(checkpoint)
        self._model = model.to(device).eval()

    def score(self, answers: Sequence[tuple[str, str]]) -> list[float]:
        """The rewards of (prompt, answer) pairs; up to rounding, each is independent of the others."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        ids = [torch.tensor(one) for one in _encode(self._tokenizer, context_of(self._model), answers)]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        rewards = [0.0] * len(ids)
        for at in range(0, len(ids), _BATCH):
            rows = order[at : at + _BATCH]
            padded = pad_sequence([ids[row] for row in rows], True, self._tokenizer.pad_token_id)
            mask = pad_sequence([torch.ones_like(ids[row]) for row in rows], True)
            with torch.inference_mode():
                logits = self._model(padded.to(self._model.device), attention_mask=mask.to(self._model.device)).logits
            for row, reward in zip(rows, logits[:, 0].tolist(), strict=True):
                rewards[row] = reward
        return rewards


def reward_function(folder: Path, prompts: Sequence[str], device: str = "auto") -> Score:
    """The score function of a reward model, for answers given with the number of their prompt."""
    model = RewardModel(folder, device)
    return lambda answers: model.score([(prompts[number], text) for number, text in answers])


def train(base: str, answers: Sequence[Labelled], out: Path, options: RewardOptions) -> dict[str, Any]:
    """Trains a reward model and evaluates it on held-out prompts; returns the contents of ``report.json``.

    Called again with the same arguments, it returns the stored report. Killed, it leaves no partial result.

    Args:
        base: the checkpoint to start from: a folder, or an id of the hub.
        answers: labelled answers, in any order.
        out: the folder for the reward model and ``report.json``.
        options: of the training.

    Raises:
        ModelError: the checkpoint cannot be used, or training diverged.
        RunError: the folder holds another reward model, another process is working on it, or there are too few pairs.
    """
    checkpoint = find(base)
    rows = sorted((asdict(answer) for answer in answers), key=lambda row: (row["item"], row["sample"]))
    manifest = {
        "base": checkpoint.describe(),
        "answers_sha256": json_digest(rows, sort_keys=True),
        "options": identity(options),
    }
    if out.exists():
        if different := run_directory.differences(run_directory.read_json(out / _MANIFEST), manifest):
            what = "; ".join(f"{name} was {old!r} and is {new!r}" for name, old, new in different)
            raise RunError(f"{out}: holds another reward model ({what}); delete it or choose another folder")
        return run_directory.read_json(out / REPORT)
    temporary = out.with_name(f".{out.name}.tmp")
    with run_directory.writing(temporary):
        for torn in temporary.glob("[!.]*"):
            torn.unlink()
        report = _train(checkpoint, answers, temporary, options)
        run_directory.write_json(temporary / REPORT, report)
        run_directory.write_json(temporary / _MANIFEST, manifest)
        temporary.rename(out)
    return report


def _train(base: Checkpoint, answers: Sequence[Labelled], folder: Path, options: RewardOptions) -> dict[str, Any]:
    pairs, ties = paired(answers)
    learnt, held_out = split(pairs, options.held_out, options.seed)
    learnt = capped(learnt, options.pairs_per_prompt, options.seed)
    _fit(base, learnt, folder, options)
    prompts = {pair.chosen.prompt for pair in held_out}
    held = sorted((one for one in answers if one.prompt in prompts), key=lambda one: (one.item, one.sample))
    rewards = RewardModel(folder, options.device).score([(one.prompt, one.text) for one in held])
    if not all(map(math.isfinite, rewards)):
        raise ModelError("the reward model diverged: its rewards are not finite; lower learning_rate")
    return {
        "answers": len(answers),
        "unlabelled": sum(one.score is None for one in answers),
        "pairs": len(pairs),
        "ties": ties,
        "learnt_pairs": len(learnt),
        "held_out": {"prompts": len(prompts), "answers": len(held), "pairs": len(held_out)},
        **evaluation(held, rewards, held_out),
    }


def _fit(base: Checkpoint, pairs: Sequence[Pair], folder: Path, options: RewardOptions) -> None:
    """Trains on the pairs and writes the weights.

    trl's loss is -log sigmoid(r_chosen - r_rejected - margin): Touvron et al., "Llama 2" (2023), arXiv 2307.09288,
    equation 2.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(options.seed)  # the head is initialised at random
    model, tokenizer = _load(base)
    sides = ([(one.prompt, one.text) for one in side] for side in zip(*(pair[:2] for pair in pairs), strict=True))
    chosen, rejected = (_encode(tokenizer, context_of(model), side) for side in sides)
    margins = [options.margin * pair.margin for pair in pairs]
    with quiet():
        trainer = RewardTrainer(
            model,
            RewardConfig(
                output_dir=str(folder),
                num_train_epochs=options.epochs,
                per_device_train_batch_size=options.microbatch or options.batch,
                gradient_accumulation_steps=options.batch // (options.microbatch or options.batch),
                learning_rate=options.learning_rate,
                warmup_steps=options.warmup,
                seed=options.seed,
                bf16=options.bf16,
                use_cpu=options.device == "cpu" or not torch.cuda.is_available(),
                disable_dropout=True,
                gradient_checkpointing=options.gradient_checkpointing,
                max_length=None,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=torch.cuda.is_available(),
            ),
            train_dataset=Dataset.from_dict({"chosen_ids": chosen, "rejected_ids": rejected, "margin": margins}),
            processing_class=tokenizer,
        )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _load(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """A checkpoint as a model with one output (a new head is random), and its tokenizer."""
    from transformers import AutoModelForSequenceClassification

    with quiet():
        tokenizer = CheckpointTokenizer(checkpoint).tokenizer
        tokenizer.truncation_side = "left"
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        if tokenizer.pad_token is None:
            raise ModelError(f"{checkpoint.name}: its tokenizer has neither a padding token nor an end-of-text token")
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                checkpoint.folder, num_labels=1, dtype="float32", local_files_only=True
            )
        except Exception as error:  # damaged files make the libraries raise errors of any type
            raise ModelError(f"{checkpoint.name} cannot be a reward model: {error}") from error
    # The model needs it to find the last token of a text.
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def _encode(tokenizer: Any, context: int | None, answers: Sequence[tuple[str, str]]) -> list[list[int]]:
    if not answers:
        return []
    texts = [prompt + text for prompt, text in answers]
    encoded: list[list[int]] = tokenizer(texts, truncation=context is not None, max_length=context)["input_ids"]
    return encoded
