"""The page of two runs as written: what stands in which order, and nothing on it that an answer wrote as markup."""

import dataclasses
import gc
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from apigauge.errors import ApigaugeError
from apigauge.harness.metrics.table import infos_for
from apigauge.reports import parts
from apigauge.reports.comparison import write_comparison
from apigauge.reports.pairing import grouped, marked
from apigauge.reports.views import PairView

ATTACK = (
    "\"' onclick=window.pwned=1 x=\"</pre></details><script>window.pwned=1</script><img src=x onerror=window.pwned=1>'&"
)


class Page(HTMLParser):
    """The elements of a page, and the text in those of a tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self._open, self.texts = [], [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag][-1] += data


def page_of(view, tmp_path):
    return write_comparison(view, tmp_path / "site").read_text(encoding="utf-8")


def cells(page, metric):
    """The texts of a metric's row in the table."""
    (row,) = re.findall(
        rf"<tr>\s*<th scope=\"row\"><code title=\"[^\"]*\">{re.escape(metric)}</code>.*?</tr>", page, re.DOTALL
    )
    return [" ".join(re.sub("<[^>]+>", "", cell).split()) for cell in re.findall("<td.*?</td>", row, re.DOTALL)]


def test_apis_that_lost_most_come_first_then_those_that_won_then_other_changes_and_what_is_alike_last(pair):
    rows = [
        pair("alike", 1, 1, 1),
        pair("lost one of two", 2, 1, 1),
        pair("lost one of two", 3, 1, 0),
        pair("won two", 4, 0, 1),
        pair("lost two", 5, 1, 0),
        pair("won two", 6, 0, 1),
        pair("lost two", 7, 1, 0),
        pair("another text", 8, 0, 0, text="another"),
        pair("won one", 9, 0, 1),
        pair("lost as many as it won", 10, 0, 1),
        pair("lost as many as it won", 11, 1, 0),
    ]
    groups = grouped(rows, infos_for(["ast.exact"]), {"ast.exact"})
    assert [group.api for group in groups] == [
        "lost two",
        "lost one of two",
        "won two",
        "won one",
        "lost as many as it won",
        "another text",
        "alike",
    ]
    assert [row.question.id for row in groups[1].rows] == ["3", "2"]
    assert [(group.worse, group.better) for group in groups[:3]] == [(2, 0), (1, 0), (0, 2)]
    assert [outcome.is_alike for group in groups[-2:] for outcome in group.outcomes] == [False, True]


class Made(Sequence):
    """Pairs that are made when they are looked at; counts how many are held at once."""

    def __init__(self, make, count):
        self.make, self.count, self.most = make, count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        if not 0 <= at < self.count:
            raise IndexError
        if at % 100 == 0:
            gc.collect()
            self.most = max(self.most, sum(type(one) is PairView for one in gc.get_objects()))
        return self.make(f"api {at % 30}", at, at % 2, at % 3 % 2)


def test_of_many_pairs_few_are_held_at_once_and_the_files_are_the_same(comparison, pair, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "WHOLE", 30_000)
    monkeypatch.setattr(parts, "FIRST", 6_000)
    monkeypatch.setattr(parts, "PART", 3_000)
    made = Made(pair, 300)
    gc.collect()
    held = sum(type(one) is PairView for one in gc.get_objects())

    def files(name, pairs):
        view = dataclasses.replace(comparison([pair("x", 1, 1, 0)]), pairs=pairs)
        folder = write_comparison(view, tmp_path / name).parent
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    written = files("made", made)
    assert made.most - held < 20
    assert len(written) > 30
    assert files("held", list(made)) == written


