"""What a report may overwrite and remove: only what a report wrote."""

import pytest

from apigauge.errors import ApigaugeError
from apigauge.reports.comparison import write_comparison
from apigauge.reports.export import write_csv
from apigauge.reports.leaderboard import write_site
from apigauge.reports.pages import signature
from apigauge.reports.training import write_training


def test_pages_are_replaced_and_those_of_removed_runs_removed(run, tmp_path):
    write_site([run("a"), run("b"), run("c")], tmp_path)
    write_csv([run("a")], tmp_path)
    edited = tmp_path / "runs" / "c.html"
    edited.write_text(edited.read_text(encoding="utf-8") + "mine", encoding="utf-8")
    (tmp_path / "runs" / "own.html").write_text("mine")
    write_site([run("a", {"ast.exact": 0.25})], tmp_path)
    write_csv([run("a")], tmp_path)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a.html", "c.html", "own.html"]
    assert "25.0" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert edited.read_text(encoding="utf-8").endswith("mine")


@pytest.mark.parametrize("name", ["index.html", "runs/a.html"])
@pytest.mark.parametrize("content", [b"", b"<!doctype html>mine", "edited"])
def test_what_no_report_wrote_or_somebody_changed_is_not_overwritten(run, tmp_path, name, content):
    """Attack on oneself: ``--out .`` in a folder that has a site of its own."""
    if content == "edited":
        write_site([run("a")], tmp_path)
        content = (tmp_path / name).read_bytes().replace(b"0.5", b"0.6", 1)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ApigaugeError, match="is not overwritten"):
        write_site([run("a"), run("b")], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_no_page_of_any_kind_and_no_table_overwrites_others(run, comparison, pair, training, tmp_path):
    for name in ("index.html", "leaderboard.csv"):
        (tmp_path / name).write_text("mine")
    for write, what in (
        (write_comparison, comparison([pair("x", 1, 1, 0)])),
        (write_training, training()),
        (write_csv, [run("a")]),
    ):
        with pytest.raises(ApigaugeError, match="is not overwritten"):
            write(what, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "index.html": "mine",
        "leaderboard.csv": "mine",
    }


def test_a_link_is_neither_followed_nor_removed(run, tmp_path):
    (tmp_path / "own.txt").write_text("mine")
    (tmp_path / "index.html").symlink_to(tmp_path / "own.txt")
    with pytest.raises(ApigaugeError, match="is not overwritten"):
        write_site([run("a")], tmp_path)
    assert (tmp_path / "own.txt").read_text() == "mine"


def test_a_page_of_an_older_version_is_replaced(run, tmp_path):
    page = write_site([run("a")], tmp_path)
    text = page.read_bytes()
    page.write_bytes(text[: text.rindex(b"\n<!-- written by")])
    assert not signature(page.read_bytes())
    assert signature(write_site([run("a")], tmp_path).read_bytes())
