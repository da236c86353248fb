"""How many settings have been scored on the test questions: each look makes the best of them look better than it is."""

import json
import os
from pathlib import Path

from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.options import identity
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.training_rows import FROM_FILE

FILE = "looks.jsonl"
# What does not make another setting.
_NOT_SETTINGS = ("out", "seeds", "trackers", "labeler_options", "baseline", "sandbox", "accept_no_isolation")


def note(recipe: Recipe, folder: Path) -> None:
    """Notes that a recipe's checkpoints are scored on the test questions; a setting is noted once."""
    settings = _settings(recipe)
    if settings in _noted(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps({"settings": settings, "algorithm": recipe.algorithm}).encode() + b"\n")
    finally:
        os.close(descriptor)


def count(folder: Path) -> int:
    """The number of settings noted in the folder of a recipe's results."""
    return len(_noted(folder))


def _noted(folder: Path) -> set[str]:
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {json.loads(line)["settings"] for line in lines}


def _settings(recipe: Recipe) -> str:
    """A digest of all options but seeds, places and comparisons."""
    table = {name: value for name, value in identity(recipe).items() if name not in _NOT_SETTINGS}
    table["train"].setdefault("draw_batch", None)  # it was in the first digests, unset too
    for name in ("sft", "feedback", "reward", "train"):
        del table[name]["seed"]
    del table["evaluation"]["metrics"]
    # What came later makes another setting only where it is set.
    if recipe.training_rows == FROM_FILE:
        del table["training_rows"]
    if judging := recipe.labeler_options.judging():
        table["judging"] = judging
    return json_digest(table, sort_keys=True)
