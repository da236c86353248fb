"""The order of runs in a report, whatever order they were given in."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from apigauge.reports.views import RunView


def ordered(runs: Sequence[RunView]) -> list[RunView]:
    """The runs by name; those of one name by what is in them."""
    count = Counter(run.name for run in runs)
    return sorted(runs, key=lambda run: (run.name, _digest(run) if count[run.name] > 1 else ""))


def _digest(run: RunView) -> str:
    if run.inputs:
        return run.inputs
    content = [run.manifest, run.summary, [asdict(row) for row in run.rows]]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
