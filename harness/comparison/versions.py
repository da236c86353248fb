"""One set of answers in several environments: what each version of a library makes of it, and what broke where."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError
from apigauge.file_formats import Manifest, ScoreRow
from apigauge.harness.comparison.compare import LoadedRun, check_benchmarks, read
from apigauge.harness.evaluation.run_directory import Key, read_summary


@dataclass(frozen=True, slots=True)
class Version:
    """A run as one version of the table.

    Attributes:
        environment: as a user called it.
        run: its folder.
        ran: the share of the answers whose programs run to their end.
        correct: the share that are correct, of those whose items have tests or an output; None if no item has.
        ceiling: that share of the benchmark's references in that environment; None if never measured.
        deprecated: the share whose programs raise a deprecation warning.
        broken: how many answers do not work here and do in another version.
    """

    environment: str
    run: str
    ran: float
    correct: float | None
    ceiling: float | None
    deprecated: float
    broken: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one version makes of an answer.

    Attributes:
        works: whether the answer is correct or, without tests, runs to its end.
        label: the outcome, as in the run.
        message: why it does not work; of one that works, the deprecation warning that it raises, if it does.
    """

    works: bool
    label: str
    message: str


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that works in one version and not in another; ``outcomes`` are in the order of the versions."""

    item: str
    sample: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """The comparison of versions; ``deprecated`` answers work everywhere and raise a deprecation warning somewhere."""

    versions: tuple[Version, ...]
    answers: int
    broken: tuple[Broken, ...]
    deprecated: tuple[Broken, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def drift(folders: Sequence[Path]) -> Drift:
    """Compares runs that score the same answers in different environments.

    Args:
        folders: the runs, in the order of the versions.

    Raises:
        UsageError: they are fewer than two, or of other benchmarks, or of other answers, or without a sandbox.
        RunError: one is damaged.
    """
    if len(folders) < 2:
        raise UsageError("to compare versions takes two runs or more; `apigauge run --environment A,B` makes them")
    runs = [read(folder) for folder in folders]
    for run in runs[1:]:
        check_benchmarks(runs[0], run)
        _check_answers(runs[0], run)
    keys = [key for key in runs[0].scores if all(_verdict(run.scores.get(key)) for run in runs)]
    if not keys:
        raise UsageError(f"{folders[0]}: no answer was run in all of these; `--sandbox` says where programs run")
    outcomes = {key: tuple(_outcome(run.scores[key]) for run in runs) for key in keys}
    broken = [_broken(key, outcomes[key]) for key in keys if len({one.works for one in outcomes[key]}) > 1]
    deprecated = [
        _broken(key, outcomes[key])
        for key in keys
        if all(one.works for one in outcomes[key]) and any(one.message for one in outcomes[key])
    ]
    versions = [
        _version(run, keys, sum(not one.outcomes[number].works for one in broken)) for number, run in enumerate(runs)
    ]
    return Drift(tuple(versions), len(keys), tuple(broken), tuple(deprecated))


def environment_of(manifest: Manifest) -> str:
    """What a run's environment was called; empty for a run without a sandbox."""
    sandbox = manifest.get("sandbox") or {}
    return sandbox.get("environment_source") or sandbox.get("environment") or ""


def _check_answers(a: LoadedRun, b: LoadedRun) -> None:
    """Refuses runs of different answers: what differs would be the model and not the version."""
    for key in a.answers.keys() & b.answers.keys():
        if a.answers[key]["text"] != b.answers[key]["text"]:
            raise UsageError(
                f"{a.path} and {b.path} hold other answers to item {key[0]}, so that versions cannot be compared; "
                "`apigauge run --environment A,B` scores one set of answers in several environments"
            )


def _verdict(row: ScoreRow | None) -> bool:
    """Whether a row's program was run, and the sandbox did not fail."""
    return bool(row and (verdict := row.get("verdict")) and verdict["status"] != "infra")


def _outcome(row: ScoreRow) -> Outcome:
    labels, messages, metrics = row["labels"], row.get("messages", {}), row["metrics"]
    if metrics.get("exec.deprecated"):
        warning = f"{labels.get('exec.deprecated', '')}, {messages.get('exec.deprecated', '')}"
    else:
        warning = ""
    label = labels.get("exec.rate", "")
    if not label.startswith("passed"):
        return Outcome(works=False, label=label, message=messages.get("exec.rate", ""))
    if metrics.get("exec.correct") == 0:
        return Outcome(works=False, label=labels["exec.correct"], message=messages.get("exec.correct", ""))
    return Outcome(works=True, label=labels.get("exec.correct", "passed"), message=warning)


def _broken(key: Key, outcomes: tuple[Outcome, ...]) -> Broken:
    return Broken(key[0], key[1], outcomes)


def _version(run: LoadedRun, keys: Sequence[Key], broken: int) -> Version:
    try:
        ceilings = read_summary(run.path).get("ceilings", {})
    except (OSError, RunError) as error:
        raise RunError(f"{run.path}: has no summary; score it first: `apigauge score {run.path}`") from error
    rows = [run.scores[key] for key in keys]
    correct = [row["metrics"]["exec.correct"] for row in rows if "exec.correct" in row["metrics"]]
    return Version(
        environment_of(run.manifest),
        str(run.path),
        ran=sum(row["labels"].get("exec.rate", "").startswith("passed") for row in rows) / len(rows),
        correct=sum(correct) / len(correct) if correct else None,
        ceiling=ceilings.get("exec.correct"),
        deprecated=sum(row["metrics"].get("exec.deprecated", 0.0) for row in rows) / len(rows),
        broken=broken,
    )
