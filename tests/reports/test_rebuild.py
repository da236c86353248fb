"""A site that is built again has the bytes of one that is built from nothing, whatever changed and whatever is cached."""

import os
import random
import shutil
import time
from pathlib import Path

from made_runs import report, tree

import apigauge
from apigauge.reports import build_cache, data_files
from apigauge.reports.build_cache import BuildCache, cache_of
from apigauge.reports.charts import page as charts_page
from apigauge.reports.charts import second_process


def from_nothing(runs: list[Path], tmp_path: Path) -> dict[str, bytes]:
    fresh = tmp_path / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(cache_of(fresh)._folder, ignore_errors=True)
    assert report(*runs, "--out", fresh) == 0
    return tree(fresh)


def test_every_change_of_runs_leaves_the_bytes_of_a_build_from_nothing(write_run, tmp_path):
    """Runs are added, removed, scored again, renamed to another's name, put in another order; caches stay."""
    draw = random.Random(8)
    runs = [write_run(tmp_path / f"runs-{seed % 2}" / f"run {seed % 4}", seed) for seed in range(5)]
    runs.append(write_run(tmp_path / "runs-2" / "short", 7, count=9))
    runs.append(write_run(tmp_path / "runs-2" / "other", 8, benchmark="second"))
    given = runs[:3]
    for step in range(9):
        assert report(*given, "--out", tmp_path / "site") == 0
        assert tree(tmp_path / "site") == from_nothing(given, tmp_path), f"step {step}"
        change = draw.choice(["add", "remove", "change", "reorder"]) if step else "add"
        rest = [run for run in runs if run not in given]
        if change == "add" and rest:
            given = [*given, draw.choice(rest)]
        elif change == "remove" and len(given) > 1:
            given = [run for run in given if run != draw.choice(given)] or given
        elif change == "change":
            run = draw.choice(given)
            write_run(run, 100 + step, count=9 if run.name == "short" else 24)
        else:
            given = draw.sample(given, len(given))


def test_what_did_not_change_is_neither_read_nor_made_again(write_run, tmp_path, monkeypatch):
    runs = [write_run(tmp_path / f"run {seed}", seed) for seed in range(3)]
    assert report(*runs[:2], "--out", tmp_path / "site") == 0
    from apigauge.harness.cli import report_views
    from apigauge.reports import ranking

    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.[hj]*")}
    read, compared, drawn = [], [], []
    rows, pairs, part = report_views._rows, ranking.all_pairs, charts_page._part
    monkeypatch.setattr(report_views, "_rows", lambda path, *rest: read.append(path) or rows(path, *rest))

    def counted(metric, scores, apis, is_wanted):
        made = pairs(metric, scores, apis, is_wanted)
        compared.append((metric, len(made)))
        return made

    monkeypatch.setattr(ranking, "all_pairs", counted)
    monkeypatch.setattr(charts_page, "_part", lambda *given: drawn.append(given) or part(*given))
    assert report(*runs[:2], "--out", tmp_path / "site") == 0
    assert (read, compared, drawn) == ([], [], [])
    assert times == {path: path.stat().st_mtime_ns for path in times}
    compared.clear()
    assert report(*runs, "--out", tmp_path / "site") == 0
    assert read == [runs[2]]
    assert [count for _, count in compared] == [2, 2]
    assert len(drawn) == 1
    same = [path for path, time in times.items() if path.stat().st_mtime_ns == time]
    assert {path.parent.name for path in same} >= {"run-0", "run-1", "runs"}


