"""``apigauge hubs verify``: whether every API of a catalogue loads from its hub, through its own call.

A catalogue writes calls without imports. Each is run as a program with the imports by which the benchmark's own
programs get the names in it.
"""

import ast
import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.benchmarks.types import Api, Benchmark
from apigauge.harness.audit.attribution import Rule, count_lines, rule_for
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import find_calls, imports, resolve
from apigauge.sandboxes import hubs
from apigauge.sandboxes.verdict import Sandbox

# The share of a catalogue's rows that a stand-in hub must load.
PROMISED = {"huggingface": 0.90, "tensorflowhub": 0.95, "torchhub": 0.95}
# An argument with a stroke in it, or a subfolder's name; quoted text is passed over, as its quote stands before it.
_UNQUOTED = re.compile(r"(?<=[(=\s])[A-Za-z][\w.]*[/-][\w./-]*(?=\s*[,)])|(?<=subfolder=)[a-z_]+(?=\s*[,)])")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One row of a catalogue: whether its call returned, and what stopped it.

    Attributes:
        row: its place in the catalogue, from 1.
        call: as the catalogue writes it.
        library: the package its function is imported from.
        source: how the hub knows the model's architecture; "none" where the hub has no such model.
        through: "call" as the catalogue writes it; "quotes" if that cannot run anywhere and does with the quotes that
            the catalogue lost; "example" if it cannot either way (it is not Python, or has names or arguments that only
            the row's example gives) and the same function is called there.
        ok: whether the call was made and returned.
        label: the outcome, as in a run's labels.
        reason: one sentence.
        rule: why it did not, and whose fault that is; None if it did.
    """

    row: int
    call: str
    library: str
    source: str
    through: str
    ok: bool
    label: str
    reason: str
    rule: Rule | None


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
    def loadable(self) -> int:
        """How many rows the catalogue itself does not keep from loading."""
        return sum(row.ok or row.rule is None or row.rule.fault != "benchmark" for row in self.rows)

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
        rows = [
            {name: getattr(row, name) for name in Loaded.__slots__ if name != "rule"}
            | {"fault": row.rule and row.rule.fault, "why": row.rule and row.rule.why}
            for row in self.rows
        ]
        return {
            "benchmark": self.benchmark,
            "sandbox": self.sandbox,
            "loaded": sum(row.ok for row in self.rows),
            "share": self.share,
            "loadable": self.loadable,
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
        loaded = len(self.rows) - len(failed)
        lines.append(f"  {loaded} of the {self.loadable} that can load anywhere ({loaded / max(self.loadable, 1):.1%})")
        for through, what in (("quotes", "with the quotes that they lost"), ("example", "through their example")):
            if rows := [str(row.row) for row in self.rows if row.through == through]:
                lines.append(f"  {len(rows)} {what}, as they cannot run as written: {', '.join(rows)}")
        for name in ("library", "source"):
            lines += [
                "",
                f"by {name}:",
                *(f"  {key:32}{good:5} of {all_:4}" for key, (good, all_) in self.by(name).items()),
            ]
        lines += ["", "what does not load, through whose fault:"]
        lines += count_lines(row.rule for row in failed if row.rule)
        lines += ["", f"APIs that do not load ({len(failed)}):"]
        return lines + [
            f"  row {row.row} ({row.rule.fault if row.rule else ''}): {row.call[:90]}: {row.label}: {row.reason[:200]}"
            for row in failed
        ]


def cover(benchmark: Benchmark, sandbox: Sandbox, tick: Callable[[], None] = lambda: None) -> Coverage:
    """Runs every row of the catalogue as a program."""
    origins = _origins(benchmark)
    about = sandbox.describe()
    sources = _sources(benchmark.hub) if about["hub"]["mode"] == "stand-in" else {}
    tries = [_tries(api, origins) for api in benchmark.catalogue]
    found = [
        _loaded(number, row, sources, answer)
        for number, (row, answer) in enumerate(_run([rows[0] for rows in tries], sandbox, tick), 1)
    ]
    for step in range(1, max(map(len, tries))):
        again = [
            (at, rows[step])
            for at, (rows, one) in enumerate(zip(tries, found, strict=True))
            if len(rows) > step and not one.ok and one.label in rows[step].after
        ]
        for (at, row), (_, answer) in zip(again, _run([row for _, row in again], sandbox), strict=True):
            if answer["metrics"].get("exec.call") == 1:
                found[at] = _loaded(at + 1, row, sources, answer)
    return Coverage(benchmark.name, about, found, PROMISED[benchmark.hub])


@dataclass(frozen=True, slots=True)
class _Row:
    """One way of running a row of the catalogue, and after which outcomes it is tried."""

    call: str
    program: str
    library: str
    through: str = "call"
    after: tuple[str, ...] = ()


def _tries(api: Api, origins: dict[str, str]) -> list[_Row]:
    """The ways of running a row: as its example imports it, from the row's library, with its quotes, as its example."""
    call = _plain(api.call)
    own = origins | imports(api.example)
    rows = [_Row(api.call, f"{_imports_of(call, own)}\n{call}", _library(call, own))]
    callee = _callee(call)
    if api.library and resolve(callee, own).split(".")[0] != api.library:
        named = own | {callee.split(".")[0]: f"{api.library}.{callee.split('.')[0]}"}
        program = f"{_imports_of(call, named)}\n{call}"
        rows.append(_Row(api.call, program, api.library, after=("failed/name", "failed/import")))
    if (quoted := with_quotes(call)) != call and _nodes(quoted):
        program = f"{_imports_of(quoted, own)}\n{quoted}"
        rows.append(_Row(api.call, program, _library(quoted, own), "quotes", ("failed/syntax", "failed/name")))
    if callee in {span.callee for span in find_calls(api.example)}:
        # What cannot run anywhere as it is written.
        program = f"{_imports_of(call, own)}\n{api.example}"
        after = ("failed/syntax", "failed/name", "failed/arguments")
        rows.append(_Row(api.call, program, _library(call, own), "example", after))
    return rows


def with_quotes(call: str) -> str:
    """A call with quotes around what can only be text: an address, a task, a subfolder.

    The catalogue lost some: ``pipeline(sentiment-analysis, model='a/b')``.
    """
    return _UNQUOTED.sub(r"'\g<0>'", call)


def _plain(call: str) -> str:
    """A call without the full stop of the sentence that it stands in."""
    return call if _nodes(call) else call.strip().removesuffix(".")


def _run(
    rows: Sequence[_Row], sandbox: Sandbox, tick: Callable[[], None] = lambda: None
) -> Iterator[tuple[_Row, dict[str, Any]]]:
    answers: Iterator[dict[str, Any]] = (
        {
            "item": str(number),
            "extraction": {"call": f"{_callee(_plain(row.call))}()", "program": row.program},
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


def _loaded(number: int, row: _Row, sources: dict[str, str], answer: dict[str, Any]) -> Loaded:
    texts = _strings(row.call)
    # Of Torch Hub's stand-ins the name is repository and entry point.
    names = [*texts, *(f"{one.partition(':')[0]} {other}" for one in texts for other in texts)]
    ok, label = answer["metrics"].get("exec.call") == 1, answer["labels"]["exec.rate"]
    return Loaded(
        number,
        row.call,
        row.library,
        next((sources[name] for name in names if name in sources), "none"),
        row.through,
        ok,
        label,
        answer["messages"].get("exec.rate", ""),
        None if ok else rule_for(label, answer["verdict"]["reason"]),
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