def test_where_low_is_good_a_rise_is_worse(pair):
    metrics = {"ast.exact": 1.0, "hallucination": 1.0, "rouge.1": 0.75}
    row = pair("x", 1, 1, 1, metrics=metrics)
    row.a.metrics.update({"hallucination": 0.0, "rouge.1": 0.5, "rouge.2": 0.5})
    columns = infos_for(["ast.exact", "hallucination", "rouge.1", "rouge.2"])
    (group,) = grouped([row], columns, {"ast.exact", "hallucination"})
    ((shown_row,), ((changes, _),)) = (group.rows, group.outcomes)
    assert changes == ("=", "-", "+", ".")
    assert shown_row.scores == (
        ("ast.exact", "1", "1", "="),
        ("hallucination", "0", "1", "-"),
        ("rouge.1", "0.5", "0.75", "+"),
        ("rouge.2", "0.5", "\u2013", "."),
    )
    assert [(chip.metric, chip.a, chip.b, chip.change) for chip in shown_row.chips] == [
        ("hallucination", "0", "1", "-")
    ]


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({}, "no change"),
        ({"text": "x"}, "another text, same scores"),
        ({"call": "x"}, "another program, same scores"),
        ({"metrics": {"ast.exact": 1.0, "rouge.1": 0.5}}, "other scores"),
        ({"verdict": {"status": "failed", "stage": 3}}, "another verdict, same scores"),
        ({"labels": {"ast.exact": "extra_argument"}}, ""),
    ],
)
def test_a_row_says_what_changed_where_no_outcome_did(pair, changes, remark):
    row = pair("x", 2, 1, 1, **changes)
    row.a.metrics["rouge.1"] = 0.25 if "metrics" in changes else row.b.metrics.setdefault("rouge.1", 0.25)
    (group,) = grouped([row], infos_for(["ast.exact", "rouge.1"]), {"ast.exact"})
    assert group.rows[0].remark == remark
    assert bool(group.rows[0].chips) == (remark == "")


@pytest.mark.parametrize(
    ("one", "other", "first", "second"),
    [
        ("f(a, k=1)", "f(b, k=1)", "f(<mark>a</mark>, k=1)", "f(<mark>b</mark>, k=1)"),
        ("f(x)", "f(x, y)", "f(x)", "f(x<mark>, y</mark>)"),
        ("f(aa)", "f(a)", "f(<mark>aa</mark>)", "f(<mark>a</mark>)"),
        ("f(x)", "f(x)", "f(x)", "f(x)"),
        ("f(x, x)", "f(x)", "f(x<mark>, x</mark>)", "f(x)"),
        ("f(x)", "<g>(x)", "f(x)", "&lt;g&gt;(x)"),
        (
            "f(<i>)",
            "f(<b>\x00)",
            "f(&lt;<mark>i&gt;</mark>)",
            'f(&lt;<mark>b&gt;<span class="unseen">U+0000</span></mark>)',
        ),
    ],
)
def test_what_differs_between_two_calls_is_marked(one, other, first, second):
    assert marked(one, other) == (first, second)


def test_a_metric_is_told_with_difference_interval_both_p_values_and_what_changed(comparison, contrast, pair, tmp_path):
    rows = [pair("x", n, *scores) for n, scores in enumerate([(1, 0), (0, 1), (0, 1), (1, 1)])]
    page = page_of(comparison(rows, {"ast.exact": contrast(0.5, 0.625, 0.04)}), tmp_path)
    assert cells(page, "ast.exact") == [
        "50.0", "62.5", "+12.5 better", "", "+7.50 to +17.50", "0.02", "0.04", "5.00", "1", "2",
    ]  # fmt: skip
    assert 'aria-label="B minus A +12.5, 95 % interval +7.50 to +17.50"' in page
    assert "McNemar's exact test, answers taken as independent: 0.01" in page


@pytest.mark.parametrize(
    ("name", "a", "b", "p", "verdict"),
    [
        ("ast.exact", 0.5, 0.6, 0.05, "better"),
        ("ast.exact", 0.6, 0.5, 0.05, "worse"),
        ("ast.exact", 0.6, 0.5, 0.051, "open"),
        ("hallucination", 0.6, 0.5, 0.01, "better"),
        ("hallucination", 0.5, 0.6, 0.01, "worse"),
    ],
)
def test_a_difference_is_called_better_or_worse_only_where_it_is_significant(
    comparison, contrast, pair, tmp_path, name, a, b, p, verdict
):
    page = page_of(comparison([pair("x", 1, 1, 1)], {name: contrast(a, b, p)}), tmp_path)
    assert f'class="difference {verdict}"' in page
    counts = {word: int(word == verdict) for word in ("better", "worse", "open")}
    lead = f"B is better in {counts['better']}, worse in {counts['worse']}, and not significantly different from A in {counts['open']}."
    assert lead in page


