"""``apigauge benchmarks check``: the scores of the references themselves, and the errors in the data.

A metric's ceiling is the score of the benchmark's reference answers. Each row whose own answer a metric rejects is
listed with the reason, so that errors in the data are not attributed to a model.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item, api_key
from apigauge.harness.audit.references import Execution, run_references
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.extraction.syntax import parses
from apigauge.harness.metrics.registry import make_metrics, score
from apigauge.harness.metrics.table import LOWER_IS_BETTER, STATIC
from apigauge.sandboxes.verdict import Sandbox

_DOMAIN = re.compile(
    r"(?:<<<domain>>>\s*:|['\"]domain['\"]\s*:\s*['\"])\s*(.*?)(?:\s*,?\s*<<<|['\"]\s*,|\n|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A row whose own answer a metric does not accept."""

    row: str
    fed: str
    metric: str
    label: str
    message: str


@dataclass(slots=True)
class Report:
    """The findings, by kind; rows are identified by their id."""

    benchmark: str
    rows: int
    items: int
    ceilings: dict[str, dict[str, float]] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    rows_without_question: list[str] = field(default_factory=list)
    reference_not_in_catalogue: list[str] = field(default_factory=list)
    reference_call_not_python: list[str] = field(default_factory=list)
    reference_program_not_python: list[str] = field(default_factory=list)
    reference_program_missing: list[str] = field(default_factory=list)
    domain_not_in_catalogue: list[str] = field(default_factory=list)
    domain_not_in_answer: list[str] = field(default_factory=list)
    catalogue_rows: int = 0
    catalogue_duplicates: dict[str, int] = field(default_factory=dict)
    catalogue_conflicting_domains: dict[str, list[str]] = field(default_factory=dict)
    references_in_training: int | None = None
    near_copies_in_training: list[str] = field(default_factory=list)
    execution: Execution | None = None

    def to_json(self) -> dict[str, Any]:
        """All findings."""
        execution = self.execution.to_json() if self.execution else None
        return asdict(replace(self, execution=None)) | {"execution": execution}

    def to_text(self) -> str:
        """The findings as text for the terminal."""
        overlap = "unknown"
        if self.references_in_training is not None:
            overlap = f"{self.references_in_training} of {self.rows}"
        lines = [
            f"{self.benchmark}: {self.rows} rows, {self.items} items with a question, {self.catalogue_rows} APIs",
            "",
            "ceilings: the scores of the references themselves",
            *_table(self.ceilings),
            "",
            f"rows without a question ({len(self.rows_without_question)}): {_some(self.rows_without_question)}",
            _counted("reference not in the catalogue", self.reference_not_in_catalogue),
            _counted("reference call is not valid Python", self.reference_call_not_python),
            _counted("reference program is not valid Python", self.reference_program_not_python),
            _counted("no reference program", self.reference_program_missing),
            _counted("domain differs from the catalogue's for that call", self.domain_not_in_catalogue),
            _counted("domain differs from the reference answer's", self.domain_not_in_answer),
            f"catalogue calls that occur more than once: {len(self.catalogue_duplicates)}",
            f"distinct calls in the catalogue: {self.distinct_calls()}",
            f"catalogue calls with conflicting domains: {len(self.catalogue_conflicting_domains)}",
            f"evaluation references that also occur in the training file: {overlap}",
            _counted("test instruction is a near copy of a training one", self.near_copies_in_training),
            "",
            f"rows that disagree with themselves ({len(self.disagreements)}):",
            *(f"  row {d.row}, {d.fed}: {d.metric} says {d.label}: {d.message}" for d in self.disagreements),
            *(self.execution.to_lines() if self.execution else []),
        ]
        return "\n".join(lines)

    def distinct_calls(self) -> int:
        """Number of distinct calls in the catalogue."""
        return self.catalogue_rows - sum(count - 1 for count in self.catalogue_duplicates.values())


def check_benchmark(
    benchmark: Benchmark, tick: Callable[[], None] = lambda: None, sandbox: Sandbox | None = None
) -> Report:
    """Scores every row's reference call and full answer with every static metric, and examines the data.

    ``tick`` is called after each answer: twice a row, and once more where a sandbox runs the references.
    """
    rows = benchmark.rows or benchmark.items
    report = Report(benchmark.name, len(rows), len(benchmark.items), catalogue_rows=len(benchmark.catalogue))
    calls = [_call_answer(benchmark, row) for row in rows]
    _feed(benchmark, rows, calls, "reference call", report, tick)
    if benchmark.answers:
        _feed(benchmark, rows, benchmark.answers, "reference answer", report, tick)
    else:
        _feed(benchmark, rows, [row.reference_program for row in rows], "reference program", report, tick)
    _examine_rows(benchmark, rows, report)
    _examine_catalogue(benchmark, report)
    if benchmark.train:
        trained = {item.api for item in benchmark.train}
        report.references_in_training = sum(row.api in trained for row in rows)
        report.near_copies_in_training = near_copies(benchmark.items, benchmark.train)
    if sandbox:
        report.execution = run_references(benchmark, sandbox, tick)
    return report


