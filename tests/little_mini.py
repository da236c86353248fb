"""``mini`` with fewer questions, as a folder: for recipes whose tests are about stages and files, and not about numbers."""

import json
from pathlib import Path

from apigauge.benchmarks import mini

NAME = "little-mini"
TRAIN, TEST = 28, 14


def write(folder: Path) -> Path:
    """The folder of a benchmark with ``TRAIN`` and ``TEST`` of mini's questions, evenly spread; returns it."""
    source = Path(mini.__file__).parent
    folder.mkdir(parents=True)
    settings = (source / "benchmark.toml").read_text(encoding="utf-8").replace('name = "mini"', f'name = "{NAME}"')
    (folder / "benchmark.toml").write_text(settings, encoding="utf-8")
    (folder / "catalogue.jsonl").write_bytes((source / "catalogue.jsonl").read_bytes())
    lines = (source / "items.jsonl").read_text(encoding="utf-8").splitlines()
    kept = []
    for split, count in (("train", TRAIN), ("test", TEST)):
        mine = [line for line in lines if json.loads(line)["split"] == split]
        kept += mine[:: len(mine) // count][:count]
    (folder / "items.jsonl").write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return folder
