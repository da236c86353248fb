"""Machines with a cache each, and the store that they share."""

import pytest


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes what follows run on a machine of that name."""

    def be(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    be("first")
    return be


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def address(machine, store):
    return f"file://{store}/run"
