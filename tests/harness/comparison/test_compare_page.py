"""``apigauge compare A B --out DIR``: a page made of two runs on disk."""

import re

import pytest
from compared_runs import edit, lines

from apigauge.__main__ import main


@pytest.fixture
def runs(make, mini):
    """Two runs over the first 24 items; the second one answers the first with prose, and lacks the last."""
    right = {item.id: item.reference_call for item in mini.items[:24]}
    other = dict(list(right.items())[:-1]) | {mini.items[0].id: "I do not <b>know</b>."}
    return make("first", right), make("second", other)


def test_the_page_holds_both_runs_numbers_and_every_pair_of_answers(runs, mini, tmp_path, capsys):
    assert main(["compare", *map(str, runs), "--out", str(tmp_path / "site")]) == 0
    index = tmp_path / "site" / "index.html"
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1] == str(index)
    assert shown.err == ""
    page = index.read_text(encoding="utf-8")
    assert "<title>first and second on mini, apigauge</title>" in page
    assert page.count('<details class="item"') == 23
    assert "Answers only in A: 1; only in B: 0." in page
    assert "replay:second.jsonl" in page
    assert "I do not &lt;b&gt;know&lt;/b&gt;." in page
    first = page.index('<section class="group"')
    (api,) = re.findall(r"<h3><code>(.*?)</code>", page[first : page.index("</h3>", first) + 5])
    assert api == str(mini.items[0].api).replace("'", "&#39;")
    assert f'class="item-id">{mini.items[0].id}</span>' in page[first:].split("</section>")[0]
    row = page[page.index("ast.exact</code>") :]
    assert "100.0" in row.split("</tr>")[0]
    assert "95.7" in row.split("</tr>")[0]


def test_json_names_the_page_and_says_the_rest_as_without_it(runs, tmp_path, compared):
    plain, _ = compared(*runs)
    result, _ = compared(*runs, "--out", tmp_path / "site")
    assert result.pop("index") == str(tmp_path / "site" / "index.html")
    assert result == plain


def test_withheld_metrics_are_not_on_the_page(runs, tmp_path, capsys):
    broken = lines(runs[1] / "scores.jsonl")[0]["item"]

    def execute(row):
        row["verdict"] = {"status": "infra", "stage": 0} if row["item"] == broken else {"status": "passed", "stage": 4}
        row["metrics"] |= {} if row["item"] == broken else {"exec.rate": 1.0}

    for run in runs:
        edit(run / "scores.jsonl", execute)
    assert main(["compare", *map(str, runs), "--out", str(tmp_path / "site")]) == 0
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "exec.rate, exec.call, exec.exact, exec.stage, exec.deprecated left out" in page
    assert '<th scope="row">exec.rate</th>' not in page
    assert "exec.rate</code>" not in page


def test_of_runs_that_are_not_scored_there_is_no_page(make, mini, tmp_path, capsys):
    run = make("a", {mini.items[0].id: "x"}, None)
    assert main(["compare", str(run), str(run), "--out", str(tmp_path / "site")]) == 4
    shown = capsys.readouterr()
    assert f"{run}: has not been scored to its end; run `apigauge score {run}`" in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "site").exists()


def test_a_place_that_cannot_be_written_is_told(runs, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["compare", *map(str, runs), "--out", str(tmp_path / "file")]) == 4
    assert "choose another folder" in capsys.readouterr().err
