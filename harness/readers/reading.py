"""Which reader reads a path, and what a log needs to be a run: unique answers, and metrics with direction and range."""

import re
from collections.abc import Collection
from pathlib import Path

from apigauge.errors import RunError, UsageError, did_you_mean
from apigauge.harness.evaluation import run_directory
from apigauge.harness.metrics.table import METRICS, MetricInfo
from apigauge.harness.readers import (
    code_tests,
    every_eval_ever,
    files,
    inspect_log,
    lighteval,
    lm_eval,
    nemo,
    promptfoo,
    scores_table,
)
from apigauge.harness.readers.types import Answer, Log, Options, Reader

# The first that recognises a path reads it.
READERS: tuple[Reader, ...] = (
    inspect_log,
    lighteval,
    lm_eval,
    nemo,
    every_eval_ever,
    promptfoo,
    code_tests,
    scores_table,
)
_OURS = {run_directory.MANIFEST, run_directory.GENERATIONS, run_directory.SCORES}
_OF_QUESTIONS = re.compile(r"(.+)\.(?:pass@[0-9]+|consistency)")
_OWN = {info.name: info for info in METRICS}


def reader_for(path: Path) -> Reader | None:
    """What reads a path; None for runs and baselines of ours, and for what nothing reads."""
    try:
        if path.is_dir() and any((path / name).exists() for name in _OURS):
            return None
        if path.is_file() and '"apigauge baseline' in files.head(path)[:200]:
            return None
        return next((reader for reader in READERS if path.exists() and reader.recognises(path)), None)
    except (OSError, ValueError):  # a name that no file can have
        return None


@files.uncollected()
def read(path: Path, options: Options, reader: Reader) -> tuple[Log, dict[str, MetricInfo]]:
    """A log, and its metrics; scores that are not wanted are left out.

    Raises:
        RunError: the log is damaged, or has two scores for one answer.
        UsageError: a metric's direction or range is not known.
    """
    log = reader.read(path, options)
    if not log.answers:
        raise RunError(f"{path}: it has no scored answers")
    places: dict[tuple[str, int], str] = {}
    for one in log.answers:
        key = one.item, one.sample
        if key in places:
            raise RunError(
                f"{one.where}: sample {one.sample} of {one.item!r} stands there twice, first at {places[key]}; number "
                "several answers to a question by a column or field 'sample', and give a file for each run"
            )
        places[key] = one.where
    clusters: dict[str, Answer] = {}
    for one in log.answers:
        if (first := clusters.setdefault(one.item, one)).cluster != one.cluster:
            raise RunError(f"{one.where}: {one.item!r} is in cluster {one.cluster!r}, and in {first.cluster!r} before")
    return log, _described(path, log, options)


def _described(path: Path, log: Log, options: Options) -> dict[str, MetricInfo]:
    """The metrics that matter, each with its direction and range."""
    names = list(dict.fromkeys(name for one in log.answers for name in one.scores))
    judged = {_metric_of(name, names) for name in options.metrics}
    named = options.lower | options.higher | options.tops.keys() | judged
    if options.is_asking and (unknown := sorted(name for name in named if name not in names)):
        listed = ", ".join(map(files.label, names))
        hint = did_you_mean(unknown[0], names)
        raise UsageError(f"{path}: it has no metric {unknown[0]!r}; it has {listed}{hint}")
    if both := sorted(options.lower & options.higher):
        raise UsageError(f"{both[0]}: either --lower-is-better or --higher-is-better")
    return {name: _info(path, log, name, options) for name in names if not judged or name in judged}


def _metric_of(name: str, names: Collection[str]) -> str:
    """The metric whose scores are read: that of METRIC.pass@K and METRIC.consistency, else itself."""
    form = _OF_QUESTIONS.fullmatch(name)
    return form[1] if form and name not in names else name


def _info(path: Path, log: Log, name: str, options: Options) -> MetricInfo:
    if own := _OWN.get(name):
        lower: bool | None = own.lower_is_better
    else:
        lower = log.lower_is_better.get(name)
    if name in options.lower | options.higher:
        if own and (name in options.lower) != own.lower_is_better:
            raise UsageError(f"{name} is a metric of apigauge's, whose direction is fixed; rename it")
        lower = name in options.lower
    shown = files.label(name)
    if lower is None and options.is_asking:
        raise UsageError(
            f"{path}: are large values of {shown} good, or small ones? Say --higher-is-better {shown} or "
            f"--lower-is-better {shown}, or name with --metric what counts"
        )
    top = options.tops.get(name, own.top if own else 1.0)
    if options.is_asking:
        _check_range(log, name, top)
    return own or MetricInfo(
        name,
        f"As {log.harness} computes it.{' Lower is better.' if lower else ''}",
        f"Read from a log of {log.harness}; its meaning is documented there.",
        module=f"{log.harness}:{name}",
        lower_is_better=bool(lower),
        top=top,
    )


def _check_range(log: Log, name: str, top: float) -> None:
    shown = files.label(name)
    for one in log.answers:
        value = one.scores.get(name, 0.0)
        if value < 0:
            raise UsageError(
                f"{one.where}: {shown} is {value:g}; scores are compared from 0 up. Name with --metric what counts"
            )
        if value > top:
            raise UsageError(
                f"{one.where}: {shown} is {value:g}, and more than {top:g}. If it has a largest value, give that "
                f"(--top {shown}=100), or name with --metric what counts"
            )
