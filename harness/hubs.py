"""``apigauge hubs verify``: whether every API of a catalogue loads from its hub, through its own call.

A catalogue writes calls without imports. Each is run as a program with the imports by which the benchmark's own
programs get the names in it.
"""

import ast
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.execution import executed
from apigauge.harness.source import find_calls, imports, resolve
from apigauge.sandboxes import hubs
from apigauge.sandboxes.verdict import Sandbox

# The share of a catalogue's rows that a stand-in hub must load.
PROMISED = {"huggingface": 0.90, "tensorflowhub": 0.95, "torchhub": 0.95}


@dataclass(frozen=True, slots=True)
class Loaded:
    """One row of a catalogue: whether its call returned, and what stopped it.

    Attributes:
        row: its place in the catalogue, from 1.
        call: as the catalogue writes it.
        library: the package its function is imported from.
        source: how the hub knows the model's architecture; "none" where the hub has no such model.
        through: "call" as the catalogue writes it; "example" if that cannot run anywhere (it is not Python, or has
            names or arguments that only the row's example gives) and the same function is called there.
        ok: whether the call was made and returned.
        label: the outcome, as in a run's labels.
        reason: one sentence.
    """

    row: int
    call: str
    library: str
    source: str
    through: str
    ok: bool
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a catalogue loads."""

    benchmark: str
    sandbox: dict[str, Any]
    rows: list[Loaded]
    promised: float

    @property
    def share(self) -> float:
        """Of the catalogue's rows, those whose call returned."""
        return sum(row.ok for row in self.rows) / len(self.rows)

    @property
    def is_enough(self) -> bool:
        """Whether it is as much as promised."""
        return self.share >= self.promised

    def by(self, name: str) -> dict[str, tuple[int, int]]:
        """Rows that load and rows there are, by ``library`` or ``source``; the largest first."""
        total = Counter(getattr(row, name) for row in self.rows)
        good = Counter(getattr(row, name) for row in self.rows if row.ok)
        return {
            key: (good[key], count) for key, count in sorted(total.items(), key=lambda entry: (-entry[1], entry[0]))
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        rows = [{name: getattr(row, name) for name in Loaded.__slots__} for row in self.rows]
        return {
            "benchmark": self.benchmark,
            "sandbox": self.sandbox,
            "loaded": sum(row.ok for row in self.rows),
            "share": self.share,
            "promised": self.promised,
            "libraries": self.by("library"),
            "sources": self.by("source"),
            "rows": rows,
        }

    def to_lines(self) -> list[str]:
        """For the terminal."""
        failed = [row for row in self.rows if not row.ok]
        counts = f"{len(self.rows) - len(failed)} of {len(self.rows)} APIs load through their own call"
        lines = [f"{self.benchmark}: {counts} ({self.share:.1%}, promised {self.promised:.0%})"]
        if examples := [str(row.row) for row in self.rows if row.through == "example"]:
            lines.append(
                f"  {len(examples)} through their example, as they cannot run as written: {', '.join(examples)}"
            )
        for name in ("library", "source"):
            lines += [
                "",
                f"by {name}:",
                *(f"  {key:32}{good:5} of {all_:4}" for key, (good, all_) in self.by(name).items()),
            ]
        lines += ["", f"APIs that do not load ({len(failed)}):"]
        return lines + [f"  row {row.row}: {row.call[:90]}: {row.label}: {row.reason[:200]}" for row in failed]


def cover(benchmark: Benchmark, sandbox: Sandbox, tick: Callable[[], None] = lambda: None) -> Coverage:
    """Runs every row of the catalogue as a program."""
    origins = _origins(benchmark)
    rows = [_Row(api.call, f"{_imports_of(api.call, origins)}\n{api.call}") for api in benchmark.catalogue]
    about = sandbox.describe()
    sources = _sources(benchmark.models) if about["hub"]["mode"] == "stand-in" else {}
    found = [
        _loaded(number, row.call, _library(row.call, origins), sources, answer)
        for number, (row, answer) in enumerate(_run(rows, sandbox, tick), 1)
    ]
    again = [
        _Row(api.call, f"{_imports_of(api.call, origins)}\n{api.example}")
        for api, one in zip(benchmark.catalogue, found, strict=True)
        if one.label in _NOT_RUNNABLE and _callee(api.call) in {span.callee for span in find_calls(api.example)}
    ]
    by_call = {row.call: answer for row, answer in _run(again, sandbox)}
    for at, one in enumerate(found):
        answer = by_call.get(one.call)
        if answer and answer["metrics"].get("exec.call") == 1:
            found[at] = replace(one, ok=True, through="example", label="", reason="")
    return Coverage(benchmark.name, about, found, PROMISED[benchmark.models])


# What a call does that cannot run anywhere as it is written.
_NOT_RUNNABLE = ("failed/syntax", "failed/name", "failed/arguments")


@dataclass(frozen=True, slots=True)
class _Row:
    call: str
    program: str


def _run(
    rows: Sequence[_Row], sandbox: Sandbox, tick: Callable[[], None] = lambda: None
) -> Iterator[tuple[_Row, dict[str, Any]]]:
    answers = (
        {
            "item": str(number),
            "extraction": {"call": f"{_callee(row.call)}()", "program": row.program},
            "metrics": {},
            "labels": {},
            "messages": {},
        }
        for number, row in enumerate(rows, 1)
    )
    with contextlib.closing(executed(answers, sandbox)) as finished:
        for row, answer in zip(rows, finished, strict=True):
            yield row, answer
            tick()


def _loaded(number: int, call: str, library: str, sources: dict[str, str], answer: dict[str, Any]) -> Loaded:
    texts = _strings(call)
    # Of Torch Hub's stand-ins the name is repository and entry point.
    names = [*texts, *(f"{one.partition(':')[0]} {other}" for one in texts for other in texts)]
    return Loaded(
        number,
        call,
        library,
        next((sources[name] for name in names if name in sources), "none"),
        "call",
        answer["metrics"].get("exec.call") == 1,
        answer["labels"]["exec.rate"],
        answer["messages"].get("exec.rate", ""),
    )


def _callee(call: str) -> str:
    """The function that a call names first; the text itself if it calls none."""
    return next((span.callee for span in find_calls(call)), call)


def _library(call: str, origins: dict[str, str]) -> str:
    callee = _callee(call)
    return resolve(callee, origins).split(".")[0] if callee.split(".")[0] in origins else "unknown"


def _origins(benchmark: Benchmark) -> dict[str, str]:
    """What each name is imported from in most of the benchmark's programs and examples."""
    counts: dict[str, Counter[str]] = {}
    for text in _texts(benchmark):
        for name, origin in imports(text).items():
            counts.setdefault(name, Counter())[origin] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()} | benchmark.conventions


