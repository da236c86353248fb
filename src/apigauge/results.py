"""What the functions of :mod:`apigauge.api` return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from apigauge.errors import UsageError
from apigauge.file_formats import Manifest, MetricSummary, Summary
from apigauge.harness.evaluation import run_directory

if TYPE_CHECKING:
    from pandas import DataFrame

    from apigauge.harness.gate.judge import Finding


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Run:
    """A run directory.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def manifest(self) -> Manifest:
        """What the scores depend on, as in ``manifest.json``."""
        return run_directory.read_manifest(self.path)

    @property
    def summary(self) -> Summary:
        """Means with intervals, labels and problems, as in ``summary.json``.

        Raises:
            RunError: the run has not been scored.
        """
        return run_directory.read_summary(self.path)

    @property
    def metrics(self) -> dict[str, MetricSummary]:
        """Each metric's mean with its 95 % interval: ``run.metrics["ast.exact"]["value"]``."""
        return self.summary["metrics"]

    @property
    def answers(self) -> "DataFrame":
        """One row an answer, in the order they were scored.

        Columns: ``item``, ``sample``, ``text``, ``finish_reason``, ``call``, ``program``, ``how`` (found),
        ``reasoning``, ``unfinished``, each metric by its name, its category as ``label.NAME`` and its sentence as
        ``message.NAME``, and of the program's verdict ``status``, ``category``, ``stage`` and ``reason``. What an
        answer does not have is missing (None or NaN).

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise UsageError("Run.answers needs pandas: pip install 'apigauge[pandas]'") from None
        texts = {(row["item"], row["sample"]): row for row in self._rows(run_directory.GENERATIONS)}
        scores = {(row["item"], row["sample"]): row for row in self._rows(run_directory.SCORES)}
        return pd.DataFrame([_flat(key, texts.get(key, {}), scores.get(key)) for key in {**scores, **texts}])

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return run_directory.read_rows(self.path / name)


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What one answer scores.

    Attributes:
        metrics: numbers by name; a metric that fails on the answer is missing and labelled ``scorer_error``.
        labels: the category by metric, such as ``wrong_model``.
        messages: one sentence on the category by metric.
        call: the call found in the answer; None if there is none.
        program: the program around it; None if there is none.
        how: where the call was found.
        reasoning: what the model wrote before its answer; empty if nothing.
        unfinished: ``length`` if the answer was cut off, ``reasoning`` if it ends inside the reasoning; else None.
    """

    metrics: dict[str, float]
    labels: dict[str, str]
    messages: dict[str, str]
    call: str | None
    program: str | None
    how: str
    reasoning: str = ""
    unfinished: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate decides.

    Attributes:
        decision: ``pass``, ``regression`` or ``inconclusive`` (too few answers to tell): the worst of the findings.
        findings: one for each metric and slice.
        notes: sentences on the answers, such as how many are unfinished, and on what the two runs do not say.
    """

    decision: Literal["pass", "regression", "inconclusive"]
    findings: "Sequence[Finding]"
    notes: Sequence[str] = ()


def _flat(key: tuple[str, int], answer: Mapping[str, Any], scored: Mapping[str, Any] | None) -> dict[str, Any]:
    """An answer with its scores as one row of a table."""
    row = {"item": key[0], "sample": key[1], "text": answer.get("text"), "finish_reason": answer.get("finish_reason")}
    if scored is None:
        return row
    row |= {name: scored["extraction"].get(name) for name in ("call", "program", "how", "reasoning")}
    row |= {"unfinished": scored.get("unfinished")} | scored["metrics"]
    row |= {f"label.{name}": label for name, label in scored["labels"].items()}
    row |= {f"message.{name}": message for name, message in scored.get("messages", {}).items()}
    verdict = scored.get("verdict") or {}
    return row | {name: verdict.get(name) for name in ("status", "category", "stage", "reason")}
