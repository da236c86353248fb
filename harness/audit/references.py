"""Runs a benchmark's reference answers in a sandbox: the ceiling of executability there, and what keeps it below 1.

Reference answers take the same path as a model's answers: extraction, sandbox, scores.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from apigauge.benchmarks.types import Benchmark, api_key
from apigauge.file_formats import SandboxRecord
from apigauge.harness.audit.attribution import ATTRIBUTIONS, NOT_INSTALLED, Attribution, Rule, count_lines, rule_for
from apigauge.harness.audit.call_imports import imports_of, origins_of
from apigauge.harness.audit.hub_description import only_names
from apigauge.harness.evaluation import ceilings
from apigauge.harness.evaluation.ceilings import OF_SOME, RATES
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import find_calls, functions_of, imports, resolve
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.correctness import CORRECT, DEPRECATED, Correctness
from apigauge.harness.metrics.executability import infra_errors, is_withheld
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes.verdict import Sandbox


@dataclass(frozen=True, slots=True)
class Reference:
    """The result of one reference.

    Attributes:
        row: id of the benchmark's row.
        library: the package that its API is imported from.
        label: the outcome, as in a run's labels.
        reason: one sentence.
        metrics: ``exec.*``; empty if the sandbox failed.
        rule: why it does not run to its end, and what that is attributed to; None if it does.
        incorrect: why its own tests or output do not agree; empty if they do, or if there are none.
        deprecated: the deprecation warning that it raises; empty if it raises none.
    """

    row: str
    library: str
    label: str
    reason: str
    metrics: dict[str, float]
    rule: Rule | None
    incorrect: str = ""
    deprecated: str = ""

    @property
    def attribution(self) -> Attribution | None:
        """What its failure is attributed to; None if it runs to its end."""
        return self.rule.attribution if self.rule else None


@dataclass(frozen=True, slots=True)
class Execution:
    """The results of all references in a sandbox.

    Attributes:
        sandbox: as in a run's manifest.
        references: one result for each.
        infra_error_rate: share of the programs that did not run because the sandbox failed.
        withheld: whether that share is too high to publish the metrics.
    """

    sandbox: SandboxRecord
    references: list[Reference]
    infra_error_rate: float
    withheld: bool

    @property
    def metrics(self) -> dict[str, float]:
        """Means of ``exec.call``, ``exec.rate`` and, where items have tests, ``exec.correct``; none if withheld."""
        return {} if self.withheld else _means(self.references)

    def by_library(self) -> dict[str, dict[str, float]]:
        """Programs and means for each library, the most used first."""
        groups = _grouped(self.references, lambda one: one.library)
        return {name: {"programs": len(group), **_means(group)} for name, group in groups}

    def by_label(self) -> dict[str, dict[str, int]]:
        """For each outcome of a failed reference, the number of references, in all and by attribution."""
        groups = _grouped((one for one in self.references if one.attribution), lambda one: one.label)
        return {
            label: {"references": len(group)}
            | {attribution: sum(one.attribution == attribution for one in group) for attribution in ATTRIBUTIONS}
            for label, group in groups
        }

    def attributions(self) -> dict[str, dict[str, int]]:
        """For each rate, the number of references that miss it, by attribution."""
        counts = {rate: Counter(rule.attribution for rule in self._rules(rate)) for rate in RATES}
        return {
            rate: {attribution: count[attribution] for attribution in ATTRIBUTIONS} for rate, count in counts.items()
        }

    def _rules(self, rate: str) -> list[Rule]:
        """For each reference that misses a rate, the rule that says why."""
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
            "faults": self.attributions(),
            "reasons": {rate: dict(Counter(rule.why for rule in self._rules(rate)).most_common()) for rate in RATES},
            "incorrect": {one.row: one.incorrect for one in self.references if one.incorrect},
            "deprecated": {one.row: one.deprecated for one in self.references if one.deprecated},
            "not_passed": [
                {
                    "row": one.row,
                    "library": one.library,
                    "label": one.label,
                    "reason": one.reason,
                    "called": one.metrics.get("exec.call") == 1,
                    "fault": one.attribution,
                    "why": one.rule.why if one.rule else None,
                }
                for one in self.references
                if one.attribution
            ],
        }

    def installed(self) -> list[Reference]:
        """The references whose packages are all installed in the environment."""
        return [one for one in self.references if not NOT_INSTALLED.search(one.reason)]

    def sound(self) -> list[Reference]:
        """The references that make their call, or have a program whose failure is not attributed to the benchmark."""
        return [
            one
            for one in self.references
            if one.metrics.get("exec.call") == 1 or (one.attribution != "benchmark" and one.rule != _CALL_ALONE)
        ]

    def to_lines(self) -> list[str]:
        """For the terminal."""
        passed = sum(one.attribution is None for one in self.references)
        installed = self.installed()
        lines = [
            "",
            f"references run in the {self.sandbox.get('kind')} sandbox: {len(self.references)}; to their end: {passed}",
        ]
        if self.withheld:
            lines.append("  rates withheld: the sandbox failed for too many of them")
        else:
            columns = [("all", self.references), ("installed", installed), ("sound", self.sound())]
            lines += ["  " + " " * 12 + "".join(f"{f'{name} ({len(group)})':>18}" for name, group in columns)]
            means = [_means(group) for _, group in columns]
            rates = [rate for rate in (*RATES, *OF_SOME) if rate in means[0]]
            lines += [f"  {rate:12}" + "".join(f"{one.get(rate, 0):18.4f}" for one in means) for rate in rates]
            lines.append("  installed: all packages are; sound: makes its call, or has a program that is not to blame")
        if self.infra_error_rate:
            lines.append(f"  {self.infra_error_rate:.2%} could not be run because the sandbox failed")
        lines += ["", f"  {'library':24}{'references':>10}{'exec.call':>12}{'exec.rate':>12}"]
        for name, row in self.by_library().items():
            numbers = "".join(f"{row[rate]:12.4f}" if rate in row else f"{'-':>12}" for rate in RATES)
            lines.append(f"  {name:24}{row['programs']:10.0f}{numbers}")
        lines += ["", f"  {'does not run':24}{'references':>10}" + "".join(f"{name:>13}" for name in ATTRIBUTIONS)]
        for label, counts in self.by_label().items():
            numbers = "".join(f"{counts[name]:13}" for name in ATTRIBUTIONS)
            lines.append(f"  {label:24}{counts['references']:10}{numbers}")
        for rate in RATES:
            lines += ["", f"references that miss {rate}, attributed to:", *count_lines(self._rules(rate))]
        failed = [one for one in self.references if one.attribution]
        lines += ["", f"references that do not run ({len(failed)}):"]
        lines += [f"  row {one.row}: {one.label} ({one.attribution}): {one.reason}" for one in failed]
        return [*lines, *self._own_tests()]

    def _own_tests(self) -> list[str]:
        """What the references' own tests, outputs and libraries say against them."""
        incorrect = [one for one in self.references if one.incorrect]
        deprecated = [one for one in self.references if one.deprecated]
        lines = []
        if any(CORRECT in one.metrics for one in self.references):
            lines += ["", f"references that their own tests or output reject ({len(incorrect)}):"]
            lines += [f"  row {one.row}: {one.incorrect}" for one in incorrect]
        if deprecated:
            lines += ["", f"references that raise a deprecation warning ({len(deprecated)}):"]
            lines += [f"  row {one.row}: {one.deprecated}" for one in deprecated]
        return lines


