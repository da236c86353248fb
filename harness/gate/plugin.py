"""The pytest plugin: one test for each metric of a run, judged against a baseline.

Wherever apigauge is installed, every start of pytest loads this module. So it imports nothing but pytest and the
standard library, and does nothing unless a test is marked ``apigauge`` or a file is called ``apigauge.toml``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from apigauge.harness.gate.judge import Finding
    from apigauge.harness.gate.pytest_cases import Case

_FIXTURE = "apigauge_finding"
_MARKER = (
    "apigauge(benchmark, baseline, model=SPEC or run=DIR, metric=[NAME or NAME:MARGIN], slice=[domain, library], "
    "options=[...], inconclusive=fail or skip): one test for each metric and slice; fails on a regression"
)


@dataclass(frozen=True, slots=True)
class _Expanded:
    """One case of a marked function, which became a test of its own, and the markers that did so."""

    case: "Case"
    marks: tuple[pytest.Mark, ...]


# A test's markers, and what they declare.
_CASES = pytest.StashKey["tuple[tuple[pytest.Mark, ...], list[Case]]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--apigauge-model``, with which one suite can test several models."""
    group = parser.getgroup("apigauge", "API calls of language models, compared with a baseline")
    group.addoption(
        "--apigauge-model", metavar="SPEC", help="the model to run where a test declares neither model nor run"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects the tests that an ``apigauge.toml`` declares."""
    if file_path.name != "apigauge.toml":
        return None
    from apigauge.harness.gate.toml import File

    return File.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test of a marked function for each metric and slice of each of its markers."""
    marks = tuple(metafunc.definition.iter_markers("apigauge"))
    if not marks:
        return
    declared = _cases(marks, metafunc.config)
    if _FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(_FIXTURE)
    several = len({case.gate for case in declared}) > 1
    ids = [f"{case.gate.name}-{case.title}" if several else case.title for case in declared]
    metafunc.parametrize(_FIXTURE, [_Expanded(case, marks) for case in declared], indirect=True, ids=ids)


def _cases(marks: Sequence[pytest.Mark], config: pytest.Config) -> "list[Case]":
    """What these markers declare, in the order in which they stand in the code; an inherited one counts once."""
    from apigauge.harness.gate.pytest_cases import cases

    declared: list[Case] = []
    for mark in reversed(marks):
        if mark.args:
            raise pytest.UsageError(f"@pytest.mark.apigauge takes its arguments by name: {_MARKER}")
        declared += [case for case in cases(mark.kwargs, config, config.rootpath) if case not in declared]
    return declared


def _cases_of(item: pytest.Item) -> "list[Case]":
    """What a test is judged by.

    A marked function has become several tests, of one case each. A method of ``unittest.TestCase`` cannot, nor can what
    is marked only as a parameter (``pytest.param(marks=...)``) or while it runs: one test has all of these cases.
    """
    marks = tuple(item.iter_markers("apigauge"))
    before, declared = item.stash.get(_CASES, ((), []))
    if before != marks:  # a fixture may have added one
        expanded: _Expanded | None = getattr(getattr(item, "callspec", None), "params", {}).get(_FIXTURE)
        covered = expanded.marks if expanded else ()
        others = [mark for mark in marks if not any(mark is one for one in covered)]
        declared = [*([expanded.case] if expanded else []), *_cases(others, item.config)]
        item.stash[_CASES] = marks, declared
    return declared


@pytest.fixture
def apigauge_finding(request: pytest.FixtureRequest) -> "Finding":
    """The gate's finding on the metric and slice of a test marked ``apigauge``."""
    expanded: _Expanded | None = getattr(request, "param", None)
    declared = [expanded.case] if expanded else _cases_of(request.node)
    if not declared:
        pytest.fail("apigauge_finding is for tests marked with pytest.mark.apigauge", pytrace=False)
    if len(declared) > 1:
        pytest.fail(f"apigauge_finding: this test has {len(declared)} findings; name one metric", pytrace=False)
    return declared[0].finding(request.config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[Any]:
    """Makes and judges the run of a marked test, of whatever kind: what is broken is an error, not a failure."""
    result = yield
    if item.get_closest_marker("apigauge") is not None:
        try:
            declared = _cases_of(item)
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
        for case in declared:
            case.finding(item.config)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """Fails a marked test on a regression, before its body runs."""
    if item.get_closest_marker("apigauge") is not None:
        from apigauge.harness.gate.pytest_cases import verify

        verify(_cases_of(item), item.config)
    return (yield)
