"""Run directories with seeded numbers, and the sites that ``apigauge report`` makes of them."""

import json
import random
from pathlib import Path
from typing import Any

from apigauge.harness.cli.main import main
from apigauge.reports.views import ItemView, RunView


def write_made_run(
    make_run, make_item, folder: Path, seed: int, *, count: int = 24, benchmark: str = "made", created: str = ""
) -> Path:
    draw = random.Random(seed)
    rows = [
        make_item(
            number,
            api=f"api {number % 7}",
            text=f"answer {seed} to {number}: \u202e`${{x}}`",
            metrics={"ast.exact": float(draw.random() < 0.5), "rouge.1": draw.randrange(40) / 40},
            labels={"ast.exact": draw.choice(["exact", "wrong_model"])},
        )
        for number in range(count)
    ]
    means = {"ast.exact": 0.5, "rouge.1": 0.4}
    view = make_run(folder.name, means, benchmark=benchmark, rows=rows, items=count, expected=24)
    return write_files(folder, view, 24, created)


def write_files(folder: Path, view: RunView, items: int, created: str = "") -> Path:
    """The files of a run on a benchmark of so many items."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = view.manifest | {"benchmark": view.manifest["benchmark"] | {"items": items}, "created": created}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "summary.json").write_text(json.dumps(view.summary))
    fields = ("id", "instruction", "reference_call", "reference_program", "domain", "api")
    for name, lines in (
        ("questions", ({field: getattr(row, field) for field in fields} for row in view.rows)),
        ("generations", ({"item": row.id, "sample": 0, "text": row.text} for row in view.rows)),
        ("scores", map(_score_row, view.rows)),
    ):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


def _score_row(row: ItemView) -> dict[str, Any]:
    extraction = {"call": row.call, "program": row.program, "how": row.how}
    rest = {"metrics": row.metrics, "labels": row.labels, "messages": row.messages, "verdict": row.verdict}
    return {"item": row.id, "sample": 0, "extraction": extraction} | rest


def tree(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()}


def report(*arguments: str | Path) -> int:
    return main(["report", "--quiet", *map(str, arguments)])
