"""The test cases of the pytest plugin: the run is made once a session, however many processes share it, and judged."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from apigauge.benchmarks import load_benchmark, names
from apigauge.errors import ApigaugeError, RunError
from apigauge.harness.evaluation.addresses import is_address, journal
from apigauge.harness.evaluation.remote import refreshed
from apigauge.harness.gate import render
from apigauge.harness.gate.criteria import criteria_for, parse_criteria
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.decide import Judgement, decide
from apigauge.harness.gate.judge import Finding
from apigauge.harness.gate.outcomes import read
from apigauge.harness.gate.slices import split

_REQUIRED = ("benchmark", "baseline")
_ALLOWED = (*_REQUIRED, "name", "model", "run", "metric", "slice", "options", "inconclusive")
_SESSION = "session"
Result = Literal["pass", "skip", "fail"]
# Of a command that failed, so many last lines of its standard error are shown.
_SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """One run and one baseline, as a marker or an ``apigauge.toml`` declares them.

    Attributes:
        name: shown in the tests' names.
        benchmark: its name.
        baseline: path of the baseline.
        model: the model's specification; None where ``run`` is given.
        run: path of an existing run; None where ``model`` is given.
        metric: each NAME or NAME:MARGIN; empty for all that the baseline has.
        slice: kinds of slices that are judged as well.
        options: of ``apigauge run``.
        inconclusive: ``fail`` or ``skip`` where answers are too few; empty to fail on the whole and skip on slices.
        folder: the folder that relative paths start from.
    """

    name: str
    benchmark: str
    baseline: Path
    model: str | None
    run: Path | None
    metric: tuple[str, ...]
    slice: tuple[str, ...]
    options: tuple[str, ...]
    inconclusive: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Case:
    """One criterion of a gate, and so one test.

    Attributes:
        gate: the run and its baseline.
        criteria: all criteria of the gate, judged together.
        at: index of this test's criterion.
    """

    gate: Gate
    criteria: tuple[Criterion, ...]
    at: int

    @property
    def title(self) -> str:
        """The metric, and the slice of the benchmark."""
        one = self.criteria[self.at]
        return f"{one.name}-{one.slice}" if one.slice else one.name

    def judgement(self, config: pytest.Config) -> Judgement:
        """The judgement on the gate; fails the test where the run and the baseline cannot be compared."""
        judged = config.stash.setdefault(_JUDGED, {})
        if self.gate not in judged:
            try:
                judged[self.gate] = _judge(self.gate, self.criteria, config)
            except ApigaugeError as error:
                judged[self.gate] = str(error)
            except Exception as error:  # noqa: BLE001 - what is broken is no failure of the model
                judged[self.gate] = f"internal error: {type(error).__name__}: {error}"
        judgement = judged[self.gate]
        if isinstance(judgement, str):
            pytest.fail(f"broken: {judgement}", pytrace=False)
        return judgement

    def finding(self, config: pytest.Config) -> Finding:
        """The finding; fails the test where the run and the baseline cannot be compared."""
        return self.judgement(config).findings[self.at]

    def result(self, config: pytest.Config) -> tuple[Result, str]:
        """What the finding does to a test, as the gate declares it, and what a person reads then."""
        finding = self.finding(config)
        if finding.decision == "pass":
            return "pass", ""
        sides = [f"  {name}: {description}" for name, description in self.judgement(config).sides]
        message = "\n".join([render.sentence(finding), *sides, *(f"  {line}" for line in render.lost(finding))])
        inconclusive = self.gate.inconclusive or ("skip" if finding.slice else "fail")
        if finding.decision == "inconclusive" and inconclusive == "skip":
            return "skip", message
        run = self.gate.run or _folder(self.gate, config)
        return "fail", f"{message}\nTo accept it: apigauge gate {run} --save-baseline {self.gate.baseline}"


def verify(judged: Sequence[Case], config: pytest.Config) -> None:
    """Fails a test on a regression in any of its cases; on an inconclusive one fails or skips it, as gates declare.

    A slice that is inconclusive skips a test of its own, and not one that has other cases.
    """
    results = [(case, *case.result(config)) for case in judged]
    if failed := [message for _, result, message in results if result == "fail"]:
        pytest.fail("\n".join(failed), pytrace=False)
    skipped = [
        message
        for case, result, message in results
        if result == "skip" and (len(results) == 1 or not case.criteria[case.at].slice)
    ]
    if skipped:
        pytest.skip("\n".join(skipped))


# By gate the judgement on it, or why it could not be judged.
_JUDGED = pytest.StashKey[dict[Gate, Judgement | str]]()
_SESSION_ID = pytest.StashKey[str]()


def cases(declared: Mapping[str, Any], config: pytest.Config, folder: Path) -> list[Case]:
    """The tests that a marker or a table of ``apigauge.toml`` declares; relative paths start from ``folder``.

    Raises:
        pytest.UsageError: the declaration is wrong; says what is right.
    """
    try:
        gate = _gate(declared, config.getoption("--apigauge-model"), folder)
        benchmark = load_benchmark(gate.benchmark)
        if refreshed(gate.baseline).exists():
            criteria = criteria_for(read(gate.baseline), gate.metric, gate.slice, benchmark)
        else:  # each test will say that it has no baseline
            criteria = parse_criteria(gate.metric) if gate.metric else [Criterion("ast.exact")]
            split(benchmark, gate.slice)
    except ApigaugeError as error:
        raise pytest.UsageError(f"apigauge: {error}") from error
    return [Case(gate, tuple(criteria), at) for at in range(len(criteria))]


def _gate(declared: Mapping[str, Any], model: str | None, folder: Path) -> Gate:
    if unknown := sorted(declared.keys() - {*_ALLOWED}):
        raise pytest.UsageError(
            f"apigauge: there is no argument {unknown[0]!r}; the arguments are: {', '.join(_ALLOWED)}"
        )
    if missing := [name for name in _REQUIRED if name not in declared]:
        raise pytest.UsageError(f"apigauge: {missing[0]} is missing")
    texts = {name: str(declared[name]) for name in ("benchmark", "name", "model", "run") if name in declared}
    lists = {name: _list(name, declared.get(name, ())) for name in ("metric", "slice", "options")}
    if "model" not in texts and "run" not in texts and model:
        texts["model"] = model
    if ("model" in texts) == ("run" in texts):
        raise pytest.UsageError("apigauge: give either a model (here or with --apigauge-model) or a run")
    inconclusive = str(declared.get("inconclusive", ""))
    if inconclusive not in ("", "fail", "skip"):
        raise pytest.UsageError(f"apigauge: inconclusive is fail or skip, not {inconclusive!r}")
    return Gate(
        name=texts.get("name", Path(texts["benchmark"]).name),
        benchmark=_own(folder, texts["benchmark"]),
        baseline=_place(folder, str(declared["baseline"])),
        model=texts.get("model"),
        run=_place(folder, texts["run"]) if "run" in texts else None,
        inconclusive=inconclusive,
        folder=folder,
        **lists,
    )


def _place(folder: Path, text: str) -> Path:
    """A path, relative to the declaration's folder, or the journal of an address."""
    return journal(text) if is_address(text) else folder / text