def _call_answer(benchmark: Benchmark, row: Item) -> str:
    """The reference call as an answer, of several calls all of them."""
    if benchmark.gorilla_dialect:  # in an api_call section, since upstream's Torch Hub copy reads nothing else
        return f"<<<api_call>>>: {row.reference_call}"
    return f"[{', '.join(row.calls)}]" if row.calls else row.reference_call


def _feed(
    benchmark: Benchmark, rows: Sequence[Item], texts: Sequence[str], fed: str, report: Report, tick: Callable[[], None]
) -> None:
    metrics = make_metrics(list(STATIC), benchmark)
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    totals: Counter[str] = Counter()
    for row, text in zip(rows, texts, strict=True):
        scored = score(metrics, row, extract(text, functions, question=row.instruction))
        totals.update(scored.metrics)
        for metric in ("ast.exact", "ast.gorilla"):
            if scored.metrics.get(metric, 1) < 1:
                label, message = scored.labels[metric], scored.messages.get(metric, "")
                report.disagreements.append(Disagreement(row.id, fed, metric, label, message))
        tick()
    report.ceilings[fed] = {name: value / len(rows) for name, value in totals.items()}


def _examine_rows(benchmark: Benchmark, rows: Sequence[Item], report: Report) -> None:
    ids = {item.id for item in benchmark.items}
    domains: dict[str, set[str]] = {}
    for api in benchmark.catalogue:
        domains.setdefault(api_key(api.call), set()).add(api.domain)
    report.rows_without_question = [row.id for row in rows if row.id not in ids]
    with_call = [row for row in rows if row.reference_call]
    report.reference_not_in_catalogue = [row.id for row in with_call if row.api not in domains]
    with_domain = [row for row in with_call if domains.get(row.api, {""}) != {""}]
    report.domain_not_in_catalogue = [row.id for row in with_domain if row.domain not in domains[row.api]]
    report.domain_not_in_answer = [
        row.id
        for row, answer in zip(rows, benchmark.answers, strict=False)
        if (match := _DOMAIN.search(answer)) and _plain(match[1]) != _plain(row.domain)
    ]
    report.reference_call_not_python = [
        row.id for row in with_call if not all(map(parses, (row.reference_call, *row.accepted)))
    ]
    report.reference_program_missing = [row.id for row in rows if not row.reference_program]
    report.reference_program_not_python = [
        r.id for r in rows if r.reference_program and not parses(r.reference_program)
    ]


def _examine_catalogue(benchmark: Benchmark, report: Report) -> None:
    counts = Counter(api.call for api in benchmark.catalogue)
    report.catalogue_duplicates = {call: count for call, count in counts.items() if count > 1}
    for call in report.catalogue_duplicates:
        domains = sorted({api.domain for api in benchmark.catalogue if api.call == call})
        if len(domains) > 1:
            report.catalogue_conflicting_domains[call] = domains


def near_copies(test: Iterable[Item], train: Iterable[Item], shared: float = 0.5) -> list[str]:
    """Ids of test items that share more than this share of their word trigrams with one training instruction."""
    training = [_trigrams(item.instruction) for item in train]
    copies = []
    for item in test:
        grams = _trigrams(item.instruction)
        if grams and any(len(grams & other) > shared * len(grams) for other in training):
            copies.append(item.id)
    return copies


def _plain(domain: str) -> str:
    return " ".join(domain.split()).casefold()


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = [word.strip(".,;:!?'\"()").casefold() for word in text.split()]
    return set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}


def _table(ceilings: dict[str, dict[str, float]]) -> list[str]:
    names = list(next(iter(ceilings.values())))
    head = "  " + " " * 42 + "".join(f"{fed:>20}" for fed in ceilings)
    body = [
        f"  {name + (' (lower is better)' if name in LOWER_IS_BETTER else ''):42}"
        + "".join(f"{values[name]:20.4f}" for values in ceilings.values())
        for name in names
    ]
    return [head, *body]


def _counted(what: str, rows: Sequence[str]) -> str:
    return f"{what} ({len(rows)}): {_some(rows)}" if rows else f"{what}: 0"


def _some(rows: Sequence[str]) -> str:
    return ", ".join(rows) if rows else "none"
