"""What a benchmark's own answers do in a sandbox: the ceiling of executability there, and who keeps it below 1.

The reference answers go the way a model's answers go: extraction, sandbox, scores.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.benchmarks.types import Benchmark, api_key
from apigauge.harness.audit.attribution import FAULTS, NOT_INSTALLED, Fault, Rule, count_lines, rule_for
from apigauge.harness.evaluation import ceilings
from apigauge.harness.evaluation.ceilings import RATES
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import find_calls, functions_of, imports, resolve
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.executability import infra_errors, is_withheld
from apigauge.sandboxes.verdict import Sandbox


@dataclass(frozen=True, slots=True)
class Reference:
    """What one reference did.

    Attributes:
        row: of the benchmark.
        library: the package that its API is imported from.
        label: the outcome, as in a run's labels.
        reason: one sentence.
        metrics: ``exec.*``; empty if it failed through the sandbox's own trouble.
        rule: why it does not run to its end, and whose fault that is; None if it does.
    """

    row: str
    library: str
    label: str
    reason: str
    metrics: dict[str, float]
    rule: Rule | None

    @property
    def fault(self) -> Fault | None:
        """Who keeps it from running to its end; None if nobody does."""
        return self.rule.fault if self.rule else None


@dataclass(frozen=True, slots=True)
class Execution:
    """What the references did in a sandbox.

    Attributes:
        sandbox: as in a run's manifest.
        references: each of them.
        infra_error_rate: the share that failed through the sandbox's own trouble.
        withheld: whether that is too many for a number.
    """

    sandbox: dict[str, Any]
    references: list[Reference]
    infra_error_rate: float
    withheld: bool

    @property
    def metrics(self) -> dict[str, float]:
        """Means of ``exec.call`` and ``exec.rate``; none if they are withheld."""
        return {} if self.withheld else _means(self.references)

    def by_library(self) -> dict[str, dict[str, float]]:
        """Programs and means for each library, the most used first."""
        groups = _grouped(self.references, lambda one: one.library)
        return {name: {"programs": len(group), **_means(group)} for name, group in groups}

    def by_label(self) -> dict[str, dict[str, int]]:
        """For each outcome but the best, how many references, and whose fault they are."""
        groups = _grouped((one for one in self.references if one.fault), lambda one: one.label)
        return {
            label: {"references": len(group)} | {fault: sum(one.fault == fault for one in group) for fault in FAULTS}
            for label, group in groups
        }

    def faults(self) -> dict[str, dict[str, int]]:
        """For each rate, how many references miss it through whose fault."""
        counts = {rate: Counter(rule.fault for rule in self._rules(rate)) for rate in RATES}
        return {rate: {fault: count[fault] for fault in FAULTS} for rate, count in counts.items()}

    def _rules(self, rate: str) -> list[Rule]:
        """Why each reference that misses a rate does so."""
        return [one.rule for one in self.references if one.rule and one.metrics.get(rate) == 0]

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "sandbox": self.sandbox,
            "programs": len(self.references),
            "metrics": self.metrics,
            "installed": _means(self.installed()),
            "sound": {"programs": len(self.sound()), **_means(self.sound())},
            "infra_error_rate": self.infra_error_rate,
            "libraries": self.by_library(),
            "labels": dict(Counter(one.label for one in self.references).most_common()),
            "failures": self.by_label(),
            "faults": self.faults(),
            "reasons": {rate: dict(Counter(rule.why for rule in self._rules(rate)).most_common()) for rate in RATES},
            "not_passed": [
                {
                    "row": one.row,
                    "library": one.library,
                    "label": one.label,
                    "reason": one.reason,
                    "called": one.metrics.get("exec.call") == 1,
                    "fault": one.fault,
                    "why": one.rule.why if one.rule else None,
                }
                for one in self.references
                if one.fault
            ],
        }

    def installed(self) -> list[Reference]:
        """The references all of whose packages the environment has."""
        return [one for one in self.references if not NOT_INSTALLED.search(one.reason)]

    def sound(self) -> list[Reference]:
        """The references that the benchmark itself does not keep from making their call."""
        return [one for one in self.references if one.fault != "benchmark" or one.metrics.get("exec.call") == 1]

    def to_lines(self) -> list[str]:
        """For the terminal."""
        passed = sum(one.fault is None for one in self.references)
        installed = self.installed()
        lines = [
            "",
            f"references run in the {self.sandbox.get('kind')} sandbox: {len(self.references)}; to their end: {passed}",
        ]
        if self.withheld:
            lines.append("  too many failed through the sandbox's own trouble for a number")
        else:
            columns = [("all", self.references), ("installed", installed), ("sound", self.sound())]
            lines += ["  " + " " * 12 + "".join(f"{f'{name} ({len(group)})':>18}" for name, group in columns)]
            means = [_means(group) for _, group in columns]
            lines += [f"  {rate:12}" + "".join(f"{one[rate]:18.4f}" for one in means) for rate in RATES]
            lines += ["  installed: has all its packages; sound: the benchmark does not keep it from making its call"]
        if self.infra_error_rate:
            lines.append(f"  {self.infra_error_rate:.2%} could not be run through the sandbox's own trouble")
        lines += ["", f"  {'library':24}{'references':>10}{'exec.call':>12}{'exec.rate':>12}"]
        for name, row in self.by_library().items():
            lines.append(f"  {name:24}{row['programs']:10.0f}{row['exec.call']:12.4f}{row['exec.rate']:12.4f}")
        lines += ["", f"  {'does not run':24}{'references':>10}" + "".join(f"{fault:>13}" for fault in FAULTS)]
        for label, counts in self.by_label().items():
            lines.append(f"  {label:24}{counts['references']:10}" + "".join(f"{counts[fault]:13}" for fault in FAULTS))
        for rate in RATES:
            lines += ["", f"{rate} is missed through whose fault:", *count_lines(self._rules(rate))]
        lines += ["", f"references that do not run ({len(self.references) - passed}):"]
        lines += [f"  row {one.row}: {one.label} ({one.fault}): {one.reason}" for one in self.references if one.fault]
        return lines


def run_references(benchmark: Benchmark, sandbox: Sandbox, tick: Callable[[], None] = lambda: None) -> Execution:
    """Runs the benchmark's own answers (its reference programs where it has no answers), and keeps what came of it."""
    rows = benchmark.rows or benchmark.items
    answers = list(program_answers(benchmark))
    libraries = [
        library(benchmark, answer["extraction"]["call"] or "", answer["extraction"]["program"] or "")
        for answer in answers
    ]
    known = {api_key(api.call) for api in benchmark.catalogue}
    done = []
    with contextlib.closing(executed(answers, sandbox)) as finished:
        for answer in finished:
            done.append(answer)
            tick()
    failed, ran = infra_errors(done)
    references = [
        Reference(
            row.id,
            library,
            answer["labels"]["exec.rate"],
            answer["messages"].get("exec.rate", ""),
            answer["metrics"],
            _rule(answer, in_catalogue=row.api in known),
        )
        for row, library, answer in zip(rows, libraries, done, strict=True)
    ]
    execution = Execution(sandbox.describe(), references, failed / ran if ran else 0.0, is_withheld(failed, ran))
    if not execution.withheld:
        measured = {one.row: one.metrics for one in references if one.metrics}
        ceilings.save(benchmark, execution.sandbox, measured)
    return execution


