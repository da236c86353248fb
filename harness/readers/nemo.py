"""``results.jsonl`` of NeMo Evaluator, and ``eval-*.json`` next to it, which says what was asked of what.

Written against version 0.3.0 (``engine/artifacts.py``). Its cluster, the category, is ours as well unless another field
is named.
"""

from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_SETTINGS = ("temperature", "max_tokens", "system_prompt", "shuffle_seed")
_FAILURES = ("infra_error", "system")


def recognises(path: Path) -> bool:
    """JSON lines whose objects have a problem and a reward."""
    return path.suffix == ".jsonl" and {"problem_idx", "reward"} <= files.first_row(path).keys()


def read(path: Path, options: Options) -> Log:
    """Reads the rewards of all repeats; they stay apart, as the samples of a question."""
    answers = [_answer(f"{path}, line {number}", row, options) for number, row in files.rows(path)]
    about = _about(path)
    config, benchmark = (about[part] if isinstance(about.get(part), dict) else {} for part in ("config", "benchmark"))
    scores = benchmark["scores"] if isinstance(benchmark.get("scores"), dict) else {}
    summary = scores["summary"] if isinstance(scores.get("summary"), dict) else {}
    expected = summary.get("n")
    if isinstance(expected, int) and expected != len(answers):
        raise RunError(f"{path}: it has {len(answers)} lines, and its evaluation is of {expected}; copy it again")
    return Log(
        "nemo",
        files.plain(benchmark.get("name")) or "results",
        answers,
        {"reward": False},
        harness_version=files.plain(about.get("sdk_version")),
        model=files.plain(config.get("model")),
        settings={name: config[name] for name in _SETTINGS if config.get(name) is not None},
        created=files.plain(about.get("timestamp")),
    )


def _about(path: Path) -> dict[str, Any]:
    """What the evaluation's own file says; nothing if there is none, or more than one."""
    paths = sorted(path.parent.glob("eval-*.json"))
    return files.document(paths[0]) if len(paths) == 1 else {}


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
        scores={}
        if row["reward"] is None or _has_failed(row)
        else {"reward": files.number(row["reward"], "reward", where)},
        where=where,
        cluster=files.field_of(row | metadata, options.cluster, where) if options.cluster else category,
        domain=category,
        reference=expected,
        text=text if options.has_texts else "",
        identity=expected,
    )


def _has_failed(row: dict[str, Any]) -> bool:
    """Whether NeMo Evaluator itself failed: it writes 0 then (``engine/eval_loop.py``)."""
    details = row.get("scoring_details")
    return isinstance(details, dict) and details.get("error_category") in _FAILURES


def _category(row: dict[str, Any]) -> str:
    for name in ("metadata", "scoring_details"):
        if isinstance(entry := row.get(name), dict) and entry.get("category"):
            return files.plain(entry["category"])
    return ""
