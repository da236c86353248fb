"""Whether two files of scores are equal, whatever their order and the times in them: `python ci/same_scores.py A B`."""

import json
import sys
from pathlib import Path
from typing import Any


def rows(path: str) -> list[dict[str, Any]]:
    """The rows without what depends on the machine: a verdict's times and the words of an error."""
    kept = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        verdict = row.pop("verdict") or {}
        messages = {name: text for name, text in row.pop("messages").items() if not name.startswith("exec.")}
        kept.append(row | {"messages": messages, "verdict": {key: verdict.get(key) for key in ("status", "category")}})
    return sorted(kept, key=lambda row: (row["item"], row["sample"]))


if __name__ == "__main__":
    ours, theirs = map(rows, sys.argv[1:3])
    different = [one["item"] for one, other in zip(ours, theirs, strict=True) if one != other]
    sys.exit(f"{sys.argv[1]}: other scores than {sys.argv[2]} for {', '.join(different[:5])}" if different else 0)
