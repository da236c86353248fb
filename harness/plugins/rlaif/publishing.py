"""A trained checkpoint as a folder for a hub: weights, tokenizer, and a model card with what was measured."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apigauge.errors import ModelError, RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.plugins.rlaif import checkpoints
from apigauge.harness.plugins.rlaif.pretrained import PRETRAINED
from apigauge.harness.plugins.rlaif.recipe import Recipe

# What a training resumes from, and what is about the training of the start.
_LEFT_OUT = {
    "optimizer.pt", "progress.json", "README.md", "rng_state.pth", "scheduler.pt", "trainer.pt", "trainer_state.json",
    "training_args.bin",
}  # fmt: skip
_CARD = """---
{data}
---
# {name}

{base}, fine-tuned on the training part of the benchmark {benchmark}, then trained by {algorithm} with AI feedback of
the labeler `{labeler}` (seed {seed}, {steps} steps), after arXiv 2406.20060, with apigauge.

Answers to a question with one Python program that calls an API. {form}

## Measured

{results}

## Limits

The model names APIs of one benchmark's catalogue, of the time that it was made. Programs that it writes are to be run
in a sandbox only. A labeler's yes is not correctness: compare `ast.exact` before and after.

## Settings

```json
{recipe}
```
"""


def write(training: Recipe, seed: int, folder: Path) -> Path:
    """Writes a recipe's last checkpoint with its model card into a new folder, which ``hf:FOLDER`` loads.

    Args:
        training: the recipe, which has been run for the seed.
        seed: of the checkpoint.
        folder: to write.

    Raises:
        RunError: there is no checkpoint, or the folder exists.
    """
    checkpoint = checkpoints.last(training.out / f"seed-{seed}" / f"train{training.suffix}" / checkpoints.FOLDER)
    if checkpoint is None:
        raise RunError(f"{training.out}: has no trained checkpoint of seed {seed}; run the recipe first")
    if folder.exists():
        raise RunError(f"{folder}: exists already; name a new folder")
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for path in sorted(checkpoint.iterdir()):
        if path.is_file() and path.name not in _LEFT_OUT:
            shutil.copy2(path, temporary)
    card = model_card(training, seed, folder.name, int(checkpoint.name.removeprefix("step-")))
    (temporary / "README.md").write_text(card, encoding="utf-8")
    temporary.rename(folder)
    return folder


def model_card(training: Recipe, seed: int, name: str, steps: int) -> str:
    """The model card: what the checkpoint is, and the report's figures if there is a report."""
    from huggingface_hub import ModelCardData

    base = PRETRAINED.get(training.model)
    data = ModelCardData(
        base_model=base.base if base else training.model or None,
        license=base.licence if base else None,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["apigauge", "code", "rlaif", training.algorithm],
    )
    path = training.out / f"report{training.suffix}" / run_directory.SUMMARY
    summary = run_directory.read_json(path) if path.exists() else {}
    table = json.loads(json.dumps(asdict(training) | {"seeds": [seed], "out": training.out.name}, default=str))
    return _CARD.format(
        data=data.to_yaml(),
        name=name,
        base=base.base if base else training.model or "A new GPT-2",
        benchmark=training.benchmark,
        algorithm=training.algorithm.upper(),
        labeler=training.labeler,
        seed=seed,
        steps=steps,
        form=_form(training),
        results=_results(summary),
        recipe=json.dumps(table, indent=2),
    )


def _form(training: Recipe) -> str:
    if training.retriever == "none":
        return "The question stands alone in the prompt."
    return f"Behind the question the prompt has what the retriever `{training.retriever}` finds in the catalogue."


def _results(summary: Mapping[str, Any]) -> str:
    if not summary:
        return "There is no report yet: `apigauge rlaif run` writes it."
    metrics = list(next(iter(summary["means"].values())))
    rows = [f"| | {' | '.join(f'`{metric}`' for metric in metrics)} |", f"|---|{'---|' * len(metrics)}"]
    for name, means in summary["means"].items():
        cells = [f"{means[m]['value']:.4f} [{means[m]['low']:.4f}, {means[m]['high']:.4f}]" for m in metrics]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    questions = summary["means"]["RLAIF"][metrics[0]]["n"]
    looks = summary.get("looks", 0)
    return (
        f"{questions} questions of {summary['benchmark']}, means over the seeds {summary['seeds']} with 95 % intervals "
        f"over reference APIs. Settings that were scored on the test questions: {looks}.\n\n" + "\n".join(rows)
    )


def upload(folder: Path, repository: str) -> None:
    """Uploads a folder to a private repository of the hub, which it creates if necessary.

    Raises:
        ModelError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    hub = HfApi()
    try:
        hub.create_repo(repository, private=True, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=repository)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(f"{repository}: {folder} could not be uploaded: {error}") from error
