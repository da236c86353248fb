"""``make showcase``: what it makes, what it leaves out, and that it can be called again."""

import importlib.util
import json
import sys

import pytest
from ci_steps import ROOT

spec = importlib.util.spec_from_file_location("showcase", ROOT / "ci" / "showcase.py")
showcase = importlib.util.module_from_spec(spec)
sys.modules["showcase"] = showcase
spec.loader.exec_module(showcase)


@pytest.fixture
def build(monkeypatch, tmp_path, capfd):
    """Builds parts of the showcase; what it printed."""

    def call(*parts):
        monkeypatch.setattr(sys, "argv", ["showcase.py", str(tmp_path), *parts])
        assert showcase.main() == 0
        return capfd.readouterr().out

    return call


@pytest.fixture
def retriever(monkeypatch):
    """Of the models the one that needs nothing."""
    monkeypatch.setattr(showcase, "MODELS", {"bm25": "retrieval:bm25"})
    monkeypatch.setattr(showcase, "mini", lambda one: one.run("bm25", "run", *BM25))
    monkeypatch.setitem(showcase.PARTS, "mini", showcase.mini)


BM25 = ("--benchmark", "mini", "--model", "retrieval:bm25", "--sandbox", "none")


def test_a_complete_run_is_not_made_again(retriever, build, tmp_path):
    first = build("mini")
    assert "$ apigauge run --benchmark mini" in first
    assert (tmp_path / "site" / "charts.html").exists()
    second = build("mini")
    assert "bm25: complete" in second
    assert "$ apigauge run" not in second
    summary = tmp_path / "runs" / "bm25" / "summary.json"
    record = json.loads(summary.read_text(encoding="utf-8"))
    summary.write_text(json.dumps(record | {"items": 3}), encoding="utf-8")
    assert "$ apigauge run" in build("mini")


def test_what_is_not_there_is_said(retriever, build, monkeypatch, tmp_path):
    monkeypatch.setenv("APIGAUGE_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    printed = build("mini", "released", "training")
    for hub in showcase.HUBS:
        assert f"left out: released answers, {hub}: " in printed
    assert "left out: runs of checkpoints: " in printed
    assert (tmp_path / "site" / "training" / "index.html").exists()
