"""The pytest plugin: one test for each metric of a run, judged against a baseline.

Wherever apigauge is installed, every start of pytest loads this module. So it imports nothing but pytest and the
standard library, and does nothing unless a test is marked ``apigauge`` or a file is called ``apigauge.toml``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from apigauge.harness.gate.judge import Finding
    from apigauge.harness.gate.pytest_cases import Case

_FIXTURE = "apigauge_finding"
_MARKER = (
    "apigauge(benchmark, baseline, model=SPEC or run=DIR, metric=[NAME or NAME:MARGIN], slice=[domain, library], "
    "options=[...], inconclusive=fail or skip): one test for each metric and slice; fails on a regression"
)


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
    """Makes one test of a marked function for each metric and slice."""
    if (mark := metafunc.definition.get_closest_marker("apigauge")) is None:
        return
    from apigauge.harness.gate.pytest_cases import cases

    if mark.args:
        pytest.fail(f"@pytest.mark.apigauge takes its arguments by name: {_MARKER}", pytrace=False)
    declared = cases(mark.kwargs, metafunc.config, metafunc.config.rootpath)
    if _FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(_FIXTURE)
    metafunc.parametrize(_FIXTURE, declared, indirect=True, ids=[case.title for case in declared])


@pytest.fixture
def apigauge_finding(request: pytest.FixtureRequest) -> "Finding":
    """The gate's finding on the metric and slice of a test marked ``apigauge``."""
    case: Case | None = getattr(request, "param", None)
    if case is None:
        pytest.fail("apigauge_finding is for tests marked with pytest.mark.apigauge", pytrace=False)
    return case.finding(request.config)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[Any]:
    """Fails a marked test on a regression, before its body runs."""
    if pyfuncitem.get_closest_marker("apigauge") is not None:
        cast("Case", pyfuncitem.callspec.params[_FIXTURE]).verify(pyfuncitem.config)
    return (yield)
