"""How good labelers are: AUC and kappa for each question, on rows that nothing is trained on.

The rows are the validation part of a recipe's training rows. Judged are answers made of their references, with one
fault each (``made_answers.py``), or answers that a policy draws. They are held against

- **references**: what a made answer is known to deserve; of a drawn answer, whether its call is the reference's
  (``ast.exact``), which is the question ``asked``;
- **execution**: what the sandbox says, for the four questions that a run decides, if ``execution`` is among the
  labelers.

``table.json`` and ``table.md`` have the result, ``labels/`` every reply; called again, it asks for what is missing.

This module loads torch for drawn answers only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.evaluation import run_directory
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.registry import make_metrics
from apigauge.harness.plugins.rlaif import feedback
from apigauge.harness.plugins.rlaif.digests import data_digest
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labeler
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.harness.plugins.rlaif.rank_agreement import DRAWS, SEED, Judged, measured

EXECUTION, REFERENCES = "execution", "references"
JSON, MARKDOWN, DRAWN = "table.json", "table.md", "answers"
Truth = Mapping[tuple[str, int], Mapping[str, bool | None]]


@dataclass(frozen=True, slots=True)
class Examined:
    """The answers that labelers are examined on.

    Attributes:
        kind: ``made``, or the policy that drew them.
        answers: in order.
        truth: by item and sample, the labels that are known from the references.
    """

    kind: str
    answers: list[Answer]
    truth: Truth


def made(rows: Sequence[Item]) -> Examined:
    """Answers made of references."""
    answers = made_answers(rows)
    return Examined("made", [one.answer for one in answers], {_key(one.answer): one.truth for one in answers})


def drawn(
    policy: str, benchmark: Benchmark, rows: Sequence[Item], out: Path, options: feedback.FeedbackOptions
) -> Examined:
    """Answers that a policy draws, into ``answers/``.

    Raises:
        RunError: some failed; another call asks for them.
        ModelError: the policy is unavailable.
    """
    answers = feedback.draw(policy, replace(benchmark, train=tuple(rows)), out / DRAWN, options)
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    (exact,) = make_metrics(["ast_match"], benchmark)
    scores = {_key(one): exact(one.item, extract(one.text, functions)).metrics["ast.exact"] for one in answers}
    return Examined(policy, answers, {key: {"asked": score == 1} for key, score in scores.items()})


def spread(rows: Sequence[Item], most: int | None) -> list[Item]:
    """At most so many of the rows, evenly spread."""
    return list(rows) if most is None else list(rows[:: max(1, -(-len(rows) // most))][:most])


def table(labelers: Mapping[str, Labeler], benchmark: Benchmark, examined: Examined, out: Path) -> dict[str, Any]:
    """Labels the answers by every labeler, and writes the table.

    Args:
        labelers: by name.
        benchmark: with the rows that the labelers may learn from, none of them among those of the answers.
        examined: the answers.
        out: the folder.

    Returns:
        The content of ``table.json``: the benchmark, what the answers are, and by labeler, reference and question what
        :func:`~apigauge.harness.plugins.rlaif.rank_agreement.measured` returns.

    Raises:
        RunError: a labeler failed for some answers, or most of its replies cannot be read; another call asks again. Or
            the folder has labels of other answers.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, labeler in labelers.items():
        folder = feedback.labels_folder(out, name)
        feedback.label(labeler, benchmark, examined.answers, folder)
        rows[name] = run_directory.read_rows(folder / feedback.ROWS)
    truths: dict[str, Truth] = {REFERENCES: examined.truth}
    if EXECUTION in rows:
        truths[EXECUTION] = {(row["item"], row["sample"]): row["answers"] for row in rows[EXECUTION]}
    apis = {answer.item.id: answer.item.api for answer in examined.answers}
    content = {
        "benchmark": {"name": benchmark.name, **data_digest(benchmark)},
        "answers": {"kind": examined.kind, "count": len(examined.answers), "rows": len(apis)},
        "interval": {"percent": 95, "method": "percentile bootstrap over reference APIs", "draws": DRAWS, "seed": SEED},
        "labelers": {name: labeler.describe() for name, labeler in labelers.items()},
        "table": {
            name: {
                against: {question: measured(judged) for question, judged in _judged(of_labeler, truth, apis)}
                for against, truth in truths.items()
                if against != name
            }
            for name, of_labeler in rows.items()
        },
    }
    run_directory.write_json(out / JSON, content)
    (out / MARKDOWN).write_text(markdown(content), encoding="utf-8")
    return content


def _judged(
    rows: Sequence[Mapping[str, Any]], truth: Truth, apis: Mapping[str, str]
) -> Iterator[tuple[str, list[Judged]]]:
    """The replies to each question that the labeler answers and whose right answer is known."""
    for question in QUESTIONS:
        judged = []
        for row in rows:
            right, reply = truth.get((row["item"], row["sample"]), {}).get(question), row["answers"].get(question)
            if right is not None and reply is not None:
                confidence = row.get("confidence", {}).get(question, float(reply))
                judged.append(Judged(right, reply, confidence, apis[row["item"]]))
        if judged:
            yield question, judged


def markdown(content: Mapping[str, Any]) -> str:
    """The table: by reference and measure, a labeler a row and a question a column."""
    answers, parts = content["answers"], []
    kind = "made of references" if answers["kind"] == "made" else f"drawn from {answers['kind']}"
    parts.append(f"{content['benchmark']['name']}: {answers['count']} answers to {answers['rows']} rows, {kind}.")
    for against in (REFERENCES, EXECUTION):
        by_labeler = {name: one[against] for name, one in content["table"].items() if one.get(against)}
        for measure, title in (("auc", "AUC"), ("kappa", "Cohen's kappa")):
            if by_labeler:
                parts.append(f"{title} against {against}\n\n{_grid(by_labeler, measure)}")
    parts.append("In brackets the 95 % interval over reference APIs; n is the number of answers, of which so many yes.")
    return "\n\n".join(parts) + "\n"


def _grid(by_labeler: Mapping[str, Mapping[str, Any]], measure: str) -> str:
    questions = [name for name in QUESTIONS if any(name in one for one in by_labeler.values())]
    lines = [["labeler", *questions], ["---", *("---:" for _ in questions)]]
    counts = [
        max((one[name]["n"], one[name]["yes"]) for one in by_labeler.values() if name in one) for name in questions
    ]
    lines.append(["*n (yes)*", *(f"{n} ({yes})" for n, yes in counts)])
    lines += [
        [name, *(_cell(one.get(question), measure) for question in questions)] for name, one in by_labeler.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(entry: Mapping[str, Any] | None, measure: str) -> str:
    if not entry or not entry[measure]:
        return "-"
    value = entry[measure]
    return f"{value['value']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"


def _key(answer: Answer) -> tuple[str, int]:
    return answer.item.id, answer.sample
