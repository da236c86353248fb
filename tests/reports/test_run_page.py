"""The run page as written: its data is carried once, whole, and cannot end the element it stands in."""

import json
import re

from apigauge.reports.leaderboard import write_site
from apigauge.reports.rendering import json_block
from apigauge.reports.run_page import label_counts

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028\u2029 \x00 \ud800 é 日本 \\ \" ' "
LIMIT_BYTES = 6_000_000


def page_of(view, tmp_path) -> str:
    write_site([view], tmp_path)
    return next((tmp_path / "runs").iterdir()).read_bytes().decode("utf-8")


def data_in(page: str):
    blocks = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert len(blocks) == 1
    return json.loads(blocks[0])


def test_embedded_json_holds_no_character_that_could_end_it_and_reads_back_unchanged():
    data = {"a": [HOSTILE, 1, None, {HOSTILE: 0.5}]}
    block = json_block(data)
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff\x00]", block)
    assert json.loads(block) == data


def test_numbers_that_json_cannot_say_do_not_break_the_page():
    assert json.loads(json_block([float("nan"), float("inf"), 0.5])) == ["nan", "inf", 0.5]


def test_every_answer_is_carried_once_and_unchanged(run, item, tmp_path):
    rows = [item(number, text=f"{HOSTILE} answer-{number}") for number in range(120)]
    page = page_of(run("a", rows=rows), tmp_path)
    data = data_in(page)
    assert [values[6] for values in data["items"]] == [row.text for row in rows]
    assert page.count("answer-77") == 1
    assert page.count("</script>") == 2


def test_items_keep_absent_metrics_and_labels_apart_from_zero(run, item, tmp_path):
    rows = [item(1), item(2, metrics={"rouge.1": 0.0}, labels={})]
    data = data_in(page_of(run("a", rows=rows), tmp_path))
    assert data["metrics"] == ["ast.exact", "hallucination", "rouge.1"]
    assert [values[10] for values in data["items"]] == [[0.0, 1.0, None], [None, None, 0.0]]
    assert [values[11] for values in data["items"]] == [["unknown_api"], [None]]


def test_911_items_with_13_metrics_stay_under_the_limit(run, item, tmp_path):
    metrics = {f"metric.{number}": 0.123456 for number in range(13)}
    rows = [item(number, metrics=metrics, text="answer " * 260, program="line\n" * 200) for number in range(911)]
    page = page_of(run("a", rows=rows), tmp_path)
    assert len(data_in(page)["items"]) == 911
    assert len(page.encode()) < LIMIT_BYTES


def test_of_long_output_only_the_end_is_on_the_page(run, item, tmp_path):
    evidence = {"stderr": "start" + "x" * 5_000 + "the end", "tries": ["y" * 5_000], "line": 3}
    rows = [item(0, verdict={"status": "failed", "stage": 2, "evidence": evidence})]
    shown = data_in(page_of(run("a", rows=rows), tmp_path))["items"][0][13]["evidence"]
    assert shown["stderr"].endswith("the end")
    assert "startx" not in shown["stderr"]
    assert all(len(text) < 2_100 for text in (shown["stderr"], *shown["tries"]))
    assert shown["line"] == 3


def test_label_counts_are_the_summarys_and_most_frequent_first(run):
    view = run("a", labels={"ast.exact": {"no_call": 1, "wrong_model": 6, "exact": 3}})
    (counts,) = label_counts(view)
    assert [(bar.label, bar.count, bar.share) for bar in counts.bars] == [
        ("wrong_model", 6, 0.6),
        ("exact", 3, 0.3),
        ("no_call", 1, 0.1),
    ]
    assert [bar.length for bar in counts.bars] == [144.0, 72.0, 24.0]


def test_labels_missing_from_the_summary_are_counted_from_the_rows(run):
    (counts,) = label_counts(run("a", labels={}))
    assert [(bar.label, bar.count) for bar in counts.bars] == [("exact", 2), ("unknown_api", 2)]


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
