"""What the pytest plugin tests: a run, made once for a session however many processes share it, and its judgement."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.errors import ApigaugeError
from apigauge.harness.gate import render, slices
from apigauge.harness.gate.judge import Asked, Finding, judge
from apigauge.harness.gate.outcomes import read

_REQUIRED = ("benchmark", "baseline")
_ALLOWED = (*_REQUIRED, "name", "model", "run", "metric", "slice", "options", "inconclusive")
_SESSION = "session"
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """One run held against one baseline, as a marker or an ``apigauge.toml`` declares it.

    Attributes:
        name: in the tests' names.
        benchmark: what is answered.
        baseline: what the answers are held against.
        model: who answers; None where ``run`` is given.
        run: a run that has been made.
        metric: NAME or NAME:MARGIN each; of none, the command's default.
        slice: kinds of parts that are judged as well.
        options: of ``apigauge run``.
        inconclusive: ``fail`` or ``skip`` where answers are too few; empty to skip parts alone.
        folder: what paths start from.
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
class Check:
    """One metric of a gate, on all of the benchmark or a part."""

    gate: Gate
    asked: tuple[Asked, ...]
    at: int

    @property
    def title(self) -> str:
        """The metric, and the part of the benchmark."""
        one = self.asked[self.at]
        return f"{one.name}-{one.part}" if one.part else one.name

    def finding(self, config: pytest.Config) -> Finding:
        """What was found; fails where the run and the baseline cannot be compared."""
        kept = config.stash.setdefault(_FOUND, {})
        if self.gate not in kept:
            try:
                kept[self.gate] = _judged(self.gate, self.asked, config)
            except ApigaugeError as error:
                kept[self.gate] = str(error)
        found = kept[self.gate]
        if isinstance(found, str):
            pytest.fail(f"broken: {found}", pytrace=False)
        return found[self.at]

    def verify(self, config: pytest.Config) -> None:
        """Fails where the metric got worse, and where too few answers say that it did not."""
        found = self.finding(config)
        if found.decision == "pass":
            return
        told = "\n".join([render.sentence(found), *(f"  {line}" for line in render.lost(found))])
        if found.decision == "inconclusive" and (self.gate.inconclusive or ("skip" if found.part else "")) == "skip":
            pytest.skip(told)
        run = self.gate.run or _folder(self.gate, config)
        accept = f"To accept it: apigauge gate {run} --save-baseline {self.gate.baseline}"
        pytest.fail(f"{told}\n{accept}", pytrace=False)


_FOUND = pytest.StashKey[dict[Gate, list[Finding] | str]]()
_ID = pytest.StashKey[str]()


def checks(declared: Mapping[str, Any], config: pytest.Config, folder: Path) -> list[Check]:
    """The tests that a marker or a table of ``apigauge.toml`` declares; paths start from ``folder``.

    Raises:
        pytest.UsageError: it makes no sense; says what does.
    """
    try:
        gate = _gate(declared, config.getoption("--apigauge-model"), folder)
        baseline = read(gate.baseline) if gate.baseline.exists() else None
        asked = slices.named(gate.metric) if gate.metric else slices.default(*filter(None, [baseline]))
        if gate.slice:
            benchmark = load_benchmark(gate.benchmark)
            answered = {item for item, _ in baseline.rows} if baseline else {item.id for item in benchmark.items}
            found = slices.split(benchmark, gate.slice)
            asked = slices.with_parts(asked, {name: items for name, items in found.items() if items & answered})
    except ApigaugeError as error:
        raise pytest.UsageError(f"apigauge: {error}") from error
    return [Check(gate, tuple(asked), at) for at in range(len(asked))]