def _texts(benchmark: Benchmark) -> Iterator[str]:
    for api in benchmark.catalogue:
        yield api.example
    for row in benchmark.rows:
        yield row.reference_program


def _imports_of(call: str, origins: dict[str, str]) -> str:
    """The imports by which the benchmark's programs get the names in a call."""
    names = {span.callee.split(".")[0] for span in find_calls(call)}
    names |= {node.id for node in _nodes(call) if isinstance(node, ast.Name)}
    return "\n".join(_import(name, origins[name]) for name in sorted(names & origins.keys()))


def _import(name: str, origin: str) -> str:
    package, _, last = origin.rpartition(".")
    if package:
        return f"from {package} import {last} as {name}"
    return f"import {origin}" if origin == name else f"import {origin} as {name}"


def _nodes(call: str) -> Iterable[ast.AST]:
    """The call's syntax tree, node by node; nothing if it is not Python."""
    try:
        return list(ast.walk(ast.parse(call)))
    except (SyntaxError, ValueError):
        return ()


def _strings(call: str) -> list[str]:
    """The literal strings of a call."""
    return [node.value for node in _nodes(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _sources(models: str) -> dict[str, str]:
    """How the stand-in hub knows each of its models."""
    description = (hubs.stand_in_hub(models).folder / hubs.DESCRIPTION).read_text(encoding="utf-8")
    return {entry["id"]: entry["source"] for entry in json.loads(description)["entries"]}