def program_answers(benchmark: Benchmark) -> Iterator[dict[str, Any]]:
    """The benchmark's own answers as rows of a run, extracted and not yet scored."""
    rows = benchmark.rows or benchmark.items
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    texts = benchmark.answers or [None] * len(rows)
    for row, text in zip(rows, texts, strict=True):
        call, program = row.reference_call, row.reference_program or None
        if text is not None:
            found = extract(text, functions)
            call, program = found.call or call, found.program
        yield {
            "item": row.id,
            "extraction": {"call": call, "program": program},
            "metrics": {},
            "labels": {},
            "messages": {},
        }


def library(benchmark: Benchmark, call: str, program: str) -> str:
    """The package of the function that a call in a program names; ``none`` of no call, or that it is not imported."""
    span = next(find_calls(call), None)
    if span is None:
        return "none"
    names = benchmark.conventions | imports(program)
    return resolve(span.callee, names).split(".")[0] if span.callee.split(".")[0] in names else "not imported"


# What is said of a reference whose own API is not one of the catalogue's.
_NOT_IN_CATALOGUE = Rule("benchmark", "an API that is not in the catalogue")


def _rule(answer: dict[str, Any], *, in_catalogue: bool) -> Rule | None:
    verdict, label = answer["verdict"], answer["labels"]["exec.rate"]
    if answer["metrics"].get("exec.rate") == 1:
        return None
    if not verdict["stage"]:
        label = "failed/syntax"
    if label == "failed/hub_not_found" and not in_catalogue:
        return _NOT_IN_CATALOGUE
    return rule_for(label, verdict["reason"])


def _means(references: Sequence[Reference]) -> dict[str, float]:
    measured = [one.metrics for one in references if one.metrics]
    return {rate: sum(one[rate] for one in measured) / len(measured) if measured else 0.0 for rate in RATES}


def _grouped(references: Iterable[Reference], key: Callable[[Reference], str]) -> list[tuple[str, list[Reference]]]:
    groups: dict[str, list[Reference]] = {}
    for one in references:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0]))
