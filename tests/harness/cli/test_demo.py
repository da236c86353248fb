"""``apigauge demo``, with torch and without."""

import importlib.util
import json

import pytest

from apigauge import load_benchmark
from apigauge.__main__ import main
from apigauge.benchmarks.mini import ANSWERS


@pytest.fixture
def without_torch(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else real(name, *more))


def values(folder):
    metrics = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["metrics"]
    return {name: round(entry["value"], 4) for name, entry in metrics.items()}


def test_without_torch_stored_answers_and_two_baselines_make_a_leaderboard(without_torch, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["runs"] == [str(tmp_path / "runs" / name) for name in ("checkpoint", "bm25", "constant")]
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert all(spec in page for spec in ("apigauge-mini", "retrieval:bm25", "constant:"))
    assert "$ apigauge score --benchmark mini --responses" in printed.err
    exact = {name: values(tmp_path / "runs" / name)["ast.exact"] for name in ("checkpoint", "bm25", "constant")}
    assert exact == {"checkpoint": 0.4107, "bm25": 0.3571, "constant": 0.0357}


def test_a_second_demo_takes_the_first_ones_place(without_torch, tmp_path):
    assert main(["demo", "--out", str(tmp_path)]) == 0
    manifest = tmp_path / "runs" / "bm25" / "manifest.json"
    manifest.write_text(
        manifest.read_text(encoding="utf-8").replace('"apigauge_version": "', '"apigauge_version": "0.')
    )
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert '"apigauge_version": "0.0.' not in manifest.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_stored_answers_are_those_of_the_checkpoint(tmp_path):
    assert (
        main(["generate", "--benchmark", "mini", "--model", "hf:apigauge-mini", "--no-cache", "--out", str(tmp_path)])
        == 0
    )
    lines = (tmp_path / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    answers = {row["item"]: row["text"] for row in map(json.loads, lines)}
    stored = {row["item"]: row["text"] for row in map(json.loads, ANSWERS.read_text(encoding="utf-8").splitlines())}
    assert answers == stored
    assert answers.keys() == {item.id for item in load_benchmark("mini").items}