def test_the_drawing_is_to_scale_around_zero(comparison, contrast, pair, tmp_path):
    """200 pixels from 4 to 204, the widest end of an interval at the edge: here 0.2; so zero is 104, a pixel 0.002."""
    wide = contrast(0.5, 0.6, low=0.0, high=0.2, minimum_detectable=0.05)
    narrow = contrast(0.5, 0.4, low=-0.15, high=-0.05, minimum_detectable=None)
    page = page_of(comparison([pair("x", 1, 1, 1)], {"ast.exact": wide, "ast.domain": narrow}), tmp_path)
    first, second = re.findall(r'<svg class="difference.*?</svg>', page, re.DOTALL)
    assert "M104.0 7H204.0M104.0" in first
    assert 'cx="154.0"' in first
    assert '<rect class="band" x="79.0" y="0" width="50.0"' in first
    assert "M29.0 7H79.0M29.0" in second
    assert 'cx="54.0"' in second
    assert "band" not in second
    assert all('class="zero" d="M104.0 0V14"' in drawing for drawing in (first, second))
    assert "The drawings run from −20.0 to +20.0 around zero" in page


def test_the_drawing_has_room_for_what_could_be_seen_and_rungs_are_shares_of_all_rungs(
    comparison, contrast, pair, tmp_path
):
    """The least difference, two rungs of four, fills the width; a difference of one rung is at three quarters."""
    stage = contrast(2.0, 3.0, low=0.5, high=1.5, minimum_detectable=2.0)
    page = page_of(comparison([pair("x", 1, 1, 1)], {"exec.stage": stage}), tmp_path)
    (drawing,) = re.findall(r'<svg class="difference.*?</svg>', page, re.DOTALL)
    assert '<rect class="band" x="4.0" y="0" width="200.0"' in drawing
    assert 'cx="154.0"' in drawing
    assert "M129.0 7H179.0M129.0" in drawing


def test_small_p_values_and_rungs_are_told_as_such(comparison, contrast, pair, tmp_path):
    stage = contrast(2.5, 3.0, 1e-9, low=0.25, high=0.75, mcnemar=None, minimum_detectable=0.2)
    page = page_of(comparison([pair("x", 1, 1, 1)], {"exec.stage": stage}), tmp_path)
    assert cells(page, "exec.stage")[:8] == [
        "2.50", "3.00", "+0.50 better", "", "+0.250 to +0.750", "&lt; 0.0001", "&lt; 0.0001", "0.200",
    ]  # fmt: skip
    assert "answers taken as independent" not in page


def test_differences_in_the_manifests_and_answers_not_compared_are_shown(comparison, pair, tmp_path):
    view = comparison(
        [pair("x", 1, 1, 1)],
        manifests=[("generator.dtype", "float32", None), ("generator.stop", ["a"], ["b"])],
        only_a=3,
        only_b=2,
        withheld=["exec.rate", "exec.call"],
    )
    page = page_of(view, tmp_path)
    manifest_rows = [
        re.sub("<[^>]+>", "|", row) for row in re.findall(r"<tr><th scope=\"row\"><code>.*?</tr>", page, re.DOTALL)
    ]
    assert [" ".join(re.sub(r"\|+", " ", row).split()) for row in manifest_rows] == [
        "generator.dtype float32 \u2013",
        "generator.stop [ &#34;a&#34; ] [ &#34;b&#34; ]",
    ]
    assert "Answers only in A: 3; only in B: 2." in page
    assert "exec.rate, exec.call left out" in page
    assert "texts 1 of 4, extractions 2 of 4, verdicts none to compare." in page


