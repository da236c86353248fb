"""Answers of a large run are read when somebody looks at them: everything made of them is the same to the byte."""

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.cli import stored_answers, stored_items
from apigauge.harness.cli.report import exporter
from apigauge.harness.cli.report_views import view
from apigauge.harness.cli.stored_answers import item_view
from apigauge.reports.leaderboard import write_site

ROW = {"item": "0", "sample": 0, "extraction": {}, "metrics": {}, "labels": {}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("stored") / "run"
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(out), "--sandbox", "none"]
    assert main([*command, "--metrics", "ast_match", "--workers", "1", "--quiet"]) == 0
    # Not in the order of the questions, as a run is that was resumed.
    for name in ("scores.jsonl", "generations.jsonl"):
        lines = (out / name).read_bytes().splitlines(keepends=True)
        (out / name).write_bytes(b"".join(lines[20:] + lines[:20]))
    return out


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pages_and_exports_are_those_of_answers_in_memory(run, tmp_path, monkeypatch):
    written = []
    for held in (0, stored_answers.HELD):
        monkeypatch.setattr(stored_answers, "HELD", held)
        monkeypatch.setattr(stored_items, "LARGE", held)
        runs = [view(run, None, {})]
        out = tmp_path / str(held)
        write_site(runs, out, published=False)
        for name in ("inspect", "every-eval-ever", "dataset"):
            exporter(name)(runs, out)
        written.append(files(out))
    assert written[0] == written[1]
    assert len(written[0]) > 8


def test_rows_are_a_sequence(run, monkeypatch):
    in_memory = list(view(run, None, {}).rows)
    monkeypatch.setattr(stored_answers, "HELD", 0)
    rows = view(run, None, {}).rows
    assert [*rows] == in_memory
    assert rows[3] == in_memory[3]
    assert rows[-1] == in_memory[-1]
    assert list(rows[5:9]) == in_memory[5:9]
    with pytest.raises(IndexError):
        rows[len(in_memory)]


def test_questions_of_a_large_benchmark_are_in_a_file_with_what_pages_show():
    benchmark = load_benchmark("mini")
    stored = stored_items.StoredItems(benchmark.items)
    assert list(stored) == [item.id for item in benchmark.items]
    assert len(stored) == len(benchmark.items)
    for item in reversed(benchmark.items):
        assert item_view(stored[item.id], ROW, {}) == item_view(item, ROW, {})
    assert "other" not in stored
    with pytest.raises(KeyError):
        stored["other"]
