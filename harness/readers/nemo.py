"""``results.jsonl`` of NeMo Evaluator, as its page on the format that ``nel compare`` and ``nel gate`` read has it.

Its cluster, the category, is ours as well unless another field is named.
"""

from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options


def recognises(path: Path) -> bool:
    """JSON lines whose objects have a problem and a reward."""
    return path.suffix == ".jsonl" and {"problem_idx", "reward"} <= files.first_row(path).keys()


def read(path: Path, options: Options) -> Log:
    """Reads the rewards of all repeats; they stay apart, as the samples of a question."""
    answers = [_answer(f"{path}, line {number}", row, options) for number, row in files.rows(path)]
    return Log("nemo", "results", answers, {"reward": False})


def _answer(where: str, row: dict[str, Any], options: Options) -> Answer:
    if missing := [name for name in ("problem_idx", "reward") if name not in row]:
        raise RunError(f"{where}: it has no {missing[0]}, so it is no result of NeMo Evaluator")
    category = _category(row)
    metadata = row["metadata"] if isinstance(row.get("metadata"), dict) else {}
    expected = files.plain(row.get("expected_answer"))
    text = files.plain(row.get("model_response") or row.get("extracted_answer"))
    return Answer(
        item=files.field_of(row, "problem_idx", where),
        sample=files.count(row.get("repeat", 0), "repeat", where),
        scores={} if row["reward"] is None else {"reward": files.number(row["reward"], "reward", where)},
        where=where,
        cluster=files.field_of(row | metadata, options.cluster, where) if options.cluster else category,
        domain=category,
        reference=expected,
        text=text if options.has_texts else "",
        identity=expected,
    )


def _category(row: dict[str, Any]) -> str:
    for name in ("metadata", "scoring_details"):
        if isinstance(entry := row.get(name), dict) and entry.get("category"):
            return files.plain(entry["category"])
    return ""
