"""``apigauge runs`` and ``apigauge report`` on folders of runs, among them damaged ones and what is no run."""

import json
import os
import shutil
from pathlib import Path

import pytest

from apigauge.__main__ import main
from apigauge.harness.evaluation import run_directory

RUN = ["run", "--benchmark", "mini", "--sandbox", "none", "--metrics", "ast.exact"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A complete run of three items."""
    folder = tmp_path_factory.mktemp("scored") / "bm25"
    assert main([*RUN, "--model", "retrieval:bm25", "--limit", "3", "--out", str(folder)]) == 0
    return folder


def edit(path, **fields):
    run_directory.write_json(path, run_directory.read_json(path) | fields)


@pytest.fixture
def runs(scored, tmp_path):
    """A folder of runs in every state, the newest first by name."""
    folder = tmp_path / "runs"
    names = ("a-complete", "b-partial", "c-unscored", "d-manifest", "e-scores", "f-summary", "deep/er/g-old")
    for number, name in enumerate(names):
        shutil.copytree(scored, folder / name)
        edit(folder / name / "manifest.json", created=f"2026-03-{20 - number}T12:00:00+00:00")
    edit(folder / "b-partial" / "manifest.json", benchmark={"name": "mini", "items": 56})
    (folder / "c-unscored" / "scores.jsonl").unlink()
    (folder / "c-unscored" / "summary.json").unlink()
    (folder / "d-manifest" / "manifest.json").write_text('{"benchmark"')
    os.utime(folder / "d-manifest" / "manifest.json", (0, 0))
    (folder / "e-scores" / "scores.jsonl").write_text("broken\n{}\n")
    edit(folder / "f-summary" / "summary.json", metrics="none")
    old = run_directory.read_json(folder / "deep" / "er" / "g-old" / "manifest.json")
    del old["created"]
    run_directory.write_json(folder / "deep" / "er" / "g-old" / "manifest.json", old)
    os.utime(folder / "deep" / "er" / "g-old" / "manifest.json", (86400, 86400))
    (folder / "site" / "pages").mkdir(parents=True)
    (folder / "site" / "manifest.json").write_text('{"name": "of a web application"}')
    (folder / "labels").mkdir()
    (folder / "labels" / "manifest.json").write_text('{"benchmark": {"name": "mini"}, "labeler": {}}')
    (folder / "begun").mkdir()
    (folder / "begun" / "manifest.json").write_text('{"benchmark": {"name": "mini"}, "generator": {"spec": "hf:x"}}')
    os.utime(folder / "begun" / "manifest.json", (172800, 172800))
    (folder / "notes.txt").write_text("no run")
    return folder


def listed(capsys, *arguments):
    capsys.readouterr()
    assert main(["runs", *map(str, arguments), "--json"]) == 0
    return {Path(entry["run"]).name: entry for entry in json.loads(capsys.readouterr().out)["runs"]}


def test_every_run_has_its_state(runs, capsys):
    entries = listed(capsys, runs)
    assert {name: entry["state"] for name, entry in entries.items()} == {
        "a-complete": "complete",
        "b-partial": "partial",
        "c-unscored": "not scored",
        "d-manifest": "damaged",
        "e-scores": "damaged",
        "f-summary": "damaged",
        "g-old": "complete",
        "begun": "not scored",
    }
    assert "manifest.json" in entries["d-manifest"]["reason"]
    assert "scores.jsonl, line 1" in entries["e-scores"]["reason"]
    assert "metrics is missing or damaged" in entries["f-summary"]["reason"]


def test_an_entry_says_what_was_run_when_and_how_it_scored(runs, scored, capsys):
    summary = json.loads((scored / "summary.json").read_text())
    complete = listed(capsys, runs)["a-complete"]
    assert complete == {
        "run": str(runs / "a-complete"),
        "benchmark": "mini",
        "model": "retrieval:bm25",
        "created": "2026-03-20T12:00:00+00:00",
        "items": 3,
        "expected": 3,
        "metrics": {name: entry["value"] for name, entry in summary["metrics"].items()},
        "withheld": [],
        "unfinished": {"count": 0, "share": 0.0},
        "state": "complete",
        "reason": "",
    }


def test_runs_are_sorted_by_date_and_an_old_one_has_that_of_its_file(runs, capsys):
    entries = listed(capsys, runs)
    assert list(entries) == [
        "d-manifest",
        "g-old",
        "begun",
        "f-summary",
        "e-scores",
        "c-unscored",
        "b-partial",
        "a-complete",
    ]
    assert entries["g-old"]["created"] == "1970-01-02T00:00:00+00:00"


def test_a_date_in_another_zone_or_none_at_all_does_no_harm(runs, capsys):
    edit(runs / "a-complete" / "manifest.json", created="2026-03-20T14:00:00+02:00")
    edit(runs / "b-partial" / "manifest.json", created="yesterday")
    entries = listed(capsys, runs)
    assert entries["a-complete"]["created"] == "2026-03-20T12:00:00+00:00"
    assert list(entries)[-1] == "b-partial"


def test_the_folder_may_be_a_run_itself(runs, capsys):
    assert list(listed(capsys, runs / "a-complete")) == ["a-complete"]


def test_a_run_that_is_written_to_is_named_as_such_and_not_disturbed(runs, capsys):
    with run_directory.writing(runs / "b-partial"):
        assert listed(capsys, runs / "b-partial")["b-partial"]["state"] == "being written"
    assert listed(capsys, runs / "b-partial")["b-partial"]["state"] == "partial"
    with run_directory.writing(runs / "b-partial"):
        """The list holds no lock that keeps a writer out."""


def test_links_to_runs_and_circles_count_once(runs, capsys):
    (runs / "0-latest").symlink_to(runs / "a-complete")
    (runs / "deep" / "up").symlink_to(runs)
    assert "0-latest" not in listed(capsys, runs)


def test_the_table_shows_states_dashes_and_what_is_withheld(runs, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    edit(runs / "a-complete" / "summary.json", withheld=["exec.rate", "exec.call", "exec.stage"])
    assert main(["runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    rows = {name: next(line for line in shown.splitlines() if name in line) for name in ("a-comp", "b-part", "c-unsc")}
    assert "withheld" in rows["a-comp"]
    assert "2026-03-20 12:00" in rows["a-comp"]
    assert "3 of 56" in rows["b-part"]
    assert "not scored" in rows["c-unsc"]
    assert rows["c-unsc"].count(" - ") == 3
    assert f"{runs / 'd-manifest'}: damaged: manifest.json" in shown


def test_without_a_folder_of_runs_there_is_nothing_to_list(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert "has no runs" in capsys.readouterr().err
    assert main(["runs", "elsewhere"]) == 4
    assert "no such folder" in capsys.readouterr().err


def reported(capsys, *arguments):
    capsys.readouterr()
    code = main(["report", *map(str, arguments), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out)["runs"] if shown.out else [], shown.err


def test_a_report_of_a_folder_leaves_out_by_name_what_it_cannot_use(runs, tmp_path, capsys):
    code, names, notes = reported(capsys, runs, "--out", tmp_path / "site")
    assert code == 0
    assert sorted(names) == ["a-complete", "b-partial", "g-old"]
    lines = [line for line in notes.splitlines() if "left out" in line]
    assert len(lines) == 7
    for name in ("c-unscored", "d-manifest", "e-scores", "f-summary", "site", "labels", "begun"):
        assert sum(f"{runs / name}" in line.split(": ", 2)[2] for line in lines) == 1
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_report_takes_a_run_once_however_often_it_is_given(runs, tmp_path, capsys):
    (tmp_path / "link").symlink_to(runs / "a-complete")
    run = runs / "a-complete"
    code, names, _ = reported(capsys, run, runs, run / ".." / "a-complete", tmp_path / "link", "--out", tmp_path / "s")
    assert code == 0
    assert names.count("a-complete") == 1
    assert len(names) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("site", "no run directory"),
        ("notes.txt", "no such folder"),
        ("missing", "no such folder"),
    ],
)
def test_an_argument_that_names_no_usable_run_is_an_error(runs, tmp_path, capsys, name, message):
    code, _, errors = reported(capsys, runs / "a-complete", runs / name, "--out", tmp_path / "site")
    assert code == 4
    assert message in errors
    assert str(runs / name) in errors
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c-unscored", "has not been scored"),
        ("d-manifest", "cannot be read"),
        ("e-scores", "line 1"),
        ("f-summary", "summary.json"),
    ],
)
def test_a_named_run_that_cannot_be_used_is_an_error_and_does_not_end_the_report_of_others(
    runs, tmp_path, capsys, name, message
):
    code, names, errors = reported(capsys, runs / name, runs / "a-complete", "--out", tmp_path / "site")
    assert code == 4
    assert names == ["a-complete"]
    assert message in errors
    assert "WARNING: left out: " in errors
    assert str(runs / name) in errors
    assert (tmp_path / "site" / "index.html").is_file()
    assert reported(capsys, runs / name, "--out", tmp_path / "alone")[0] == 4
    assert not (tmp_path / "alone").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", {"ast.exact": {"exact": "many"}}),
        ("usage", {"answers": "x"}),
        ("infra_error_rate", "x"),
        ("samples", {"ast.exact": 3}),
    ],
)
def test_whatever_is_damaged_in_a_summary_the_other_runs_are_reported(runs, tmp_path, capsys, name, value):
    edit(runs / "b-partial" / "summary.json", **{name: value})
    code, names, notes = reported(capsys, runs / "b-partial", runs / "a-complete", "--out", tmp_path / "site")
    assert (code, names) == (4, ["a-complete"])
    assert "is damaged" in notes


def test_data_that_is_not_what_a_run_answered_is_named_here_and_on_its_pages(runs, tmp_path, capsys):
    path = runs / "a-complete" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["benchmark"]["digest"] = "sha256:" + "12" * 32
    path.write_text(json.dumps(manifest), encoding="utf-8")
    code, _, notes = reported(capsys, runs / "a-complete", runs / "b-partial", "--out", tmp_path / "site")
    assert code == 0
    assert "WARNING: a-complete: the data here (" in notes
    assert "is not what the run answered (sha256:121212121212)" in notes
    assert "b-partial: the data here" not in notes
    for page in ("index.html", "runs/a-complete.html"):
        assert "is not what the run answered (sha256:121212121212)" in (tmp_path / "site" / page).read_text("utf-8")


def test_the_order_of_the_arguments_changes_nothing(runs, tmp_path, capsys):
    shutil.copytree(runs / "b-partial", tmp_path / "again" / "a-complete")
    given = [runs / "a-complete", runs / "b-partial", tmp_path / "again" / "a-complete"]
    for site, order in (("one", given), ("two", given[::-1])):
        assert reported(capsys, *order, "--out", tmp_path / site)[0] == 0
    for path in (path for path in (tmp_path / "one").rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_a_folder_without_any_usable_run_is_an_error(runs, tmp_path, capsys):
    for name in ("a-complete", "b-partial", "deep"):
        shutil.rmtree(runs / name)
    code, _, errors = reported(capsys, runs, "--out", tmp_path / "site")
    assert code == 4
    assert "no run there can be reported" in errors
    assert "c-unscored" in errors
    assert not (tmp_path / "site").exists()
