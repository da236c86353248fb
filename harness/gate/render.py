"""What the gate found, for people: sentences, Markdown for a pull request, JUnit XML for any CI."""

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from apigauge.harness.gate.interim import Interim
from apigauge.harness.gate.judge import Finding
from apigauge.harness.metrics.table import LOWER_IS_BETTER

_APIS, _ITEMS = 20, 12
# What JUnit calls a decision, on a whole benchmark and on a part of it.
_KINDS = {("regression", False): "failure", ("inconclusive", False): "error", ("pass", False): ""}
_KINDS |= {("regression", True): "failure", ("inconclusive", True): "skipped", ("pass", True): ""}


def sentence(one: Finding) -> str:
    """What was decided about a metric, and why."""
    went = f"{one.title} went from {one.before:.4f} to {one.after:.4f}"
    span = f"95 % interval of the difference {one.low:+.4f} to {one.high:+.4f}"
    drop = "rise" if one.name in LOWER_IS_BETTER else "drop"
    answers = f"{one.n} answers about {one.apis} APIs"
    least = (
        f"{answers} would show a {drop} of {one.minimum_detectable:.4f} in 80 % of all cases"
        if one.minimum_detectable is not None
        else f"{answers} could show no {drop} at all"
    )
    if one.decision == "regression":
        return f"{went}: a regression (p = {one.p_adjusted:.2g}, {span})."
    if one.decision == "pass":
        return f"{went}: not worse by more than {one.margin:g} ({span}). {least}."
    return (
        f"{went}: too few answers to tell whether it is worse by more than {one.margin:g} (p = {one.p_adjusted:.2g}, "
        f"{span}). {least}; for a {drop} of {one.margin:g} about {one.needed} answers would be needed."
    )


def asked(stopped: Interim) -> str:
    """How many questions it took, and what that makes of the numbers."""
    took = f"Decided after {stopped.asked} of {stopped.budget} questions."
    return f"{took} Intervals and p-values hold wherever asking stops."


def lost(one: Finding, apis: int = _APIS, items: int = _ITEMS) -> Iterator[str]:
    """The answers that got worse, a line for each API, those that lost most first."""
    if not one.lost:
        return
    yield f"{sum(map(len, one.lost.values()))} answers got worse in {one.title}, about {len(one.lost)} APIs:"
    for api, keys in list(one.lost.items())[:apis]:
        named = ", ".join(_printable(item if sample == 0 else f"{item}/{sample}") for item, sample in keys[:items])
        more = f" and {len(keys) - items} more" if len(keys) > items else ""
        yield f"{_printable(api)}: {named}{more}"
    if len(one.lost) > apis:
        yield f"and {len(one.lost) - apis} more APIs"


def mark(title: str) -> str:
    """The first line of the Markdown, shown nowhere: it tells the comments on a pull request apart, by their titles."""
    return f"<!-- apigauge gate {hashlib.sha256(title.encode('utf-8', 'surrogatepass')).hexdigest()[:16]} -->"


def markdown(
    title: str, decision: str, findings: Sequence[Finding], trouble: str = "", stopped: Interim | None = None
) -> str:
    """A summary as GitHub and GitLab show it.

    Args:
        title: what was judged.
        decision: on all of it.
        findings: of each metric.
        trouble: why nothing could be judged.
        stopped: where questions were asked until it was decided.
    """
    named = _printable(title).replace("`", "'")
    lines = [mark(title), f"### apigauge: {decision} (`{named}`)"]
    if trouble:
        lines += ["", f"    {_one_line(trouble)}"]
    if findings:
        lines += ["", "| metric | baseline | run | difference | 95 % interval | p | decision |"]
        lines.append("|---|---|---|---|---|---|---|")
    lines += [
        f"| `{one.title}` | {one.before:.4f} | {one.after:.4f} | {one.difference:+.4f} | {one.low:+.4f} to "
        f"{one.high:+.4f} | {one.p_adjusted:.2g} | {one.decision} |"
        for one in findings
    ]
    if stopped:
        lines += ["", asked(stopped)]
    for one in findings:
        lines += ["", sentence(one)]
        if found := list(lost(one)):
            # An indented block: nothing that an item's or an API's name holds is markup there.
            lines += ["", f"<details><summary>{found[0]}</summary>", "", *(f"    {line}" for line in found[1:])]
            lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def junit(title: str, findings: Sequence[Finding], trouble: str = "") -> str:
    """One test case for each metric, a regression a failure, an inconclusive one an error; one error for trouble.

    A part of the benchmark with too few answers to tell is skipped.
    """
    title = _one_line(title)
    kinds = [_KINDS[one.decision, bool(one.part)] for one in findings] + ["error"] * bool(trouble)
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }
    suite = ET.Element("testsuite", {"name": f"apigauge gate {title}", **counts})
    if trouble:
        case = ET.SubElement(suite, "testcase", {"classname": f"apigauge.{title}", "name": "gate"})
        ET.SubElement(case, "error", {"message": _one_line(trouble), "type": "broken"})
    for one in findings:
        case = ET.SubElement(suite, "testcase", {"classname": f"apigauge.{title}", "name": one.title})
        if kind := _KINDS[one.decision, bool(one.part)]:
            told = ET.SubElement(case, kind, {"message": sentence(one), "type": one.decision})
            told.text = "\n".join(lost(one))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _printable(text: str) -> str:
    plain = text if text.isprintable() else repr(text)
    return plain if len(plain) <= 120 else f"{plain[:117]}..."
