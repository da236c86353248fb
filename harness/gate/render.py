"""The gate's findings as sentences, as Markdown for a pull request, and as JUnit XML for any CI."""

import hashlib
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apigauge.harness.evaluation.unfinished import is_much
from apigauge.harness.evaluation.usage import tokens_each, words
from apigauge.harness.gate.interim import Interim
from apigauge.harness.gate.judge import Finding
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.metrics.table import LOWER_IS_BETTER

_APIS, _ITEMS = 20, 12
# The JUnit element of a decision, on the whole benchmark (False) and on a slice of it (True).
_KINDS = {("regression", False): "failure", ("inconclusive", False): "error", ("pass", False): ""}
_KINDS |= {("regression", True): "failure", ("inconclusive", True): "skipped", ("pass", True): ""}


def sentence(one: Finding) -> str:
    """The decision on a metric, and why."""
    change = f"{one.title} went from {one.before:.4f} to {one.after:.4f}"
    interval = f"95 % interval of the difference {one.low:+.4f} to {one.high:+.4f}"
    drop = "rise" if one.name in LOWER_IS_BETTER else "drop"
    detectable = (
        f"With {one.n} {one.unit} about {one.apis} APIs (effectively {one.effective_apis:.1f}), 80 % power detects "
        f"{_detectable(one.minimum_detectable, drop)} lost {one.unit[:-1]} by {one.unit[:-1]}, and "
        f"{_detectable(one.minimum_detectable_apis, drop)} lost API by API"
    )
    if one.decision == "regression":
        return f"{change}: a regression (p = {one.p_adjusted:.2g}, {interval})."
    if one.decision == "pass":
        return f"{change}: not worse by more than {one.margin:g} ({interval}). {detectable}."
    return (
        f"{change}: too few {one.unit} to tell whether it is worse by more than {one.margin:g} "
        f"(p = {one.p_adjusted:.2g}, {interval}). {detectable}; a {drop} of {one.margin:g} takes about {one.needed} "
        f"{one.unit}. To rule it out in a run that is no worse takes about {_needed(one)}."
    )


def _detectable(least: float | None, drop: str) -> str:
    return f"a {drop} of {least:.3g}" if least is not None else f"no {drop}"


def _needed(one: Finding) -> str:
    """How many answers, about how many APIs as unequal as these, rule the margin out."""
    if one.needed_to_pass is None:
        return f"a thousand times as many {one.unit} or more"
    apis = math.ceil(one.effective_apis * one.needed_to_pass / one.n)
    return f"{one.needed_to_pass} {one.unit} (effectively {apis} APIs)"


def stopping(interim: Interim) -> str:
    """After how many questions the gate stopped, why, and that the numbers are valid there."""
    decided = f"Decided after {interim.questions} of {interim.budget} questions."
    if interim.is_cut:
        decided += " Then --max-tokens or --max-cost was reached; with a higher limit the same command goes on."
    return f"{decided} Intervals and p-values are valid at every look."


def unfinished(baseline: Outcomes, run: Outcomes) -> list[str]:
    """How many answers of both have no end, and a warning if that decides; empty if none has, or neither says."""
    sides = [(name, one.unfinished) for name, one in (("baseline", baseline), ("run", run)) if one.unfinished]
    if not any(record["count"] for _, record in sides):
        return []
    counted = ", ".join(
        f"{record['count']} of {record['answers']} in the {name} ({record['share']:.1%})" for name, record in sides
    )
    notes = [f"Unfinished answers, cut off or without an end of their reasoning: {counted}."]
    if much := [name for name, record in sides if is_much(record)]:
        notes.append(
            f"Warning: more than a tenth of the answers in the {' and in the '.join(much)} are unfinished, so this "
            "says little of the model. Give it more room: --max-new-tokens."
        )
    return notes


def costs(baseline: Outcomes, run: Outcomes) -> list[str]:
    """What the answers of both took, where it is recorded."""
    sides = [(name, one.usage) for name, one in (("baseline", baseline), ("run", run)) if one.usage]
    notes = [f"The {name} took {words(record)}." for name, record in sides]
    rates = [tokens_each(record) for _, record in sides]
    if len(rates) == 2 and rates[0] and rates[1]:
        notes.append(f"Tokens an answer went from {rates[0]:.1f} to {rates[1]:.1f} ({rates[1] / rates[0] - 1:+.1%}).")
    return notes


def sides(baseline: Outcomes, run: Outcomes) -> list[tuple[str, str]]:
    """Who answered: the name of each side, and its description."""
    return [("baseline", answered_by(baseline)), ("run", answered_by(run))]


def answered_by(outcomes: Outcomes) -> str:
    """The model and all that its record says of how it answered, and how much of that was not answered anew."""
    record = dict(outcomes.model)
    details = [f"{name} {value(record[name])}" for name in sorted(record) if name not in ("spec", "kind")]
    if outcomes.hits:
        details.append(f"{outcomes.hits} answers from the cache")
    questions = len({item for item, _ in outcomes.rows})
    if outcomes.items and questions < outcomes.items:
        details.append(f"{questions} of {outcomes.items} questions answered")
    name = _printable(str(record.get("spec") or "a model that is not named"))
    return f"{name} ({'; '.join(details)})" if details else name


