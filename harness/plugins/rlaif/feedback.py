"""The stage ``feedback``: a policy answers the training items, and labelers judge the answers.

Its folder holds ``answers/`` (a run directory), ``labels/LABELER/labels.jsonl`` with ``manifest.json`` for each
labeler, and ``agreement.json``. Killed at any moment and called again, it resumes and writes the same files.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import generate, stored
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.plugins.rlaif.agreement import agreement
from apigauge.harness.plugins.rlaif.digests import data_digest, json_digest
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labeler, Labels
from apigauge.harness.plugins.rlaif.options import check_above_zero, check_not_negative
from apigauge.harness.plugins.rlaif.score import MOST_UNREAD

ANSWERS, LABELS, AGREEMENT = "answers", "labels", "agreement.json"
ROWS = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class FeedbackOptions:
    """How answers are drawn from the policy.

    Attributes:
        samples: answers to each training item.
        temperature: of sampling.
        max_new_tokens: longest answer in tokens.
        seed: of sampling.
        limit: number of training items, from the first; None for all.
        device: of the policy, as for ``--device``.
    """

    samples: int = 4
    temperature: float = 1.0
    max_new_tokens: int = 256
    seed: int = 0
    limit: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        check_above_zero(self, "samples", "max_new_tokens", "limit")
        check_not_negative(self, "temperature")


def collect(
    policy: str,
    benchmark: Benchmark,
    labelers: Mapping[str, Labeler],
    out: Path,
    options: FeedbackOptions,
    prompting: Prompting | None = None,
) -> dict[str, Any]:
    """Draws answers to a benchmark's training items and labels them.

    Args:
        policy: the model that answers: ``hf:FOLDER``, or another ``--model``.
        benchmark: provides the training items.
        labelers: by name; :func:`labels_folder` has the folder of a name's files.
        out: the stage's folder.
        options: how answers are drawn.
        prompting: how the policy's prompts are made; None for the usual way.

    Returns:
        The number of answers, the summary of each labeler (see :func:`label`), and the agreement between labelers.

    Raises:
        UsageError: the benchmark has nothing to train on.
        RunError: the folder holds other answers or labels, some answers or labels failed, or another process writes
            to it.
        ModelError: the policy cannot be used.
    """
    if not benchmark.train:
        raise UsageError(f"{benchmark.name} has no training items to collect feedback on")
    answers = draw(policy, benchmark, out / ANSWERS, options, prompting)
    summaries = {
        name: label(labeler, benchmark, answers, labels_folder(out, name)) for name, labeler in labelers.items()
    }
    pairs = agreement({name: run_directory.read_rows(labels_folder(out, name) / ROWS) for name in labelers})
    run_directory.write_json(out / AGREEMENT, {"pairs": pairs})
    return {"answers": len(answers), "labelers": summaries, "agreement": pairs}


def labels_folder(out: Path, labeler: str) -> Path:
    """The folder of a labeler's labels."""
    return out / LABELS / re.sub(r"[^\w.-]+", "-", labeler)


def draw(
    policy: str, benchmark: Benchmark, run: Path, options: FeedbackOptions, prompting: Prompting | None = None
) -> list[Answer]:
    """The policy's answers to the training items, in the items' order; missing ones are generated.

    Raises:
        RunError: some answers failed, or as for :func:`collect`.
    """
    train = benchmark.train[: options.limit]
    questions = replace(benchmark, items=train, train=(), rows=(), answers=())
    sampling = Sampling(options.max_new_tokens, options.samples, options.temperature, seed=options.seed)
    model = ModelOptions(sampling=sampling, device=options.device, prompting=prompting or Prompting())
    generator = open_generator(policy, model)
    answered, expected = generate(questions, generator, run), len(train) * generator.samples
    if answered < expected:
        raise RunError(
            f"{run}: {expected - answered} of {expected} answers failed; run the same command again to retry them."
        )
    place = {item.id: number for number, item in enumerate(train)}
    answers = sorted(stored(run, questions), key=lambda one: (place[one.item], one.sample))
    return [Answer(train[place[one.item]], one.sample, one.text, one.finish_reason) for one in answers]