def _own(folder: Path, benchmark: str) -> str:
    """A benchmark's name, or where one of the user's own is."""
    return (
        str((folder / benchmark).absolute())
        if benchmark not in names() and (folder / benchmark).exists()
        else benchmark
    )


def _list(name: str, value: Any) -> tuple[str, ...]:
    """One text, or several."""
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(one, str) for one in texts):
        raise pytest.UsageError(f"apigauge: {name} is a text or a list of texts, not {value!r}")
    return texts


def _judge(gate: Gate, criteria: tuple[Criterion, ...], config: pytest.Config) -> Judgement:
    if not gate.baseline.exists():
        run = gate.run or "runs/new"
        first = f"apigauge run --benchmark {gate.benchmark} --model {gate.model} --out {run} && " if gate.model else ""
        pytest.fail(
            f"{gate.baseline} does not exist yet. Make it from a good run: {first}apigauge gate {run} "
            f"--save-baseline {gate.baseline}",
            pytrace=False,
        )
    baseline = read(gate.baseline)
    outcomes = read(refreshed(gate.run) if gate.run else _session_run(gate, config))
    declared = load_benchmark(gate.benchmark)
    if outcomes.benchmark != declared.name:
        raise RunError(f"the declared benchmark is {declared.name!r}, and {outcomes.path} is of {outcomes.benchmark!r}")
    judgement = decide(baseline, outcomes, criteria, declared)
    for note in judgement.notes:
        if note.startswith("Warning"):
            warnings.warn(f"{gate.name}: {note.removeprefix('Warning: ')}", pytest.PytestWarning, stacklevel=2)
    return judgement


def _session_run(gate: Gate, config: pytest.Config) -> Path:
    """The run of this session: the first process that needs it makes it, the others wait."""
    folder, session = _folder(gate, config), _session(config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        marker = folder / _SESSION
        if not marker.exists() or marker.read_text(encoding="utf-8") != session:
            shutil.rmtree(folder, ignore_errors=True)
            failed = _make_run(gate, folder)
            folder.mkdir(exist_ok=True)
            (folder / "failed").write_text(failed, encoding="utf-8")
            marker.write_text(session, encoding="utf-8")
    if failed := (folder / "failed").read_text(encoding="utf-8"):
        pytest.fail(f"broken: {failed}", pytrace=False)
    return folder


def _make_run(gate: Gate, folder: Path) -> str:
    """Makes the run in a subprocess, to keep a model's libraries out of pytest; returns the error, empty if none."""
    command = [sys.executable, "-m", "apigauge", "run", "--benchmark", gate.benchmark]
    command += ["--model", str(gate.model), "--out", str(folder.absolute()), *gate.options]
    done = subprocess.run(command, cwd=gate.folder, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode == 0:
        return ""
    stderr = "\n".join(done.stderr.strip().splitlines()[-_SHOWN_LINES:])
    return f"{' '.join(command[2:])} ended with {done.returncode}:\n{stderr}"


def _folder(gate: Gate, config: pytest.Config) -> Path:
    """Folder of the run: gates with the same model, benchmark and options share it."""
    identity = repr((gate.benchmark, gate.model, gate.options, str(gate.folder)))
    name = f"{Path(gate.benchmark).name}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
    if (cache := getattr(config, "cache", None)) is not None:
        return Path(cache.mkdir("apigauge")) / name
    return Path(tempfile.gettempdir()) / f"apigauge-{_session(config)}" / name


def _session(config: pytest.Config) -> str:
    """An id that all processes of one session share (pytest-xdist provides it), and no other session has."""
    worker: dict[str, str] = getattr(config, "workerinput", {})
    return worker.get("testrunuid") or config.stash.setdefault(_SESSION_ID, uuid.uuid4().hex)


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
