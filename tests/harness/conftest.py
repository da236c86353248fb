"""A real sandbox for small programs of the standard library."""

import functools

import pytest
from compared_runs import compare_json, make_run


@pytest.fixture(scope="session")
def process_sandbox():
    """Opens process sandboxes with nothing but Python in them; closes them in the end."""
    from apigauge.sandboxes.factory import open_sandbox

    opened = []

    def make(concurrency=2):
        opened.append(open_sandbox("process", "python", concurrency=concurrency, accepts_no_isolation=True))
        return opened[-1]

    yield make
    for sandbox in opened:
        sandbox.close()


@pytest.fixture(autouse=True)
def ceilings_of_their_own(tmp_path, monkeypatch):
    """No test leaves a ceiling behind, or finds one."""
    from apigauge.harness.evaluation import ceilings

    monkeypatch.setattr(ceilings, "folder", lambda: tmp_path / "ceilings")


@pytest.fixture(scope="session")
def mini():
    from apigauge.benchmarks import load_benchmark

    return load_benchmark("mini")


@pytest.fixture
def make(tmp_path, mini):
    """Makes a run of texts; see ``make_run``."""
    return functools.partial(make_run, tmp_path, mini)


@pytest.fixture
def compared(capsys):
    """Runs ``apigauge compare ... --json``; returns the result and the standard error."""
    return functools.partial(compare_json, capsys)
