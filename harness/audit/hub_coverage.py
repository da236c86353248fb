"""``apigauge hubs verify``: whether every API of a catalogue loads from its hub, through its own call.

The calls in a catalogue have no imports. Each call is run as a program with the imports that the benchmark's own
programs use for the names in it.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from apigauge.benchmarks.types import Api, Benchmark
from apigauge.file_formats import SandboxRecord
from apigauge.harness.audit.attribution import Rule, count_lines, rule_for
from apigauge.harness.audit.call_imports import imports_of, nodes, origins_of, strings
from apigauge.harness.audit.hub_description import only_names, sources
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import find_calls, imports, resolve
from apigauge.sandboxes.verdict import Sandbox

# The share of the rows that can load anywhere that a stand-in hub must load.
PROMISED = {"huggingface": 0.90, "tensorflowhub": 0.95, "torchhub": 0.95}
# An unquoted argument with a slash or a hyphen in it, or a subfolder's name; a quoted one is preceded by its quote.
_UNQUOTED = re.compile(r"(?<=[(=\s])[A-Za-z][\w.]*[/-][\w./-]*(?=\s*[,)])|(?<=subfolder=)[a-z_]+(?=\s*[,)])")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One row of a catalogue: whether its call returned, and what stopped it.

    Attributes:
        row: its position in the catalogue, from 1.
        call: as written in the catalogue.
        library: the package its function is imported from.
        source: where the hub got the model's architecture from; "none" where the hub has no such model.
        through: the program that was run. "call": the call as written. "quotes": the call with the quotes that the
            catalogue lost, where the call as written can run nowhere. "example": the row's example, which calls the
            same function, where neither can run (not Python, or with names or arguments that only the example has).
        ok: whether the call was made and returned.
        label: the outcome, as in a run's labels.
        reason: one sentence.
        rule: why the call did not return, and what that is attributed to; None if it did.
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
    """Which rows of a catalogue load."""

    benchmark: str
    sandbox: SandboxRecord
    rows: list[Loaded]
    promised: float

    @property
    def share(self) -> float:
        """Share of the catalogue's rows whose call returned."""
        return sum(row.ok for row in self.rows) / len(self.rows)

    @property
    def loadable(self) -> int:
        """Number of rows that load or whose failure is not attributed to the benchmark."""
        return sum(row.ok or row.rule is None or row.rule.attribution != "benchmark" for row in self.rows)

    @property
    def is_enough(self) -> bool:
        """Whether of the rows that can load anywhere the promised share does, also of a part of a catalogue."""
        return sum(row.ok for row in self.rows) >= self.promised * self.loadable

    def by(self, name: str) -> dict[str, tuple[int, int]]:
        """Number of rows that load and of all rows, by ``library`` or ``source``; the largest group first."""
        total = Counter(getattr(row, name) for row in self.rows)
        good = Counter(getattr(row, name) for row in self.rows if row.ok)
        return {
            key: (good[key], count) for key, count in sorted(total.items(), key=lambda entry: (-entry[1], entry[0]))
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        rows = [
            {name: getattr(row, name) for name in Loaded.__slots__ if name != "rule"}
            | {"fault": row.rule and row.rule.attribution, "why": row.rule and row.rule.why}
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
        lines = [f"{self.benchmark}: {counts} ({self.share:.1%})"]
        loaded = len(self.rows) - len(failed)
        share = f"{loaded / max(self.loadable, 1):.1%}, promised {self.promised:.0%}"
        lines.append(f"  {loaded} of the {self.loadable} that can load anywhere ({share})")
        for through, what in (("quotes", "with restored quotes"), ("example", "through their example")):
            if rows := [str(row.row) for row in self.rows if row.through == through]:
                lines.append(f"  {len(rows)} {what}, since they cannot run as written: {', '.join(rows)}")
        for name in ("library", "source"):
            lines += [
                "",
                f"by {name}:",
                *(f"  {key:32}{good:5} of {all_:4}" for key, (good, all_) in self.by(name).items()),
            ]
        lines += ["", "APIs that do not load, attributed to:"]
        lines += count_lines(row.rule for row in failed if row.rule)
        lines += ["", f"APIs that do not load ({len(failed)}):"]
        for row in failed:
            attribution = row.rule.attribution if row.rule else ""
            lines.append(f"  row {row.row} ({attribution}): {row.call[:90]}: {row.label}: {row.reason[:200]}")
        return lines


def cover(benchmark: Benchmark, sandbox: Sandbox, tick: Callable[[], None] = lambda: None) -> Coverage:
    """Runs every row of the catalogue as a program."""
    origins = origins_of(benchmark)
    record = cast("SandboxRecord", sandbox.describe())
    hub = _Hub(sources(benchmark.hub, record), only_names(benchmark.hub, record))
    tries = [_tries(api, origins) for api in benchmark.catalogue]
    results = [
        _loaded(number, row, hub, answer)
        for number, (row, answer) in enumerate(_execute([rows[0] for rows in tries], sandbox, tick), 1)
    ]
    for step in range(1, max(map(len, tries))):
        again = [
            (at, rows[step])
            for at, (rows, one) in enumerate(zip(tries, results, strict=True))
            if len(rows) > step and not one.ok and one.label in rows[step].after
        ]
        for (at, row), (_, answer) in zip(again, _execute([row for _, row in again], sandbox), strict=True):
            if answer["metrics"].get("exec.call") == 1:
                results[at] = _loaded(at + 1, row, hub, answer)
    return Coverage(benchmark.name, record, results, PROMISED[benchmark.hub])


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way of running a row of the catalogue, and the outcomes after which it is tried."""

    call: str
    program: str
    library: str
    through: str = "call"
    after: tuple[str, ...] = ()


class _Hub(NamedTuple):
    """What the hub says of its models: where it got each one's architecture from, and those it has only the name of."""

    sources: dict[str, str]
    only_names: frozenset[str]


def _tries(api: Api, origins: dict[str, str]) -> list[_Attempt]:
    """The attempts at a row: its example's imports, the row's library, restored quotes, the example itself."""
    call = _plain(api.call)
    own = origins | imports(api.example)
    rows = [_Attempt(api.call, f"{imports_of(call, own)}\n{call}", _library(call, own))]
    callee = _callee(call)
    if api.library and resolve(callee, own).split(".")[0] != api.library:
        imported = own | {callee.split(".")[0]: f"{api.library}.{callee.split('.')[0]}"}
        program = f"{imports_of(call, imported)}\n{call}"
        rows.append(_Attempt(api.call, program, api.library, after=("failed/name", "failed/import")))
    if (quoted := with_quotes(call)) != call and nodes(quoted):
        program = f"{imports_of(quoted, own)}\n{quoted}"
        rows.append(_Attempt(api.call, program, _library(quoted, own), "quotes", ("failed/syntax", "failed/name")))
    if callee in {span.callee for span in find_calls(api.example)}:
        # Outcomes of a call that can run nowhere as written.
        program = f"{imports_of(call, own)}\n{api.example}"
        after = ("failed/syntax", "failed/name", "failed/arguments")
        rows.append(_Attempt(api.call, program, _library(call, own), "example", after))
    return rows


def with_quotes(call: str) -> str:
    """A call with quotes around arguments that can only be strings: a model id, a task, a subfolder.

    The catalogue lost some: ``pipeline(sentiment-analysis, model='a/b')``.
    """
    return _UNQUOTED.sub(r"'\g<0>'", call)


def _plain(call: str) -> str:
    """A call without the full stop of the sentence that it ends."""
    return call if nodes(call) else call.strip().removesuffix(".")


def _execute(
    rows: Sequence[_Attempt], sandbox: Sandbox, tick: Callable[[], None] = lambda: None
) -> Iterator[tuple[_Attempt, dict[str, Any]]]:
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


def _loaded(number: int, row: _Attempt, hub: _Hub, answer: dict[str, Any]) -> Loaded:
    texts = strings(row.call)
    # Torch Hub's stand-ins are named by repository and entry point.
    names = [*texts, *(f"{one.partition(':')[0]} {other}" for one in texts for other in texts)]
    ok, label = answer["metrics"].get("exec.call") == 1, answer["labels"]["exec.rate"]
    return Loaded(
        number,
        row.call,
        row.library,
        next((hub.sources[name] for name in names if name in hub.sources), "none"),
        row.through,
        ok,
        label,
        answer["messages"].get("exec.rate", ""),
        None if ok else rule_for(label, answer["verdict"]["reason"], row.program, hub.only_names),
    )


def _callee(call: str) -> str:
    """The first function that a text calls; the text itself if it calls none."""
    return next((span.callee for span in find_calls(call)), call)


def _library(call: str, origins: dict[str, str]) -> str:
    callee = _callee(call)
    return resolve(callee, origins).split(".")[0] if callee.split(".")[0] in origins else "unknown"
