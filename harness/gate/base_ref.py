"""A baseline as a commit of git has it: whether the change under test replaces the baseline that it is judged by."""

import math
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import ApigaugeError, RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.gate import render
from apigauge.harness.gate.criteria import criteria_for
from apigauge.harness.gate.decide import decide
from apigauge.harness.gate.outcomes import Outcomes, read
from apigauge.harness.metrics.table import NAMES

_SECONDS = 60
_RUN_FILES = (run_directory.MANIFEST, run_directory.SCORES)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a baseline since a commit.

    Attributes:
        ref: the commit, as it was named.
        changed: whether the baseline says something else there, or is not there.
        decision: against the baseline of the commit; empty if it did not change or is not there.
        notes: sentences for the report; warnings start with ``Warning``.
    """

    ref: str
    changed: bool
    decision: str = ""
    notes: Sequence[str] = ()


def since(
    ref: str, baseline: Outcomes, run: Outcomes, metrics: Sequence[str], kinds: Sequence[str], benchmark: Benchmark
) -> Change:
    """Compares a baseline with the one that a commit has, and judges the run by that one if they differ.

    Args:
        ref: a commit, branch or tag.
        baseline: as it is now.
        run: outcomes of the new run.
        metrics: as for :func:`~apigauge.harness.gate.criteria.criteria_for`.
        kinds: likewise.
        benchmark: what both answer.

    Raises:
        RunError: git is not here, or has no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="apigauge-") as folder:
        try:
            earlier = _read_at(ref, baseline.path, Path(folder))
        except _DamagedError as error:
            warning = f"Warning: this change replaces its own baseline. The one of {ref} cannot be read: {error}"
            return Change(ref, changed=True, decision="broken", notes=[warning])
    if earlier is None:
        return Change(ref, changed=True, notes=[f"The baseline is new: {ref} does not have it."])
    if _content(earlier) == _content(baseline):
        return Change(ref, changed=False)
    decision, why = _decision(earlier, run, metrics, kinds, benchmark)
    differences = "; ".join(_differences(earlier, baseline)) or "what it says of its run"
    warning = (
        f"Warning: this change replaces its own baseline ({differences}). By the baseline of {ref} the decision is: "
        f"{decision}{why}."
    )
    return Change(ref, changed=True, decision=decision, notes=[warning])


class _DamagedError(Exception):
    """The baseline of the commit cannot be read."""


def _content(outcomes: Outcomes) -> Outcomes:
    """Outcomes without where they were read from: a run's folder and a file of it say the same."""
    return replace(outcomes, path=Path(), manifest_sha256="")


def _decision(
    earlier: Outcomes, run: Outcomes, metrics: Sequence[str], kinds: Sequence[str], benchmark: Benchmark
) -> tuple[str, str]:
    try:
        judgement = decide(earlier, run, criteria_for(earlier, metrics, kinds, benchmark), benchmark)
    except ApigaugeError as error:
        return "broken", f" ({error})"
    worse = [one.title for one in judgement.findings if one.decision == judgement.decision != "pass"]
    return judgement.decision, f" ({', '.join(worse)})" if worse else ""


def _differences(earlier: Outcomes, baseline: Outcomes) -> Iterator[str]:
    if earlier.benchmark != baseline.benchmark or earlier.digest != baseline.digest:
        yield "it is of other questions"
    before, after = render.answered_by(earlier), render.answered_by(baseline)
    if before != after:
        yield f"{before} became {after}"
    if gone := [name for name in earlier.metrics if name not in baseline.metrics]:
        yield f"{', '.join(gone)} left out"
    if fewer := len(earlier.rows) - len(baseline.rows):
        yield f"{len(earlier.rows)} answers became {len(baseline.rows)}"
    for name in NAMES:
        means = [_mean(one, name) for one in (earlier, baseline)]
        if None not in means and means[0] != means[1]:
            yield f"{name} {means[0]:.4f} became {means[1]:.4f}"
        elif not fewer and _answers(earlier, name) != _answers(baseline, name):
            yield f"other answers' {name}"


def _mean(outcomes: Outcomes, name: str) -> float | None:
    values = [row[name] for row in outcomes.rows.values() if name in row]
    return math.fsum(values) / len(values) if values else None


def _answers(outcomes: Outcomes, name: str) -> dict[run_directory.Key, float | None]:
    return {key: row.get(name) for key, row in outcomes.rows.items()}


def _read_at(ref: str, path: Path, folder: Path) -> Outcomes | None:
    """The baseline of this path at a commit; None if the commit does not have it.

    Raises:
        RunError: git is not here, or has no such commit.
    """
    here, name = _place(path)
    resolved = _git(here, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if resolved is None:
        raise RunError(
            f"--base-ref {ref}: git has no such commit in {here}; fetch it first, as by `git fetch origin BRANCH`"
        )
    commit = resolved.decode().strip()
    to = folder / Path(name).name
    parts = [("", to), *((f"/{file}", to / file) for file in _RUN_FILES)]
    if not any([_copy(here, f"{commit}:./{name}{suffix}", copy) for suffix, copy in parts]):  # noqa: C419 - all of them
        return None
    try:
        return read(to)
    except ApigaugeError as error:
        raise _DamagedError(str(error)) from error


def _place(path: Path) -> tuple[Path, str]:
    """A folder in the repository, and the baseline's name from there.

    Links are not followed: a change that makes the baseline a link to an easier one replaces it, too.

    Raises:
        RunError: the baseline is not in a repository.
    """
    absolute, here = (Path(os.path.abspath(one)) for one in (path, "."))  # noqa: PTH100 - resolve() follows links
    if absolute.is_relative_to(here) and _git(here, "rev-parse", "--is-inside-work-tree") is not None:
        return here, absolute.relative_to(here).as_posix()
    if _git(absolute.parent, "rev-parse", "--is-inside-work-tree") is None:
        raise RunError(f"--base-ref: git knows no repository that {path} is in; `git status` there says why")
    return absolute.parent, absolute.name


def _copy(here: Path, name: str, to: Path) -> bool:
    """Writes a file as a commit has it; False if that has no such file."""
    if (kind := _git(here, "cat-file", "-t", name)) is None or kind.strip() != b"blob":
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(_git(here, "cat-file", "blob", name) or b"")
    return True


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None if it fails.

    Raises:
        RunError: git is not installed, or does not end.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and what is named may not begin with a dash
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"--base-ref: git cannot be run ({error})") from error
    return done.stdout if done.returncode == 0 else None