def value(entry: Any) -> str:
    """An entry of a generator's record, in one line."""
    if isinstance(entry, Mapping):
        return ", ".join(f"{_printable(str(name))} {value(one)}" for name, one in entry.items()) or "{}"
    if entry is None:
        return "not set"
    return _printable(entry if isinstance(entry, str) and entry else repr(entry))


def lost(one: Finding, apis: int = _APIS, items: int = _ITEMS) -> Iterator[str]:
    """The answers that got worse, a line for each API, the API with most of them first."""
    if not one.lost:
        return
    yield f"{sum(map(len, one.lost.values()))} {one.unit} got worse in {one.title}, about {len(one.lost)} APIs:"
    for api, keys in list(one.lost.items())[:apis]:
        names = ", ".join(_printable(item if sample == 0 else f"{item}/{sample}") for item, sample in keys[:items])
        more = f" and {len(keys) - items} more" if len(keys) > items else ""
        yield f"{_printable(api)}: {names}{more}"
    if len(one.lost) > apis:
        yield f"and {len(one.lost) - apis} more APIs"


def mark(title: str) -> str:
    """The first line of the Markdown, invisible on the page: it identifies the comment of this title."""
    return f"<!-- apigauge gate {hashlib.sha256(title.encode('utf-8', 'surrogatepass')).hexdigest()[:16]} -->"


def markdown(
    title: str,
    decision: str,
    findings: Sequence[Finding],
    error: str = "",
    interim: Interim | None = None,
    notes: Sequence[str] = (),
    answered: Sequence[tuple[str, str]] = (),
) -> str:
    """A summary as GitHub and GitLab show it.

    Args:
        title: what was judged.
        decision: one for all findings.
        findings: one for each metric.
        error: why nothing could be judged.
        interim: the look at which a gate with a budget stopped.
        notes: sentences on the answers, as of :func:`unfinished`.
        answered: who answered, as of :func:`sides`.
    """
    heading = _printable(title).replace("`", "'")
    lines = [mark(title), f"### apigauge: {decision} (`{heading}`)"]
    if error:
        lines += ["", f"    {_one_line(error)}"]
    for name, description in answered:
        lines += ["", f"{name}: `{description.replace('`', chr(39))}`"]
    if findings:
        lines += ["", "| metric | baseline | run | difference | 95 % interval | p | decision |"]
        lines.append("|---|---|---|---|---|---|---|")
    lines += [
        f"| `{one.title}` | {one.before:.4f} | {one.after:.4f} | {one.difference:+.4f} | {one.low:+.4f} to "
        f"{one.high:+.4f} | {one.p_adjusted:.2g} | {one.decision} |"
        for one in findings
    ]
    if interim:
        lines += ["", stopping(interim)]
    for note in notes:
        lines += ["", f"**{note}**" if note.startswith("Warning") else note]
    for one in findings:
        lines += ["", sentence(one)]
        if summary := list(lost(one)):
            # In an indented block, nothing in an item's or an API's name is markup.
            lines += ["", f"<details><summary>{summary[0]}</summary>", "", *(f"    {line}" for line in summary[1:])]
            lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def junit(
    title: str,
    findings: Sequence[Finding],
    error: str = "",
    notes: Sequence[str] = (),
    answered: Sequence[tuple[str, str]] = (),
) -> str:
    """One test case for each finding; a single one with an error where nothing could be judged.

    A regression is a failure. An inconclusive finding is an error on the whole benchmark, and skipped on a slice.
    """
    title = _one_line(title)
    kinds = [_KINDS[one.decision, bool(one.slice)] for one in findings] + ["error"] * bool(error)
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }
    suite = ET.Element("testsuite", {"name": f"apigauge gate {title}", **counts})
    if answered:
        properties = ET.SubElement(suite, "properties")
        for name, description in answered:
            ET.SubElement(properties, "property", {"name": name, "value": _one_line(description)})
    if error:
        case = ET.SubElement(suite, "testcase", {"classname": f"apigauge.{title}", "name": "gate"})
        ET.SubElement(case, "error", {"message": _one_line(error), "type": "broken"})
    for one in findings:
        case = ET.SubElement(suite, "testcase", {"classname": f"apigauge.{title}", "name": one.title})
        if kind := _KINDS[one.decision, bool(one.slice)]:
            outcome = ET.SubElement(case, kind, {"message": sentence(one), "type": one.decision})
            outcome.text = "\n".join(lost(one))
    if notes:
        ET.SubElement(suite, "system-out").text = "\n".join(notes)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _printable(text: str) -> str:
    plain = text if text.isprintable() else repr(text)
    return plain if len(plain) <= 120 else f"{plain[:117]}..."
