"""The reward model: a checkpoint that says how good an answer is, learnt from which of two was labelled better.

Kept on purpose:

- A reward is read at the answer's last token, in learning and in use. No token that ends an answer is put behind it: an
  answer that was cut has none, and the text does not tell. The padding stands behind, so no token sees it.
- What does not fit the model's context is left out at the beginning, of the prompt.
- The folder is there whole or not at all: it is written under a hidden name and then renamed.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.checkpoint import Checkpoint, find
from apigauge.harness.generation.hf import context_of, quiet
from apigauge.harness.generation.tokens import CheckpointTokenizer
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair, capped, paired, split
from apigauge.harness.plugins.rlaif.reward_report import judged
from apigauge.harness.plugins.rlaif.score import Score

REPORT = "report.json"
_MANIFEST = "training.json"
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Options:
    """How a reward model is trained; together with base and answers it decides the weights.

    Attributes:
        epochs: times that each pair is learnt from.
        batch: pairs to one step of the optimizer.
        learning_rate: its peak, from which it falls in a line to 0.
        warmup: the part of the steps over which it rises.
        margin: what the reward of an answer shall be greater per point of its score; 0 asks for the order alone.
        pairs_per_prompt: the most that are learnt from; None for all.
        held_out: the part of the prompts whose pairs judge the model.
        bf16: whether the model computes in bfloat16; its weights stay in float32.
        device: ``auto`` (a GPU if there is one) or ``cpu``.
        seed: of everything that is drawn.
    """

    epochs: int = 1
    batch: int = 16
    learning_rate: float = 1e-4
    warmup: float = 0.1
    margin: float = 1 / 8
    pairs_per_prompt: int | None = 4
    held_out: float = 0.1
    bf16: bool = False
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "pairs_per_prompt"):
            if (given := getattr(self, name)) is not None and given <= 0:
                raise UsageError(f"{name} is {given}: must be above 0")
        if not 0 < self.held_out < 1 or not 0 <= self.warmup < 1 or self.margin < 0:
            raise UsageError(
                f"held_out is {self.held_out}, warmup {self.warmup} and margin {self.margin}: the first two must be "
                "below 1, none below 0, and something must be held out"
            )
        if self.device not in ("auto", "cpu"):
            raise UsageError(f"device is {self.device}: give auto or cpu")


class RewardModel:
    """A trained one.

    Args:
        folder: as :func:`train` wrote it.
        device: ``auto`` (a GPU if there is one), ``cpu``, ...

    Raises:
        ModelError: it is no reward model, or cannot be loaded.
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        import torch

        checkpoint = find(str(folder))
        kinds = checkpoint.config().get("architectures") or []
        if not all(kind.endswith("ForSequenceClassification") for kind in kinds):
            raise ModelError(f"{folder} is {', '.join(kinds)} and no reward model; train one from it")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model, self._tokenizer = _load(checkpoint)
        self._model = model.to(device).eval()

    def score(self, answers: Sequence[tuple[str, str]]) -> list[float]:
        """The rewards of pairs of a prompt and an answer; but for rounding, one does not depend on the others."""
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
                found = self._model(padded.to(self._model.device), attention_mask=mask.to(self._model.device)).logits
            for row, reward in zip(rows, found[:, 0].tolist(), strict=True):
                rewards[row] = reward
        return rewards


def reward_function(folder: Path, prompts: Sequence[str], device: str = "auto") -> Score:
    """What PPO raises: a reward model's word on answers, each with the number of its prompt."""
    model = RewardModel(folder, device)
    return lambda asked: model.score([(prompts[number], text) for number, text in asked])


def train(base: str, answers: Sequence[Labelled], out: Path, options: Options) -> dict[str, Any]:
    """Trains a reward model and judges it by answers to other prompts; returns what is in ``report.json``.

    Called again with the same arguments, it finds its work done. Killed, it leaves nothing half made.

    Args:
        base: the checkpoint to begin with: a folder, or an id of the hub.
        answers: labelled, in an order that does not matter.
        out: the folder for the reward model and ``report.json``.
        options: how.

    Raises:
        UsageError: as the options say.
        ModelError: the checkpoint cannot be used, or learning diverged.
        RunError: the folder holds something else, another process is at it, or there is nothing to learn.
    """
    checkpoint = find(base)
    manifest = {"base": checkpoint.describe(), "answers_sha256": _digest(answers), "options": asdict(options)}
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


def _train(base: Checkpoint, answers: Sequence[Labelled], folder: Path, options: Options) -> dict[str, Any]:
    pairs, ties = paired(answers)
    learnt, held_out = split(pairs, options.held_out, options.seed)
    learnt = capped(learnt, options.pairs_per_prompt, options.seed)
    _fit(base, learnt, folder, options)
    prompts = {pair.chosen.prompt for pair in held_out}
    held = sorted((one for one in answers if one.prompt in prompts), key=lambda one: (one.item, one.sample))
    rewards = RewardModel(folder, options.device).score([(one.prompt, one.text) for one in held])
    if not all(map(math.isfinite, rewards)):
        raise ModelError("the reward model diverged: its rewards are no numbers; lower learning_rate")
    return {
        "answers": len(answers),
        "unlabelled": sum(one.score is None for one in answers),
        "pairs": len(pairs),
        "ties": ties,
        "learnt_pairs": len(learnt),
        "held_out": {"prompts": len(prompts), "answers": len(held), "pairs": len(held_out)},
        **judged(held, rewards, held_out),
    }


def _fit(base: Checkpoint, pairs: Sequence[Pair], folder: Path, options: Options) -> None:
    """Writes the weights that have learnt the pairs.

    trl's loss is -log sigmoid(r_chosen - r_rejected - margin): Touvron et al., "Llama 2" (2023), arXiv 2307.09288,
    equation 2.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(options.seed)  # the head is drawn
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
                per_device_train_batch_size=options.batch,
                learning_rate=options.learning_rate,
                warmup_steps=options.warmup,
                seed=options.seed,
                bf16=options.bf16,
                use_cpu=options.device == "cpu" or not torch.cuda.is_available(),
                disable_dropout=True,
                gradient_checkpointing=False,
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
    """A checkpoint as a model with one output, whose head is drawn if there is none, and its tokenizer."""
    from transformers import AutoModelForSequenceClassification

    with quiet():
        tokenizer = CheckpointTokenizer(checkpoint).tokenizer
        tokenizer.truncation_side = "left"
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        if tokenizer.pad_token is None:
            raise ModelError(
                f"{checkpoint.name}: its tokenizer has neither a token to pad with nor one that ends a text"
            )
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                checkpoint.folder, num_labels=1, dtype="float32", local_files_only=True
            )
        except Exception as error:  # damaged files make the libraries raise what they like
            raise ModelError(f"{checkpoint.name} cannot be a reward model: {error}") from error
    # Without it the model does not know where a text ends.
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def _encode(tokenizer: Any, context: int | None, answers: Sequence[tuple[str, str]]) -> list[list[int]]:
    if not answers:
        return []
    texts = [prompt + text for prompt, text in answers]
    encoded: list[list[int]] = tokenizer(texts, truncation=context is not None, max_length=context)["input_ids"]
    return encoded


def _digest(answers: Sequence[Labelled]) -> str:
    rows = sorted((asdict(one) for one in answers), key=lambda row: (row["item"], row["sample"]))
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
