"""The run page as written: its data is carried once, whole, and cannot end the element it stands in."""

import json
import re

from apigauge.reports.leaderboard import write_site
from apigauge.reports.rendering import json_block
from apigauge.reports.run_page import label_counts, render_run
from apigauge.reports.tables import Page

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028\u2029 \x00 \ud800 é 日本 \\ \" ' "


def page_of(view, tmp_path) -> str:
    write_site([view], tmp_path)
    return next((tmp_path / "runs").iterdir()).read_bytes().decode("utf-8")


def test_embedded_json_holds_no_character_that_could_end_it_and_reads_back_unchanged():
    data = {"a": [HOSTILE, 1, None, {HOSTILE: 0.5}]}
    block = json_block(data)
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff\x00]", block)
    assert json.loads(block) == data


def test_numbers_that_json_cannot_say_do_not_break_the_page():
    assert json.loads(json_block([float("nan"), float("inf"), 0.5])) == ["nan", "inf", 0.5]


def test_a_page_for_elsewhere_has_all_that_the_files_have(run, item, tmp_path):
    rows = [item(number, text=f"{HOSTILE} answer-{number}") for number in range(120)]
    page = render_run(Page(run("a", rows=rows), "a", "a")).decode("utf-8")
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    whole = json.loads(block)["whole"]
    answers = [answer for part in range(3) for answer in whole[f"runs/a/texts-{part}"]["answers"]]
    assert [answer["text"] for answer in answers] == [row.text for row in rows]
    assert page.count("answer-77") == 1
    assert page.count("</script>") == 2
    assert "strict-dynamic" not in page
    write_site([run("a", rows=rows)], tmp_path)
    data = tmp_path / "data"
    files = (
        path.relative_to(data).as_posix()[:-3] for path in data.rglob("*.js") if path.stem not in ("pairs", "right")
    )
    assert sorted(whole) == sorted(files), "all but what only the pages across runs read"


def test_the_page_itself_stays_small_whatever_it_lists(run, item, tmp_path):
    rows = [item(number, text="answer " * 260, program="line\n" * 200) for number in range(2_000)]
    assert len(page_of(run("a", rows=rows), tmp_path)) < 150_000


def test_label_counts_are_of_the_listed_answers_and_most_frequent_first(run, item):
    labels = ["wrong_model"] * 6 + ["exact"] * 3 + ["no_call"]
    rows = [item(number, labels={"ast.exact": label}) for number, label in enumerate(labels)]
    (counts,) = label_counts(run("a", rows=rows, labels={"ast.exact": {"exact": 99}}))
    assert [(bar.label, bar.count, bar.share) for bar in counts.bars] == [
        ("wrong_model", 6, 0.6),
        ("exact", 3, 0.3),
        ("no_call", 1, 0.1),
    ]
    assert [bar.length for bar in counts.bars] == [144.0, 72.0, 24.0]
    assert [bar.address for bar in counts.bars] == [
        f"#label%3Aast.exact={label}" for label in ("wrong_model", "exact", "no_call")
    ]


def test_the_page_shows_interval_method_seed_and_version_of_each_metric(run, tmp_path):
    page = page_of(run("a", {"ast.exact": 0.5, "ast.gorilla": 0.25}), tmp_path)
    cells = [
        re.sub(r"<[^>]+>|\s+", " ", row).split("  ")
        for row in re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.DOTALL)
    ]
    exact = " ".join(" ".join(cells[0]).split())
    assert (
        exact
        == "ast.exact 50.0 % 45.00 55.00 100 40 cluster bootstrap, percentile, 2000 draws 7 1 (tree-sitter-python 0.21.0)"
    )
    assert "not recorded" in " ".join(cells[1])


def test_the_whole_manifest_is_on_the_page(run, tmp_path):
    view = run("a")
    page = page_of(view, tmp_path)
    block = re.search(r'manifest\.json</summary><pre tabindex="0">(.*?)</pre>', page, re.DOTALL)
    assert block
    assert json.loads(block[1].replace("&#34;", '"')) == view.manifest
