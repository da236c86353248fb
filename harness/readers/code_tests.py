"""``*_eval_results.json`` of evalplus and bigcodebench: for each problem, each solution with how its tests ended.

Written against ``evaluate.py`` of evalplus 0.3.1 (``base_status``, ``plus_status``) and of bigcodebench 0.2.5
(``status``). As there, ``plus`` is right only where ``base`` is.
"""

import re
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_HEAD = re.compile(r'"task_id":')
# As evalplus/eval/__init__.py and bigcodebench/eval/__init__.py have them.
_STATUSES = ("pass", "fail", "timeout")


def recognises(path: Path) -> bool:
    """A file named as the two name theirs, or one that begins as theirs do."""
    if path.suffix != ".json":
        return False
    head = files.head(path)
    return bool('"eval"' in head and '"date"' in head[:200] and _HEAD.search(head) and "status" in head)


def read(path: Path, options: Options) -> Log:
    """Reads a result file; ``base`` and ``plus`` of evalplus, or ``status`` of bigcodebench, are the metrics."""
    content = files.document(path)
    problems = content.get("eval")
    if not isinstance(problems, dict):
        raise RunError(f"{path}: it has no 'eval' with the results of each problem")
    answers = [
        _answer(f"{path}, {files.label(str(task))} solution {number}", str(task), number, solution, options)
        for task, solutions in problems.items()
        for number, solution in enumerate(_solutions(path, str(task), solutions))
    ]
    names = {name for one in answers for name in one.scores}
    is_evalplus = "base" in names
    task = next((one.item.partition("/")[0] for one in answers), "")
    return Log(
        "evalplus" if is_evalplus else "bigcodebench",
        task,
        answers,
        dict.fromkeys(sorted(names), False),
        task_version=files.plain(content.get("hash")),
        model=re.split("[._]eval_results", path.name)[0],
        created=_date(content.get("date")),
    )


def _solutions(path: Path, task: str, solutions: Any) -> list[Any]:
    if not isinstance(solutions, list) or not solutions:
        raise RunError(f"{path}, {files.short(task)}: {files.short(solutions)} is no list of results of its solutions")
    return solutions


def _answer(where: str, task: str, number: int, solution: Any, options: Options) -> Answer:
    if not isinstance(solution, dict):
        raise RunError(f"{where}: {files.short(solution)} is no result of a solution")
    if options.cluster and options.cluster not in solution:
        raise UsageError(f"{where}: there is no {options.cluster!r}; problems stand alone without --cluster")
    scores = {}
    if "base_status" in solution:
        base = _passed(solution, "base_status", where)
        scores["base"] = float(base)
        if solution.get("plus_status") is not None:
            scores["plus"] = float(base and _passed(solution, "plus_status", where))
    else:
        scores["passed"] = float(_passed(solution, "status", where))
    return Answer(
        item=task,
        sample=number,
        scores=scores,
        where=where,
        cluster=files.field_of(solution, options.cluster, where) if options.cluster else "",
        text=files.plain(solution.get("solution")) if options.has_texts else "",
    )


def _passed(solution: dict[str, Any], name: str, where: str) -> bool:
    status = solution.get(name)
    if status not in _STATUSES:
        raise RunError(f"{where}: {name} is {files.short(status)}, and not how tests end ({', '.join(_STATUSES)})")
    return bool(status == _STATUSES[0])


def _date(value: object) -> str:
    """A date as the two write it, ``2026-11-29 03:10``."""
    text = files.plain(value)
    return text.replace(" ", "T") if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text) else ""