def label(labeler: Labeler, benchmark: Benchmark, answers: Sequence[Answer], folder: Path) -> dict[str, Any]:
    """Writes a labeler's labels of all answers; existing ones are kept.

    Returns:
        ``answers`` labelled, the mean ``score`` of those that have one, each question's share of ``yes``, and how many
        replies were ``unparsable``, questions ``retried``, answers ``without_score``.

    Raises:
        RunError: the labeler failed for some answers, or most of its replies could not be parsed: labels are kept, and
            another call asks only for the missing ones. Or the folder holds labels of other answers or by another
            labeler.
    """
    judged = [[answer.item.id, answer.sample, answer.text, answer.finish_reason] for answer in answers]
    manifest = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "benchmark": {"name": benchmark.name, **data_digest(benchmark)},
        "labeler": labeler.describe(),
        "answers": {"count": len(answers), "sha256": json_digest(judged)},
    }
    with run_directory.writing(folder):
        _start(folder, manifest)
        _forget_unreadable(labeler, folder)
        file = run_directory.Appender(folder / ROWS)
        try:
            if len(file.keys) < len(answers):
                for answer, labels in labeler.label(answers, set(file.keys)):
                    if not labels.is_failure:
                        file.append(_row(answer, labels))
        finally:
            file.close()
        rows = run_directory.read_rows(folder / ROWS)
        summary = _summary(rows) | {"unlabelled": len(answers) - len(rows)}
        run_directory.write_json(folder / run_directory.MANIFEST, manifest | {"summary": summary})
    _check(labeler, rows, summary, folder)
    return summary


def _is_unread(summary: Mapping[str, Any]) -> bool:
    """Whether most answers have no score: it is not single replies that cannot be parsed."""
    return bool(summary["without_score"] > MOST_UNREAD * summary["answers"])


def _check(labeler: Labeler, rows: Sequence[dict[str, Any]], summary: Mapping[str, Any], folder: Path) -> None:
    """Raises RunError if labels are missing or most of them unreadable."""
    retry = "the others' labels are kept, and the same command asks only for the missing ones"
    if missing := summary["unlabelled"]:
        reasons = getattr(labeler, "problems", ())
        because = f", last: {reasons[-1]}" if reasons else ""
        raise RunError(f"{folder}: the labeler failed for {missing} of {missing + len(rows)} answers{because}; {retry}")
    if _is_unread(summary):
        example = next(text for row in rows if row["score"] is None for text in unread(row))
        raise RunError(
            f"{folder}: {summary['without_score']} of {len(rows)} answers have no score, since the labeler's replies "
            f"are neither yes nor no, such as {example!r:.200}; {retry}"
        )


def unread(row: Mapping[str, Any]) -> list[str]:
    """The last reply to each question of a row that could not be read."""
    return [row["verbatim"].get(name, [""])[-1] for name, yes in row["answers"].items() if yes is None]


def _forget_unreadable(labeler: Labeler, folder: Path) -> None:
    """After a call that ended since most replies could not be read, these are asked for again."""
    summary = run_directory.read_json(folder / run_directory.MANIFEST).get("summary")
    if summary and _is_unread(summary):
        rows = run_directory.read_rows(folder / ROWS)
        run_directory.write_rows(folder / ROWS, [row for row in rows if row["score"] is not None])
        if forget := getattr(labeler, "forget_unreadable", None):
            forget()


def _start(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest of new labels, or checks that existing labels have the same manifest."""
    path = folder / run_directory.MANIFEST
    if run_directory.read_rows(folder / ROWS):
        old = {name: value for name, value in run_directory.read_json(path).items() if name != "summary"}
        if "train" not in old["benchmark"]:  # labels of an older version, which did not record it
            of_data = {name: value for name, value in manifest["benchmark"].items() if name in old["benchmark"]}
            manifest = manifest | {"benchmark": of_data}
        # As it is read back: tuples become lists.
        if different := run_directory.differences(old, json.loads(json.dumps(manifest))):
            what = "; ".join(f"{name} was {before!r} and is {now!r}" for name, before, now in different)
            raise RunError(f"{folder}: holds other labels ({what}); choose another folder")
    else:
        run_directory.write_json(path, manifest)


def _row(answer: Answer, labels: Labels) -> dict[str, Any]:
    row = {"item": answer.item.id, "sample": answer.sample, "score": labels.score, **asdict(labels)}
    return row if labels.confidence else {name: value for name, value in row.items() if name != "confidence"}


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    scores = [row["score"] for row in rows if row["score"] is not None]
    counts = Counter((name, yes) for row in rows for name, yes in row["answers"].items())
    read = {name: counts[name, True] + counts[name, False] for name, _ in counts}
    return {
        "answers": len(rows),
        "score": sum(scores) / len(scores) if scores else None,
        "yes": {name: counts[name, True] / count if count else None for name, count in read.items()},
        "unparsable": sum(row["unparsable"] for row in rows),
        "retried": sum(row["retried"] for row in rows),
        "without_score": len(rows) - len(scores),
    }
