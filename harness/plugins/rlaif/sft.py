"""Supervised fine-tuning on a benchmark's training part, by trl's SFTTrainer; the loss covers the answers' tokens only.

This module loads torch and trl: import it where it is used.
"""

import ast
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import context_of, quiet
from apigauge.harness.plugins.rlaif.options import LATER, check_above_zero, check_not_negative, check_share


@dataclass(frozen=True, slots=True)
class SftOptions:
    """How a checkpoint is fine-tuned.

    Attributes:
        epochs: passes over the examples.
        batch: answers per optimizer step.
        learning_rate: peak learning rate, with cosine decay to 0.
        warmup: fraction of the steps over which it rises.
        weight_decay: of AdamW.
        max_length: tokens of prompt and answer; longer examples are left out, since half a program teaches to write
            half programs.
        lora: rank of the LoRA adapters that are trained and merged; 0 trains all weights.
        bf16: whether the model computes in bfloat16.
        microbatch: answers per forward pass, limited by memory, whose gradients add up to those of a batch; None for
            the whole batch.
        gradient_checkpointing: whether only the inputs of layers are kept for the backward pass: slower, less memory.
        save_every: optimizer steps after which a killed training can resume; None starts it again.
        seed: of all random numbers.
    """

    epochs: int = 6
    batch: int = 16
    learning_rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    max_length: int = 512
    lora: int = 0
    bf16: bool = False
    microbatch: int | None = field(default=None, metadata=LATER)
    gradient_checkpointing: bool = field(default=False, metadata=LATER)
    save_every: int | None = field(default=None, metadata=LATER)
    seed: int = 0

    def __post_init__(self) -> None:
        check_above_zero(self, "epochs", "batch", "learning_rate", "max_length", "microbatch", "save_every")
        check_not_negative(self, "weight_decay", "lora")
        check_share(self, "warmup")
        if self.microbatch and self.batch % self.microbatch:
            raise UsageError(f"microbatch is {self.microbatch}: must divide batch, which is {self.batch}")


def completion(item: Item) -> str:
    """The reference answer: the program, marked as in APIBench's training files. It contains the call."""
    return f" <<<code>>>: {item.reference_program}"


def example_items(benchmark: Benchmark) -> list[Item]:
    """The training items whose reference program parses.

    Raises:
        UsageError: the benchmark has no training items.
    """
    items = [item for item in benchmark.train if _is_program(item.reference_program)]
    if not items:
        raise UsageError(f"{benchmark.name} has no items to train on")
    return items


def examples(items: Sequence[Item], prompts: Sequence[str]) -> list[dict[str, str]]:
    """Prompt and completion of each item."""
    return [{"prompt": prompt, "completion": completion(item)} for item, prompt in zip(items, prompts, strict=True)]


