"""The labelled answers that are programs, and what ``exec.exact`` of each should be.

The answers are those of ``harness/cases`` and ``harness/labelled``, whose expectations were fixed before any run. Where a table
does not say what ``exec.exact`` is, it is what ``ast.exact`` is, but for the answers in ``DIFFERENT``: in them the program
does something else than its first call says.
"""

import contextlib
import json
from pathlib import Path

from apigauge.harness.evaluation.execution import executed
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.extraction.call_scan import imports
from apigauge.harness.extraction.syntax import parses
from apigauge.harness.generation.types import Completion

TABLES = ("cases", "labelled")
RIGHT = ("exact", "extra_argument")
# At least so many programs of each benchmark.
PROGRAMS = {"mini": 160, "apibench-torchhub": 85, "apibench-tensorflowhub": 40, "apibench-huggingface": 100}

_SEVERAL = "several calls, of which the first is wrong and another right"
_LIBRARY = "nothing but definitions: the text means its function to be called, and the program calls nothing"
_STOPS = "the program stops before its call"
_APART = "the call stands apart from the program"
_PROCESS = "only calls in the program's own process are seen"
DIFFERENT = {
    "a-V-many-06": (1, _SEVERAL),
    "a-Z-game-11": (1, _SEVERAL),
    "a-Z-game-12": (1, _SEVERAL),
    "a-Z-game-18": (1, _SEVERAL),
    "b-r1-fence_then_second_example": (1, _SEVERAL),
    "chat-comparison-first-wrong": (1, _SEVERAL),
    # The case's own note says 1; nothing makes a ``Gen``.
    "a-F-unres-08": (0, _LIBRARY),
    "a-V-many-29": (0, _LIBRARY),
    "chat-helper-never-called": (0, _LIBRARY),
    "a-O-nest-03": (0, f"{_STOPS}: kwargs is not defined"),
    "a-Q-pkg-03": (0, f"{_STOPS}: espnet2 is not installed"),
    "a-V-many-04": (0, f"{_STOPS}: there is no such tokenizer"),
    "b-r3-state_dict_first": (0, f"{_STOPS}: there is nothing at that address"),
    "b-r3-torch_load_first": (0, f"{_STOPS}: there is no such file"),
    "b-r3h-am_peft_config": (0, f"{_STOPS}: peft is not installed"),
    "b-r7-block_yaml": (0, f"{_STOPS}: extraction takes the block of YAML for a part of it"),
    "b-r3-comment_numbers_section": (0, _APART),
    "b-r5-call_in_child": (0, _PROCESS),
}


def answers(benchmark):
    """The tables' answers to a benchmark's questions."""
    for table in TABLES:
        text = (Path(__file__).parent / "harness" / table / "answers.jsonl").read_text(encoding="utf-8")
        yield from (case for line in text.split("\n") if line and (case := json.loads(line))["benchmark"] == benchmark)


def expected(case):
    """What ``exec.exact`` should be; None if the tables do not say."""
    if case["case"] in DIFFERENT:
        return DIFFERENT[case["case"]][0]
    given = case["expected"]
    if "exec.exact" in given:
        return given["exec.exact"]
    if "exec.exact 1" in given.get("note", ""):
        return 1
    if "ast.exact" in given:
        return given["ast.exact"]
    if label := given.get("label"):
        return int(label in RIGHT)
    return 0 if "must not be exact" in case["why"] else None


def is_program(row):
    """Whether an answer's program can run: it is Python, and imports something."""
    program = row["extraction"]["program"] or ""
    return parses(program) and bool(imports(program))


def unexpected(benchmark, sandbox, observed):
    """Runs a benchmark's programs; a line for each whose ``exec.exact`` is not what is expected."""
    score = ScorerFactory(benchmark, ())()
    scored = [(case, score(Completion(case["item"], 0, case["text"], "stop"))) for case in answers(benchmark.name)]
    programs = [(case, row) for case, row in scored if is_program(row) and expected(case) is not None]
    assert len(programs) >= PROGRAMS[benchmark.name]
    with contextlib.closing(executed((row for _, row in programs), sandbox, observed)) as rows:
        judged = [(case, row) for (case, _), row in zip(programs, rows, strict=True)]
    return [
        f"{case['case']}: {row['metrics'].get('exec.exact')}, not {expected(case)} ({case['why']}): "
        f"{row['messages'].get('exec.exact')}; {row['verdict']['reason']}"
        for case, row in judged
        if row["metrics"].get("exec.exact") != expected(case)
    ]