def _gate(declared: Mapping[str, Any], model: str | None, folder: Path) -> Gate:
    if unknown := sorted(declared.keys() - {*_ALLOWED}):
        raise pytest.UsageError(f"apigauge: there is no {unknown[0]!r}; there are: {', '.join(_ALLOWED)}")
    if missing := [name for name in _REQUIRED if name not in declared]:
        raise pytest.UsageError(f"apigauge: {missing[0]} is missing")
    texts = {name: str(declared[name]) for name in ("benchmark", "name", "model", "run") if name in declared}
    lists = {name: _list(name, declared.get(name, ())) for name in ("metric", "slice", "options")}
    if "model" not in texts and "run" not in texts and model:
        texts["model"] = model
    if ("model" in texts) == ("run" in texts):
        raise pytest.UsageError("apigauge: give either model, here or as --apigauge-model, or the run it has made")
    inconclusive = str(declared.get("inconclusive", ""))
    if inconclusive not in ("", "fail", "skip"):
        raise pytest.UsageError(f"apigauge: inconclusive is fail or skip, not {inconclusive!r}")
    return Gate(
        name=texts.get("name", texts["benchmark"]),
        benchmark=texts["benchmark"],
        baseline=folder / str(declared["baseline"]),
        model=texts.get("model"),
        run=folder / texts["run"] if "run" in texts else None,
        inconclusive=inconclusive,
        folder=folder,
        **lists,
    )


def _list(name: str, value: Any) -> tuple[str, ...]:
    """One text, or several."""
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(one, str) for one in found):
        raise pytest.UsageError(f"apigauge: {name} is a text or a list of texts, not {value!r}")
    return found


def _judged(gate: Gate, asked: tuple[Asked, ...], config: pytest.Config) -> list[Finding]:
    if not gate.baseline.exists():
        made = gate.run or "runs/new"
        first = f"apigauge run --benchmark {gate.benchmark} --model {gate.model} --out {made} && " if gate.model else ""
        pytest.fail(
            f"{gate.baseline} is not there yet. Make it of a run that is good: {first}apigauge gate {made} "
            f"--save-baseline {gate.baseline}",
            pytrace=False,
        )
    baseline = read(gate.baseline)
    outcomes = read(gate.run or _made(gate, config))
    benchmark = load_benchmark(gate.benchmark)
    return judge(baseline, outcomes, asked, {item.id: item.api for item in benchmark.items})


def _made(gate: Gate, config: pytest.Config) -> Path:
    """The run of this session: the first process that asks makes it, the others wait for it."""
    folder, session = _folder(gate, config), _session(config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_suffix(".lock")):
        told = folder / _SESSION
        if not told.exists() or told.read_text(encoding="utf-8") != session:
            shutil.rmtree(folder, ignore_errors=True)
            failed = _run(gate, folder)
            folder.mkdir(exist_ok=True)
            (folder / "failed").write_text(failed, encoding="utf-8")
            told.write_text(session, encoding="utf-8")
    if failed := (folder / "failed").read_text(encoding="utf-8"):
        pytest.fail(f"broken: {failed}", pytrace=False)
    return folder


def _run(gate: Gate, folder: Path) -> str:
    """Makes a run in a process of its own, since a model's libraries are not for a test's; why it failed, if it did."""
    command = [sys.executable, "-m", "apigauge", "run", "--benchmark", gate.benchmark]
    command += ["--model", str(gate.model), "--out", str(folder.absolute()), *gate.options]
    done = subprocess.run(command, cwd=gate.folder, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode == 0:
        return ""
    told = "\n".join(done.stderr.strip().splitlines()[-_TOLD:])
    return f"{' '.join(command[2:])} ended with {done.returncode}:\n{told}"


def _folder(gate: Gate, config: pytest.Config) -> Path:
    """Where the run goes: gates of one model, benchmark and options share it."""
    identity = repr((gate.benchmark, gate.model, gate.options, str(gate.folder)))
    name = f"{gate.benchmark}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
    if (cache := getattr(config, "cache", None)) is not None:
        return Path(cache.mkdir("apigauge")) / name
    return Path(tempfile.gettempdir()) / f"apigauge-{_session(config)}" / name


def _session(config: pytest.Config) -> str:
    """The same in all processes of one session (pytest-xdist names it), and in no other."""
    worker: dict[str, str] = getattr(config, "workerinput", {})
    return worker.get("testrunuid") or config.stash.setdefault(_ID, uuid.uuid4().hex)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