def _is_program(text: str) -> bool:
    try:
        return bool(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def train(
    base: str,
    rows: Sequence[dict[str, str]],
    out: Path,
    options: SftOptions,
    *,
    is_chat: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Fine-tunes a checkpoint and writes the result, which ``hf:FOLDER`` loads.

    With ``save_every``, a killed call is resumed by the same one and ends with the same weights; ``losses.jsonl`` in
    the folder then has the loss, a mean over the answers' tokens since the row before.

    Args:
        base: the checkpoint: a folder, or an id of the hub.
        rows: ``prompt`` and ``completion`` of each example.
        out: the folder to write.
        options: of the training.
        is_chat: whether the prompts come from a chat template, so that they contain the special tokens already.
        say: reports progress, with ``save_every``.

    Raises:
        UsageError: no example fits ``max_length`` and the model's context.
        ModelError: the checkpoint cannot be used.
    """
    import transformers
    from datasets import disable_progress_bars
    from peft import PeftModel

    from apigauge.harness.plugins.rlaif.sft_progress import Progress

    disable_progress_bars()
    checkpoint = find(base)
    transformers.set_seed(options.seed)
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint.folder, dtype="float32")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        learnt, lengths = _fitting(tokenizer, rows, _longest(model, options), is_chat=is_chat)
        progress = Progress(out, say) if options.save_every else None
        last = progress.last() if progress else None
        trainer = _trainer(model, tokenizer, learnt, lengths, out, options, progress)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    trained = trainer.model
    if isinstance(trained, PeftModel):
        trained = trained.merge_and_unload()
    with quiet():
        trained.save_pretrained(out)
        tokenizer.save_pretrained(out)
    if progress:
        progress.close()
    return out


def _longest(model: Any, options: SftOptions) -> int:
    context = context_of(model)
    return options.max_length if context is None else min(options.max_length, context)


def _fitting(
    tokenizer: Any, rows: Sequence[dict[str, str]], longest: int, *, is_chat: bool
) -> tuple[list[dict[str, Any]], list[int]]:
    """The examples that fit, as trl takes them, and the number of tokens of each.

    Raises:
        UsageError: none fits.
    """
    examples: list[dict[str, Any]] = tokenized(tokenizer, rows) if is_chat else list(rows)
    texts = [row["prompt"] + row["completion"] for row in rows]
    # An end-of-text token comes behind each.
    lengths = (
        [len(row["input_ids"]) for row in examples]
        if is_chat
        else [len(ids) + 1 for ids in tokenizer(texts)["input_ids"]]
    )
    fitting = [at for at, length in enumerate(lengths) if length <= longest]
    if not fitting:
        raise UsageError(f"each of the {len(rows)} examples has more than {longest} tokens: raise max_length in [sft]")
    if left := len(rows) - len(fitting):
        logging.getLogger(__name__).warning(
            "%d of %d examples have more than %d tokens: they are not learnt", left, len(rows), longest
        )
    return [examples[at] for at in fitting], [lengths[at] for at in fitting]


def tokenized(tokenizer: Any, rows: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """Chat prompts and completions as ``input_ids`` and ``completion_mask``.

    trl would add special tokens a second time, or render the answer by the template, which may write more around it
    than the model sees when it is scored.
    """
    examples = []
    for row in rows:
        prompt, answer = (tokenizer(row[name], add_special_tokens=False)["input_ids"] for name in row)
        answer = [*answer, tokenizer.eos_token_id]
        examples.append({"input_ids": prompt + answer, "completion_mask": [0] * len(prompt) + [1] * len(answer)})
    return examples


def _trainer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    lengths: Sequence[int],
    out: Path,
    options: SftOptions,
    progress: Any,
) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from apigauge.harness.plugins.rlaif.sft_progress import ordered

    data, microbatch = Dataset.from_list(list(rows)), options.microbatch or options.batch
    order: dict[str, Any] = {
        "output_dir": str(out),
        "num_train_epochs": options.epochs,
        "train_sampling_strategy": "group_by_length",
        "save_strategy": "no",
        "logging_strategy": "no",
    }
    if progress:
        data = data.select(ordered(lengths, options.epochs, options.batch, options.seed))
        order = {
            "output_dir": str(progress.work),
            "num_train_epochs": 1,
            "train_sampling_strategy": "sequential",
            "save_strategy": "steps",
            "save_steps": options.save_every,
            "logging_strategy": "steps",
            "logging_steps": options.save_every,
        }
    return SFTTrainer(
        model=model,
        processing_class=tokenizer,
        callbacks=[progress] if progress else None,
        train_dataset=data,
        peft_config=LoraConfig(r=options.lora, task_type="CAUSAL_LM") if options.lora else None,
        args=SFTConfig(
            **order,
            per_device_train_batch_size=microbatch,
            gradient_accumulation_steps=options.batch // microbatch,
            learning_rate=options.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=options.warmup,
            weight_decay=options.weight_decay,
            max_length=options.max_length,
            bf16=options.bf16,
            use_cpu=not torch.cuda.is_available(),
            seed=options.seed,
            completion_only_loss=True,
            gradient_checkpointing=options.gradient_checkpointing,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
        ),
    )