def run_references(benchmark: Benchmark, sandbox: Sandbox, tick: Callable[[], None] = lambda: None) -> Execution:
    """Runs the benchmark's reference answers, or its reference programs where it has no answers; saves the ceilings."""
    rows = benchmark.rows or benchmark.items
    answers = list(program_answers(benchmark))
    libraries = [
        library(benchmark, answer["extraction"]["call"] or "", answer["extraction"]["program"] or "")
        for answer in answers
    ]
    done = []
    with contextlib.closing(executed(answers, sandbox, ObservedCalls(benchmark), Correctness(benchmark))) as finished:
        for answer in finished:
            done.append(answer)
            tick()
    failed, ran = infra_errors(done)
    description = sandbox.describe()
    record = cast("SandboxRecord", description)
    attribute = _Attributed(
        frozenset(api_key(api.call) for api in benchmark.catalogue),
        only_names(benchmark.hub, record),
        _imported(benchmark, sandbox, done),
    )
    references = [
        Reference(
            row.id,
            library,
            answer["labels"]["exec.rate"],
            answer["messages"].get("exec.rate", ""),
            answer["metrics"],
            attribute.rule(answer, row.api),
            _said(answer, CORRECT) if answer["metrics"].get(CORRECT) == 0 else "",
            _said(answer, DEPRECATED) if answer["metrics"].get(DEPRECATED) else "",
        )
        for row, library, answer in zip(rows, libraries, done, strict=True)
    ]
    execution = Execution(record, references, failed / ran if ran else 0.0, is_withheld(failed, ran))
    if not execution.withheld:
        measured = {one.row: one.metrics for one in references if one.metrics}
        ceilings.save(benchmark, description, measured)
    return execution


