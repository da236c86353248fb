"""From what introspection printed to the files of a benchmark, a step at a time."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks.making import introspect
from apigauge.benchmarks.making.callables import Package, read
from apigauge.benchmarks.making.candidates import Candidate, Dropped, candidates
from apigauge.benchmarks.making.choose import api_of, chosen
from apigauge.benchmarks.making.files import write_benchmark, write_report
from apigauge.benchmarks.making.trials import RunAll, Tried, tried
from apigauge.benchmarks.making.wording import instruction
from apigauge.errors import DataError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a benchmark is made with, from outside this folder.

    Attributes:
        run_script: runs a program of ours in the environment, and returns what it prints.
        run_all: runs candidates' programs.
        rejected_calls: which items of a benchmark's folder ``ast.exact`` rejects, by id with the reason.
        rejected_programs: of which items of a benchmark's folder the program is not right by ``exec.correct``, or does
            not print the first of its outputs to the byte; likewise.
        rewrite: puts instructions in other words: a line of ``items.jsonl`` in, the same line or a changed one out.
        say: receives a line per step.
    """

    run_script: Callable[[str, Sequence[str]], str]
    run_all: RunAll
    rejected_calls: Callable[[Path], dict[str, str]]
    rejected_programs: Callable[[Path], dict[str, str]]
    rewrite: Callable[[Sequence[Row]], list[Row]] | None
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Attributes:
        items: lines of ``items.jsonl``.
        dropped: examples that became no item.
        package: the catalogue.
    """

    items: list[Row]
    dropped: list[Dropped]
    package: Package


def make(folder: Path, name: str, requirement: str, modules: Sequence[str], tools: Tools) -> Made:
    """Writes a benchmark's files into a folder that has its environment.

    Args:
        folder: of the benchmark.
        name: of the benchmark.
        requirement: the package with its version: ``scipy==1.17.1``.
        modules: the top-level modules of the package.
        tools: what runs programs.

    Raises:
        DataError: nothing can be made of the package.
    """
    tools.say(f"{requirement}: listing what it offers")
    source = Path(introspect.__file__).read_text(encoding="utf-8")
    package = read(tools.run_script(source, modules).splitlines())
    listed = [one for api in package.callables.values() if ">>>" in api.doc for one in candidates(package, api)]
    dropped = [one for one in listed if isinstance(one, Dropped)]
    possible, repeated = _distinct([one for one in listed if isinstance(one, Candidate)])
    dropped += repeated
    tools.say(f"{requirement}: {len(package.callables)} public callables; running {len(possible)} examples")
    outcomes = list(tried(possible, tools.run_all))
    dropped += [one for one in outcomes if isinstance(one, Dropped)]
    rows = _rows([one for one in outcomes if isinstance(one, Tried)], requirement)
    if not rows:
        raise DataError(f"{requirement}: none of {len(listed)} examples in its docstrings became an item")
    tools.say(f"{requirement}: {len(rows)} examples hold; scoring them as answers, and running them again")
    items, others = _accepted(rows, name, requirement, package, tools)
    dropped += others
    if tools.rewrite:
        tools.say(f"{requirement}: putting {len(items)} questions in other words")
        items = tools.rewrite(items)
    write_benchmark(folder, name, requirement, items, package)
    write_report(folder, requirement, items, dropped, package)
    return Made(items, dropped, package)


def _distinct(possible: Sequence[Candidate]) -> tuple[list[Candidate], list[Dropped]]:
    """Without programs that are there already."""
    seen: set[str] = set()
    kept, dropped = [], []
    for one in possible:
        if one.program in seen:
            dropped.append(Dropped(one.api.name, one.program, "another example has the same program"))
        elif not one.api.summary:
            dropped.append(Dropped(one.api.name, one.program, "the documentation has no summary"))
        else:
            kept.append(one)
        seen.add(one.program)
    return kept, dropped


def _rows(items: Sequence[Tried], requirement: str) -> list[Row]:
    """Lines of ``items.jsonl``, without their split."""
    rows: list[Row] = []
    numbers: dict[str, int] = {}
    for one in items:
        api = one.candidate.api
        numbers[api.name] = numbers.get(api.name, 0) + 1
        rows.append(
            {
                "id": f"{api.name}-{numbers[api.name]}",
                "instruction": instruction(one.candidate),
                "api_call": one.candidate.reference,
                "program": one.candidate.program,
                "domain": api.domain,
                "output": list(one.outputs),
                "provenance": {"package": requirement, "docstring": api.name, "made_by": "apigauge benchmarks make"},
            }
        )
    return rows


def _accepted(
    rows: Sequence[Row], name: str, requirement: str, package: Package, tools: Tools
) -> tuple[list[Row], list[Dropped]]:
    """The items that are kept, whose own references reach every score, and what is dropped.

    Only what is chosen runs again: most of the others are near copies. Where one of those is rejected, another may be
    chosen in its place, which then runs too.
    """

    def rejected(scorer: Callable[[Path], dict[str, str]], some: Sequence[Row]) -> dict[str, str]:
        with tempfile.TemporaryDirectory(prefix="apigauge-making-") as scratch:
            write_benchmark(Path(scratch), name, requirement, some, package)
            return scorer(Path(scratch))

    reasons = rejected(tools.rejected_calls, rows)
    tested: set[str] = set()
    while True:
        items, copies = chosen([row for row in rows if row["id"] not in reasons])
        new = {row["id"] for row in items} - tested
        if not new:
            break
        tested |= new
        # Without their split: only what is asked would run.
        reasons |= rejected(tools.rejected_programs, [row for row in rows if row["id"] in new])
    others = [Dropped(api_of(row), str(row["program"]), reasons[row["id"]]) for row in rows if row["id"] in reasons]
    return items, others + copies
