"""The files that CI reads, Markdown and JUnit XML: written whatever happens, so that none of an earlier call stays."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apigauge.harness.gate import render
from apigauge.harness.gate.interim import Interim
from apigauge.harness.gate.judge import Finding

UNDECIDED = "the gate was stopped before it had decided"


@dataclass(frozen=True, slots=True)
class Report:
    """What the documents say.

    Attributes:
        title: what was judged.
        decision: one for all findings.
        findings: one for each metric and slice.
        error: why nothing could be judged.
        interim: the look at which a gate with a budget stopped.
        notes: sentences on the answers.
        sides: who answered: name of the side, and its description.
    """

    title: str
    decision: str
    findings: Sequence[Finding] = ()
    error: str = ""
    interim: Interim | None = None
    notes: Sequence[str] = ()
    sides: Sequence[tuple[str, str]] = field(default=())

    def markdown(self) -> str:
        """For a pull request."""
        return render.markdown(
            self.title, self.decision, self.findings, self.error, self.interim, self.notes, self.sides
        )

    def junit(self) -> str:
        """For any CI."""
        return render.junit(self.title, self.findings, self.error, self.notes, self.sides)


def write(report: Report, markdown: Path | None, junit: Path | None) -> None:
    """Writes the documents that have a path.

    Raises:
        OSError: one cannot be written.
    """
    for path, text in ((markdown, report.markdown), (junit, report.junit)):
        if path:
            _write(path, text())


def write_broken(title: str, error: str, markdown: Path | None, junit: Path | None) -> list[str]:
    """Writes that nothing was decided; raises nothing, even if what renders documents is what is broken.

    Returns:
        A sentence for each document that could not be written.
    """
    report = Report(title, "broken", error=error)
    problems = []
    for path, text, plain in (
        (markdown, report.markdown, _plain_markdown),
        (junit, report.junit, _plain_junit),
    ):
        if path:
            try:
                _write(path, _or_plain(text, plain, error))
            except Exception as trouble:  # noqa: BLE001 - the other document, and the exit code, must not suffer
                problems.append(f"{path}: could not be written ({type(trouble).__name__}: {trouble})")
    return problems


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")


def _or_plain(text: Callable[[], str], plain: Callable[[str], str], error: str) -> str:
    try:
        return text()
    except Exception:  # noqa: BLE001 - see write_broken
        return plain("".join(character if character.isprintable() else " " for character in error))


def _plain_markdown(error: str) -> str:
    return f"### apigauge: broken\n\n    {error}\n"


def _plain_junit(error: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<testsuite name="apigauge gate" tests="1" failures="0" errors="1" skipped="0">\n'
        '  <testcase classname="apigauge" name="gate">\n'
        f'    <error message="{html.escape(error)}" type="broken" />\n'
        "  </testcase>\n</testsuite>\n"
    )
