"""``--export markdown``: the leaderboard as a table for a README."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_markdown(runs: Sequence[Any], out: Path) -> Path:
    """Writes ``leaderboard.md``, a row for each run and a column for each metric that any of them has.

    Args:
        runs: each an ``apigauge.reports.views.RunView``.
        out: the report's folder.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.summary["metrics"]))
    lines = [f"| benchmark | model | {' | '.join(names)} |", f"|---|---|{'---:|' * len(names)}"]
    for run in runs:
        metrics = run.summary["metrics"]
        cells = (f"{metrics[name]['value']:.4f}" if name in metrics else "" for name in names)
        lines.append(f"| {run.benchmark} | {run.spec} | {' | '.join(cells)} |")
    path = out / "leaderboard.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
