"""The embedded benchmark, a folder like any other, and a small model that answers it. See README.md in this folder."""

from pathlib import Path

FOLDER = Path(__file__).parent
# A small model that answers this benchmark, made by train.py.
CHECKPOINT = FOLDER / "checkpoint"
# Its answers, for machines without torch.
ANSWERS = FOLDER / "answers" / "apigauge-mini.jsonl"