def test_charts_of_a_second_process_have_the_same_bytes_and_one_that_fails_costs_only_time(
    write_run, tmp_path, monkeypatch
):
    runs = [write_run(tmp_path / f"run {seed}", seed) for seed in range(2)]
    expected = from_nothing(runs, tmp_path)
    monkeypatch.setattr(second_process, "FEWEST_RUNS", 0)
    monkeypatch.setattr(second_process.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(charts_page, "_part", None)
    assert from_nothing(runs, tmp_path) == expected
    monkeypatch.undo()
    monkeypatch.setattr(second_process, "FEWEST_RUNS", 0)
    monkeypatch.setattr(second_process, "_PROGRAM", "raise SystemExit(1)")
    assert from_nothing(runs, tmp_path) == expected


def test_a_cache_that_is_damaged_or_of_something_else_is_not_believed(write_run, tmp_path):
    """Bytes flipped, ends cut, entries exchanged with each other, and all of another site's."""
    runs = [write_run(tmp_path / f"run {seed}", seed) for seed in range(3)]
    expected = from_nothing(runs, tmp_path)
    site, folder = tmp_path / "site", cache_of(tmp_path / "site")._folder
    assert report(*runs, "--out", site) == 0
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"0.", b"1.") if b"0." in content else content[: len(content) // 2])
    for path in (site / "runs").iterdir():
        path.unlink()
    assert report(*runs, "--out", site) == 0
    assert tree(site) == expected
    one, other = sorted(folder.glob("rows-*"))[:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    shutil.rmtree(site)
    assert report(*runs, "--out", site) == 0
    assert tree(site) == expected


def test_pages_that_somebody_damaged_or_took_from_elsewhere_are_made_again(write_run, tmp_path):
    """A whole and signed page of another run in the place of this one's is replaced, and so is a missing part."""
    runs = [write_run(tmp_path / f"run {seed}", seed) for seed in range(2)]
    site = tmp_path / "site"
    assert report(*runs, "--out", site) == 0
    expected = tree(site)
    (site / "runs" / "run-0.html").write_bytes((site / "runs" / "run-1.html").read_bytes())
    (site / "data" / "runs" / "run-1" / "items.js").unlink()
    assert report(*runs, "--out", site) == 0
    assert tree(site) == expected


def test_other_code_makes_everything_again(write_run, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", 1)
    assert report(run, "--out", tmp_path / "site") == 0
    monkeypatch.setattr(build_cache, "code_digest", lambda: "other")
    monkeypatch.setattr(data_files, "EVIDENCE_LENGTH", 1)
    from apigauge.harness.cli import report_views

    read = []
    rows = report_views._rows
    monkeypatch.setattr(report_views, "_rows", lambda path, *rest: read.append(path) or rows(path, *rest))
    assert report(run, "--out", tmp_path / "site") == 0
    assert read == [run]


def test_entries_that_a_build_did_not_use_are_removed(write_run, tmp_path):
    runs = [write_run(tmp_path / f"run {seed}", seed) for seed in range(3)]
    assert report(*runs, "--out", tmp_path / "site") == 0
    folder = cache_of(tmp_path / "site")._folder
    assert len(list(folder.glob("rows-*"))) == 3
    assert report(*runs[:1], "--out", tmp_path / "site") == 0
    assert len(list(folder.glob("rows-*"))) == 1
    assert not list(folder.glob("*.tmp"))


def test_caches_that_no_build_uses_any_more_are_removed_by_age_and_the_oldest_by_size(write_run, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", 1)
    site, caches = tmp_path / "site", cache_of(tmp_path / "site")._folder.parent
    for at, days in enumerate((1, 2, 40)):
        (caches / f"site {at}").mkdir(parents=True)
        (caches / f"site {at}" / "rows-1").write_bytes(bytes(1_000_000))
        os.utime(caches / f"site {at}", times=(time.time() - days * 86_400,) * 2)
    monkeypatch.setattr(build_cache, "LARGEST", 2_500_000)
    assert report(run, "--out", site) == 0
    assert {path.name for path in caches.glob("site *")} == {"site 0", "site 1"}
    monkeypatch.setattr(build_cache, "LARGEST", 1_500_000)
    write_run(run, 2)
    assert report(run, "--out", site) == 0
    assert {path.name for path in caches.glob("site *")} == {"site 0"}
    assert list(cache_of(site)._folder.glob("rows-*"))


def test_a_report_from_python_keeps_what_it_read_for_the_next_one(write_run, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", 1)
    apigauge.report([run], tmp_path / "site")
    expected = tree(tmp_path / "site")
    monkeypatch.setattr("apigauge.harness.cli.report_views._rows", None)
    apigauge.report([run], tmp_path / "site")
    assert tree(tmp_path / "site") == expected


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = BuildCache(tmp_path / "file" / "cache")
    cache.write("rows", "a", [1])
    assert cache.read("rows", "a") is None
    cache.prune()


def test_a_long_column_is_written_in_parts_and_read_whole(tmp_path):
    values = {
        "long": [None, 0.1, "\ud800", 'a"]'] * 7_001,
        "empty": {},
        "none": [],
        "more": {"a": list(range(20_000)), 'b"': 1},
        "short": [[1], {}],
    }
    BuildCache(tmp_path).write("rows", "inputs", values)
    assert BuildCache(tmp_path).read("rows", "inputs") == values
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2", 1))
    assert BuildCache(tmp_path).read("rows", "inputs") is None