def test_two_runs_of_one_name_are_told_apart(comparison, run, pair, tmp_path):
    page = page_of(comparison([pair("x", 1, 1, 1)], a=run("same"), b=run("same")), tmp_path)
    assert "<title>same and same (2) on apibench-torchhub, apigauge</title>" in page


def test_runs_with_different_sandboxes_are_warned_of(comparison, run, pair, tmp_path):
    view = comparison([pair("x", 1, 1, 1)], a=run("a"), b=run("b", sandbox={"kind": "process", "caveats": ["x"]}))
    assert "different kinds of sandbox (docker, process)" in page_of(view, tmp_path)


def test_nothing_that_was_answered_becomes_markup(comparison, item, run, tmp_path):
    """Attack: an answer, its label or its verdict closes the element it stands in and opens one of its own."""
    fields = dict.fromkeys(
        ("id", "instruction", "domain", "text", "call", "program", "how", "reference_call", "reference_program"), ATTACK
    )
    words = {"labels": {"ast.exact": ATTACK}, "messages": {"ast.exact": ATTACK}}
    verdict = {"status": ATTACK, "category": ATTACK, "stage": ATTACK, "reason": ATTACK, "evidence": {ATTACK: [ATTACK]}}
    hostile = item(0, **fields, **words, verdict=verdict)
    other = item(0, **(fields | {"call": f"{ATTACK} x", "text": "x"}), labels={"ast.exact": f"{ATTACK} x"})
    tame = item(0, **dict.fromkeys(fields, "x"), labels={"ast.exact": "x"}, messages={"ast.exact": "x"})
    tame_other = item(0, **(dict.fromkeys(fields, "x") | {"call": "x y", "text": "z"}))
    plain = Page(page_of(comparison([PairView("x", tame, tame_other)]), tmp_path))
    view = comparison(
        [PairView(ATTACK, hostile, other)],
        manifests=[(ATTACK, ATTACK, {ATTACK: ATTACK})],
        a=run(ATTACK, spec=ATTACK),
    )
    page = Page(page_of(view, tmp_path))
    assert page.tags.count("script") == plain.tags.count("script") == 2
    assert "img" not in page.tags
    assert not {"onerror", "onclick"} & {*page.attributes}
    assert sum(text.strip("\n") == ATTACK for text in page.texts["pre"]) >= 6


def test_unseen_characters_are_named(comparison, pair, tmp_path):
    """Attack: a right-to-left override or a NUL makes an answer read as another one."""
    text = page_of(comparison([pair("x", 1, 1, 1, text="a\x00b\u202ec\u2028d\re\r\nf\ud800")]), tmp_path)
    named = [f'<span class="unseen">U+{code}</span>' for code in ("0000", "202E", "2028", "000D")]
    assert "a{}b{}c{}d{}e\n".format(*named) in text.replace("\r\n", "\n")


def test_a_first_empty_line_of_a_program_is_kept(comparison, pair, tmp_path):
    """HTML drops the line break behind ``<pre>``."""
    assert "<pre>\n\n\nx = 1</pre>" in page_of(comparison([pair("x", 1, 1, 1, program="\n\nx = 1")]), tmp_path)


def test_the_page_asks_for_nothing_and_is_the_same_every_time(comparison, pair, tmp_path):
    view = comparison([pair("x", 1, 1, 0), pair("y", 2, 1, 1)])
    page = page_of(view, tmp_path)
    assert page == page_of(view, tmp_path / "again")
    assert not re.search(r"(?:src|href)=\"(?!#|data:,)", page)
    assert "default-src 'none'" in page.replace("&#39;", "'")


def test_a_folder_that_cannot_be_written_is_told(comparison, pair, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ApigaugeError, match="choose another folder"):
        write_comparison(comparison([pair("x", 1, 1, 1)]), tmp_path / "file")


def test_without_a_metric_in_both_runs_the_answers_are_shown(comparison, pair, tmp_path):
    page = page_of(comparison([pair("x", 1, 1, 0)], {}), tmp_path)
    assert "No metric is in both runs." in page
    assert page.count('<details class="item"') == 1
