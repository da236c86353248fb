"""``apigauge demo``, with torch and without."""

import importlib.util
import json

import pytest

from apigauge.__main__ import main


@pytest.fixture
def without_torch(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else real(name, *more))


def values(folder):
    metrics = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["metrics"]
    return {name: round(entry["value"], 4) for name, entry in metrics.items()}


def test_without_torch_stored_answers_and_two_baselines_make_a_leaderboard_and_do_again(
    without_torch, tmp_path, capsys
):
    assert main(["demo", "--out", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["runs"] == [str(tmp_path / "runs" / name) for name in ("checkpoint", "bm25", "constant")]
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert all(spec in page for spec in ("apigauge-mini", "retrieval:bm25", "constant:"))
    assert "$ apigauge score --benchmark mini --responses" in printed.err
    exact = {name: values(tmp_path / "runs" / name)["ast.exact"] for name in ("checkpoint", "bm25", "constant")}
    assert exact == {"checkpoint": 0.4107, "bm25": 0.3571, "constant": 0.0357}
    manifest = tmp_path / "runs" / "bm25" / "manifest.json"
    written = manifest.read_text(encoding="utf-8")
    manifest.write_text(written.replace('"apigauge_version": "', '"apigauge_version": "0.'), encoding="utf-8")
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert '"apigauge_version": "0.0.' not in manifest.read_text(encoding="utf-8"), "the second takes its place"