def _said(answer: Mapping[str, Any], metric: str) -> str:
    """A metric's label and message."""
    return f"{answer['labels'].get(metric, '')}: {answer['messages'].get(metric, '')}"


def program_answers(benchmark: Benchmark) -> Iterator[dict[str, Any]]:
    """The benchmark's reference answers as rows of a run, extracted and not yet scored."""
    rows = benchmark.rows or benchmark.items
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    texts = benchmark.answers or [None] * len(rows)
    for row, text in zip(rows, texts, strict=True):
        call, program = row.reference_call, row.reference_program or None
        if text is not None:
            extraction = extract(text, functions, question=row.instruction)
            call, program = extraction.call or call, extraction.program
        yield {
            "item": row.id,
            "extraction": {"call": call, "program": program},
            "metrics": {},
            "labels": {},
            "messages": {},
        }


def library(benchmark: Benchmark, call: str, program: str) -> str:
    """The package of the called function; ``none`` if there is no call, ``not imported`` if it is not imported."""
    span = next(find_calls(call), None)
    if span is None:
        return "none"
    names = benchmark.conventions | imports(program)
    return resolve(span.callee, names).split(".")[0] if span.callee.split(".")[0] in names else "not imported"


# For a reference whose API is not in the catalogue.
_NOT_IN_CATALOGUE = Rule("benchmark", "an API that is not in the catalogue")
# For a reference without a program.
_CALL_ALONE = Rule("ours", "a call alone, which returns once its name is imported")


class _Attributed(NamedTuple):
    """What references' failures are attributed to.

    Attributes:
        catalogue: the keys of its APIs.
        only_names: the repositories of which the hub has only the name.
        imported: by row, what became of the calls that stand alone once their names are imported.
    """

    catalogue: frozenset[str]
    only_names: frozenset[str]
    imported: dict[str, dict[str, Any]]

    def rule(self, answer: dict[str, Any], api: str) -> Rule | None:
        """The rule for a reference's failure; None if it runs to its end."""
        if answer["metrics"].get("exec.rate") == 1:
            return None
        answer = self.imported.get(answer["item"], answer)
        if answer["metrics"].get("exec.rate") == 1:
            return _CALL_ALONE
        verdict, label = answer["verdict"], answer["labels"]["exec.rate"]
        if not verdict["stage"]:
            label = "failed/syntax"
        if label == "failed/hub_not_found" and api not in self.catalogue:
            return _NOT_IN_CATALOGUE
        extraction = answer["extraction"]
        return rule_for(label, verdict["reason"], extraction["program"] or extraction["call"] or "", self.only_names)


def _imported(benchmark: Benchmark, sandbox: Sandbox, done: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By row, the calls that stand alone and lack a name, run with the imports that the benchmark's programs have."""
    origins = origins_of(benchmark)
    alone = []
    for answer in done:
        call = answer["extraction"]["call"]
        if call and not answer["extraction"]["program"] and answer["labels"]["exec.rate"] == "failed/name":
            program = f"{imports_of(call, origins)}\n{call}"
            alone.append(answer | {"extraction": {"call": call, "program": program}, "metrics": {}, "labels": {}})
    with contextlib.closing(executed(alone, sandbox, ObservedCalls(benchmark))) as finished:
        return {answer["item"]: answer for answer in finished}


def _means(references: Sequence[Reference]) -> dict[str, float]:
    measured = [one.metrics for one in references if one.metrics]
    return ceilings.means(measured) if measured else dict.fromkeys(RATES, 0.0)


def _grouped(references: Iterable[Reference], key: Callable[[Reference], str]) -> list[tuple[str, list[Reference]]]:
    groups: dict[str, list[Reference]] = {}
    for one in references:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0]))
