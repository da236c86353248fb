"""Unfinished answers on the pages: a badge, a warning above a tenth, a column, a filter, and each answer itself."""

import csv

import pytest
from playwright.sync_api import expect

from apigauge.reports.comparison import write_comparison
from apigauge.reports.export import write_csv
from apigauge.reports.leaderboard import write_site
from apigauge.reports.views import RunView


@pytest.fixture
def cut(run, item):
    """A run of which so many answers of a hundred are unfinished."""

    def make(count, name="cut"):
        rows = [
            item(0, unfinished="length"),
            item(1, unfinished="reasoning", reasoning="hm </script> <b>apart</b>", text=""),
            item(2),
        ]
        view = run(name, rows=rows)
        metrics = {
            metric: entry | {"unfinished": count - 1, "unfinished_share": (count - 1) / 100}
            for metric, entry in view.summary["metrics"].items()
        }
        record = {"count": count, "answers": 100, "share": count / 100, "reasons": {"length": count}}
        manifest = view.manifest | {"reasoning": {"mode": "strip"}}
        return RunView(name, manifest, view.summary | {"metrics": metrics, "unfinished": record}, rows)

    return make


def pages(views, tmp_path):
    index = write_site(views, tmp_path).read_text(encoding="utf-8")
    return index, {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "runs").iterdir()}


def test_few_are_shown_and_more_than_a_tenth_are_warned_of(cut, tmp_path):
    for count, kind in ((10, "plain"), (11, "warn")):
        index, runs = pages([cut(count)], tmp_path / str(count))
        assert f'<td class="about num" data-v="{count / 100}">{count} ({count}.0%)</td>' in index
        assert ("badge-warn" in index.split("<body>")[1]) is (count == 11)
        for page in (index, runs["cut"])[count == 10 :]:
            assert f'<span class="badge badge-{kind}"' in page
            assert f"{count} of 100 answers unfinished ({count}.0%)" in page
            is_warned = f"cut: {count} of 100 answers unfinished ({count}.0%), so its scores say little" in page
            assert is_warned is (count == 11)
            assert ("--max-new-tokens" in page.split('<script type="application/json"')[0]) is (count == 11)
        assert f"{count - 1} of 100 answers unfinished" in runs["cut"]  # of the metric, in its cell's exact words


def test_the_run_page_has_a_column_a_filter_and_each_answers_state(cut, tmp_path):
    page = pages([cut(20)], tmp_path)[1]["cut"]
    assert '<th scope="col" class="num">unfinished</th>' in page
    assert '<td data-label="unfinished" class="num">19 <span class="detail">19.0 %</span></td>' in page
    assert "What these numbers depend on" in page
    assert "&#34;mode&#34;: &#34;strip&#34;" in page


def test_runs_that_do_not_say_or_have_none_show_nothing(run, tmp_path):
    old = run("old")
    none = RunView(
        "none", old.manifest, old.summary | {"unfinished": {"count": 0, "answers": 4, "share": 0.0, "reasons": {}}}, []
    )
    index, runs = pages([old, none], tmp_path)
    for page in (index, *runs.values()):
        assert "answers unfinished" not in page
        assert ">unfinished" not in page


def test_runs_whose_reasoning_was_separated_differently_are_not_compared_silently(cut, tmp_path):
    kept = cut(1, "kept")
    kept = RunView("kept", kept.manifest | {"reasoning": {"mode": "keep"}}, kept.summary, kept.rows)
    assert "separated from the answers in different ways (keep; strip)" in pages([cut(1), kept], tmp_path / "two")[0]
    assert "in different ways" not in pages([cut(1)], tmp_path / "one")[0]


def test_the_page_of_two_runs_shows_it_too(cut, comparison, pair, tmp_path):
    one = pair("api", 1, 1.0, 0.0, unfinished="reasoning", reasoning="apart &")
    page = write_comparison(comparison([one], b=cut(30, "after")), tmp_path).read_text(encoding="utf-8")
    assert "30 of 100 answers unfinished (30.0%)" in page
    assert "after: 30 of 100 answers unfinished (30.0%), so its scores say little" in page
    assert "<strong>unfinished</strong>: it ends inside the reasoning" in page
    assert "apart &amp;" in page


def test_the_csv_counts_them_by_metric(cut, run, tmp_path):
    write_csv([cut(7), run("old")], tmp_path)
    text = (tmp_path / "leaderboard.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["unfinished"] for row in rows] == ["6", ""]


@pytest.mark.browser
def test_a_reader_filters_unfinished_answers_and_reads_why(cut, visit, tmp_path):
    write_site([cut(20)], tmp_path)
    opened = visit(tmp_path / "runs" / "cut.html")
    page = opened.page
    expect(page.locator("#items details")).to_have_count(3)
    page.get_by_label("Unfinished").select_option("yes (2)")
    expect(page.locator("#items details")).to_have_count(2)
    page.locator("#open-all").click()
    expect(page.get_by_text("Answer as written")).to_have_count(2)
    texts = page.locator("#items details").all_inner_texts()
    assert "Its tokens ran out" in texts[0]
    assert "It ends inside the model's reasoning" in texts[1]
    assert "hm </script> <b>apart</b>" not in texts[1]
    page.get_by_text("Reasoning, sent apart from the answer (25 characters)").click()
    expect(page.get_by_text("hm </script> <b>apart</b>")).to_be_visible()
    page.get_by_label("Unfinished").select_option("all (3)")
    expect(page.locator("#items details")).to_have_count(3)
    assert opened.complaints == []
