"""Supervised fine-tuning on a benchmark's training part, by trl's SFTTrainer; the loss covers the answers' tokens only.

This module loads torch and trl: import it where it is used.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import quiet


@dataclass(frozen=True, slots=True)
class SftOptions:
    """How a checkpoint is fine-tuned.

    Attributes:
        epochs: passes over the examples.
        batch: answers per optimizer step.
        learning_rate: peak learning rate, with cosine decay to 0.
        warmup: fraction of the steps over which it rises.
        weight_decay: of AdamW.
        max_length: tokens of prompt and answer; longer ones are truncated.
        lora: rank of the LoRA adapters that are trained and merged; 0 trains all weights.
        bf16: whether the model computes in bfloat16.
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
    seed: int = 0


def completion(item: Item) -> str:
    """The reference answer: the program, marked as in APIBench's training files. It contains the call."""
    return f" <<<code>>>: {item.reference_program}"


def examples(benchmark: Benchmark) -> list[dict[str, str]]:
    """Prompt and completion of each training item whose reference program parses.

    Raises:
        UsageError: the benchmark has no training items.
    """
    rows = [
        {"prompt": benchmark.prompt(item), "completion": completion(item)}
        for item in benchmark.train
        if _is_program(item.reference_program)
    ]
    if not rows:
        raise UsageError(f"{benchmark.name} has no items to train on")
    return rows


def _is_program(text: str) -> bool:
    try:
        return bool(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def train(base: str, rows: Sequence[dict[str, str]], out: Path, options: SftOptions) -> Path:
    """Fine-tunes a checkpoint and writes the result, which ``hf:FOLDER`` loads.

    Args:
        base: the checkpoint: a folder, or an id of the hub.
        rows: ``prompt`` and ``completion`` of each example.
        out: the folder to write.
        options: of the training.

    Raises:
        ModelError: the checkpoint cannot be used.
    """
    import transformers
    from datasets import disable_progress_bars
    from peft import PeftModel

    disable_progress_bars()
    checkpoint = find(base)
    transformers.set_seed(options.seed)
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint.folder, dtype="float32")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        trainer = _trainer(model, tokenizer, rows, out, options)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    trained = trainer.model
    if isinstance(trained, PeftModel):
        trained = trained.merge_and_unload()
    with quiet():
        trained.save_pretrained(out)
        tokenizer.save_pretrained(out)
    return out


def _trainer(model: Any, tokenizer: Any, rows: Sequence[dict[str, str]], out: Path, options: SftOptions) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(list(rows)),
        peft_config=LoraConfig(r=options.lora, task_type="CAUSAL_LM") if options.lora else None,
        args=SFTConfig(
            output_dir=str(out),
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch,
            learning_rate=options.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=options.warmup,
            weight_decay=options.weight_decay,
            max_length=options.max_length,
            bf16=options.bf16,
            use_cpu=not torch.cuda.is_available(),
            seed=options.seed,
            completion_only_loss=True,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            train_sampling_strategy="group_by_length",
            logging_strategy="no",
            dataloader_pin_memory=torch.cuda.is_available(),
        ),
    )
