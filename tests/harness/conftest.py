"""A real sandbox for small programs of the standard library."""

import pytest


@pytest.fixture(scope="session")
def process_sandbox():
    """Opens process sandboxes with nothing but Python in them; closes them in the end."""
    from apigauge.sandboxes.open import open_sandbox

    opened = []

    def make(concurrency=2):
        opened.append(open_sandbox("process", "python", concurrency=concurrency, say=lambda _: None))
        return opened[-1]

    yield make
    for sandbox in opened:
        sandbox.close()


@pytest.fixture(autouse=True)
def ceilings_of_their_own(tmp_path, monkeypatch):
    """No test leaves a ceiling behind, or finds one."""
    from apigauge.harness import references

    monkeypatch.setattr(references, "cache", lambda: tmp_path / "ceilings")
