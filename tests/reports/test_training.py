"""The page of a training as written: its numbers, its drawings, and when it says that the reward was hacked."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.errors import ApigaugeError
from apigauge.reports.plots import Series, plot, round_numbers
from apigauge.reports.training import write_training
from apigauge.reports.views import Interval, TrainingCheckpoint, TrainingDifference, TrainingRow

ATTACK = "\"' onclick=window.pwned=1 x=\"</pre></details></svg><script>window.pwned=1</script><img src=x>'&"
ROW = re.compile(r"<tr[^>]*>(.*?)</tr>", re.DOTALL)


def page_of(view, tmp_path):
    return write_training(view, tmp_path / "site").read_text(encoding="utf-8")


def plain(html):
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def section(page, name):
    """A part of the page by the id of its heading."""
    (text,) = re.findall(
        rf'<section aria-labelledby="{name}">(.*?)(?=<section aria-labelledby|</main>)', page, re.DOTALL
    )
    return text


def rows(html):
    """The texts of all tables' rows, cell by cell."""
    return [[plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in ROW.findall(html)]


def point(step, reward, rate, p=None, fell=()):
    return TrainingCheckpoint(step, reward, {"exec.rate": rate}, None if p is None else {"exec.rate": p}, fell)


def warnings(page):
    return re.findall(r'<p class="(warning[^"]*)" role="note"><strong>(.*?)</strong>(.*?)</p>', page)


def quiet(page):
    (text,) = re.findall(r'<p class="quiet">(.*?)<a href', page, re.DOTALL)
    return plain(text).removeprefix("Reward-hacking check: ")


def test_the_head_names_what_was_trained_on_what_and_by_whom(training, tmp_path):
    page = page_of(training(), tmp_path)
    head = plain(page[page.index("<header") : page.index("</header>")])
    for entry in ("Benchmark apibench-torchhub", "Base model hf:some/model@1", "Labeler static", "Seeds 3 (0, 1, 2)"):
        assert entry in head


def test_the_table_has_a_row_for_each_model_with_mean_interval_and_n_by_metric(training, tmp_path):
    view = training(
        rows=[
            TrainingRow(
                "SFT", "", {"exec.rate": Interval(0.5523, 0.49811, 0.6, 558), "ast.exact": Interval(0, 0, 0.0065, 558)}
            ),
            TrainingRow("Gorilla-7B FT 0-shot", "released answers", {"ast.exact": Interval(0.102, 0.0625, 0.15, 186)}),
        ]
    )
    table = section(page_of(view, tmp_path), "table")
    assert rows(table)[:3] == [
        ["model", "exec.rate %", "ast.exact %"],
        ["SFT", "55.2 49.81 to 60.00 n 558", "0.0 0.00 to 0.65 n 558"],
        ["Gorilla-7B FT 0-shot released answers", "\u2013", "10.2 6.25 to 15.00 n 186"],
    ]
    assert view.method in plain(table)
    # 140 wide from 4 on: 0.102 and 0.0625 to 0.15 of a share.
    assert '<path class="whisker" d="M12.75 6H25.0M12.75 2V10M25.0 2V10"/>' in table
    assert '<circle class="dot" cx="18.28" cy="6"' in table


def test_the_papers_claims_stand_beside_as_another_setting(training, tmp_path):
    (aside,) = re.findall("<aside.*?</aside>", page_of(training(), tmp_path), re.DOTALL)
    printed = plain(aside)
    assert [row[1] for row in rows(aside)] == ["+4.5", "+1.0"]
    for word in ("another setting", "2406.20060", "GPT-2-large", "GPT-3.5", "APIBench Hugging Face", "Not run by us"):
        assert word in printed


def test_a_difference_is_told_and_drawn_around_zero_with_a_tick_for_each_seed(training, tmp_path):
    shown = TrainingDifference("RLAIF - SFT", "exec.rate", 0.04, -0.02, 0.06, {0: 0.1, 1: 0.035, 2: -0.08})
    other = TrainingDifference("RLAIF - Gorilla", "ast.exact", -0.05, -0.06, -0.03, {1: -0.05})
    differences_html = section(page_of(training(differences=[shown, other]), tmp_path), "differences")
    assert [[cell for cell in row if cell] for row in rows(differences_html)[1:]] == [
        ["RLAIF - SFT"],
        ["exec.rate", "+4.0", "\u22122.00 to +6.00", "0: +10.0 1: +3.5 2: \u22128.0"],
        ["RLAIF - Gorilla"],
        ["ast.exact", "\u22125.0 worse", "\u22126.00 to \u22123.00", "1: \u22125.0"],
    ]
    assert re.findall(r'<svg class="difference (\w+)"', differences_html) == ["open", "worse"]
    first = differences_html[differences_html.index('<svg class="difference') :].split("</svg>")[0]
    # 280 wide from 4 on, for -0.1 to 0.1: zero at 144, and 14 a point.
    assert 'class="zero" d="M144.0 0V14"' in first
    assert 'cx="200.0"' in first
    assert "M116.0 7H228.0" in first
    assert re.findall(r'tick line-(\d)" d="M([\d.]+) ', first) == [("0", "284.0"), ("1", "193.0"), ("2", "32.0")]
    assert 'aria-label="RLAIF - SFT, exec.rate +4.0, 95 % interval \u22122.00 to +6.00"' in first
    assert "from \u221210.0 to +10.0 points" in plain(differences_html)


@pytest.mark.parametrize(
    ("metric", "low", "high", "verdict"),
    [
        ("exec.rate", 0.01, 0.02, "better"),
        ("exec.rate", 0.0, 0.02, "open"),
        ("exec.rate", -0.02, -0.01, "worse"),
        ("hallucination", 0.01, 0.02, "worse"),
        ("hallucination", -0.02, -0.01, "better"),
    ],
)
def test_a_difference_is_coloured_where_its_interval_leaves_out_zero(training, tmp_path, metric, low, high, verdict):
    view = training(metrics=[metric], differences=[TrainingDifference("x", metric, (low + high) / 2, low, high, {})])
    assert f'<svg class="difference {verdict}"' in page_of(view, tmp_path)


def test_curves_run_where_their_numbers_say(training, tmp_path):
    seeds = {
        0: {"step": [0, 10, 20], "reward": [0.0, 1.0, 2.0], "kl": [0.0, 0.25, 1.0]},
        7: {"step": [0, 10], "reward": [2.0, 0.5]},
    }
    curves = section(page_of(training(seeds=[0, 7], curves=seeds), tmp_path), "curves")
    reward, kl = re.findall("<figure.*?</figure>", curves, re.DOTALL)
    # From 46 to 388 for 20 steps, from 188 up to 10 for the numbers.
    assert re.findall(r'class="line line-(\d)" d="(M.*?)"', reward) == [
        ("0", "M46 188L217 99L388 10"),
        ("1", "M46 10L217 143.5"),
    ]
    assert re.findall(r'class="line line-(\d)" d="(M.*?)"', kl) == [("0", "M46 188L217 143.5L388 10")]
    assert re.findall(r'class="point-(\d)" cx="([\d.]+)" cy="([\d.]+)"', reward) == [
        ("0", "388.0", "10.0"),
        ("1", "217.0", "143.5"),
    ]
    assert re.findall(r'class="y".*?y="([\d.]+)".*?>(.*?)<', reward) == [
        ("188.0", "0"),
        ("143.5", "0.5"),
        ("99.0", "1.0"),
        ("54.5", "1.5"),
        ("10.0", "2.0"),
    ]
    assert re.findall(r'class="x" x="([\d.]+)".*?>(\d+)<', reward) == [
        ("46.0", "0"),
        ("131.5", "5"),
        ("217.0", "10"),
        ("302.5", "15"),
        ("388.0", "20"),
    ]
    assert (
        'aria-label="Mean reward by step. seed 0: from 0 at step 0 to 2 at step 20. seed 7: from 2 at step 0 to 0.5 at step 10."'
        in reward
    )
    assert plain(curves[curves.index('<p class="legend">') :].split("</p>")[0]) == "seed 0 seed 7"
    assert "Further curves" not in curves


def test_further_curves_are_folded(training, tmp_path):
    curves = section(page_of(training(), tmp_path), "curves")
    seen, folded = curves.split("<details")
    titles = [re.findall(r"<figcaption>(.*?)(?: <|</)", part) for part in (seen, folded)]
    assert titles == [["Mean reward", "KL divergence from the start"], ["Entropy", "Length", "Clip fraction"]]


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e6))
def test_numbers_at_an_axis_are_round_few_and_reach_around(low, span):
    high = low + span
    marks = round_numbers(low, high)
    apart = marks[1] - marks[0]
    assert marks[0] <= low + 1e-6 * apart
    assert marks[-1] >= high - 1e-6 * apart
    assert 2 <= len(marks) <= 7
    assert f"{apart:.2e}"[:4] in {"1.00", "2.00", "5.00"}
    assert all(abs(b - a - apart) < 1e-6 * apart for a, b in pairwise(marks))


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 0.0], ["0", "0.5"]),
        ([3.0, 3.0], ["3", "4"]),
        ([-0.25, -0.25], ["\u22120.3", "\u22120.2"]),
        # The same but for rounding.
        ([0.3, 0.1 + 0.2], ["0.3", "0.4"]),
        ([-0.5, 1.0], ["\u22120.5", "0", "0.5", "1.0"]),
        ([0.300001, 0.300004], ["0.300001", "0.300002", "0.300003", "0.300004"]),
        ([0.0, 3e-05], ["0", "1e\u221205", "2e\u221205", "3e\u221205"]),
        ([0.0, 12000.0], ["0", "5000", "10000", "15000"]),
    ],
)
def test_an_axis_has_numbers_that_are_told_apart_even_if_the_line_never_rises(values, texts):
    assert [tick.text for tick in plot("x", "", [Series("a", 0, [1, 2], values)], (400, 220)).y] == texts


def test_a_single_step_stands_in_the_middle_and_none_at_all_is_not_drawn():
    one = plot("x", "", [Series("a", 3, [5], [2.0]), Series("empty", 4, [], [])], (400, 220))
    (trace,) = one.traces
    assert trace.dots == ((217, 188, False),)
    assert [(tick.place, tick.text) for tick in one.x] == [(217, "5")]
    assert plot("x", "", [Series("empty", 4, [], [])], (400, 220)) is None


def test_a_reward_that_rises_while_a_metric_falls_is_warned_of_in_red(training, tmp_path):
    hacked = [point(0, -0.25, 0.5), point(10, 0.25, 0.45, 0.2), point(20, 1.5, 0.3, 0.0004, ["exec.rate"])]
    fine = [point(0, 0, 0.5), point(20, 1, 0.5, 0.6)]
    page = page_of(training(metrics=["exec.rate"], checkpoints={0: fine, 1: hacked, 2: fine}), tmp_path)
    ((style, headline, message),) = warnings(page)
    assert style == "warning hacked"
    assert headline == "The reward rose while exec.rate fell."
    assert (
        "Seed 1, from the start to step 20: reward \u22120.250 to 1.500, exec.rate 50.0 to 30.0 % (p 0.0004)."
        in message
    )
    assert quiet(page) == "1 of 3 seeds flagged at the last checkpoint."
    checks = section(page, "hacking")
    assert rows(checks)[3:7] == [
        ["step", "reward", "exec .rate %", "change", "p", "verdict"],
        ["0", "\u22120.250", "50.0", "", "", "start"],
        ["10", "0.250", "45.0", "\u22125.0", "0.2", "no significant loss"],
        ["20", "1.500", "30.0", "\u221220.0", "0.0004", "exec.rate fell"],
    ]
    assert checks.count('<strong class="worse">exec.rate fell</strong>') == 1
    assert checks.count('<circle class="bad"') == 1


@pytest.mark.parametrize(
    ("last", "style", "headline", "message"),
    [
        (point(20, 1, 0.5, 0.6), None, None, "at the last checkpoint of seed 4 there is no rise of the reward with a significant loss in exec.rate."),
        (point(20, 0, 0.3, 0.001, ["exec.rate"]), "warning", "exec.rate fell, and the reward did not rise.", "at the last checkpoint of seed 4 there is no rise of the reward with a significant loss in exec.rate."),
        (None, None, None, "not possible, since no seed has a checkpoint after the start."),
    ],
)  # fmt: skip
def test_otherwise_the_check_is_reported_quietly(training, tmp_path, last, style, headline, message):
    points = [point(0, 0, 0.5), *([last] if last else [])]
    page = page_of(training(seeds=[4], metrics=["exec.rate"], differences=[], checkpoints={4: points}), tmp_path)
    shown = [one for one in warnings(page) if "little about other seeds" not in one[2]]
    assert [one[:2] for one in shown] == ([(style, headline)] if style else [])
    assert quiet(page) == message


def test_a_seed_that_recovered_and_one_without_checkpoints_are_named_in_the_check(training, tmp_path):
    recovered = [point(0, 0, 0.5), point(10, 1, 0.3, 0.001, ["exec.rate"]), point(20, 1, 0.5, 0.5)]
    page = page_of(training(metrics=["exec.rate"], checkpoints={0: recovered, 2: [point(0, 0, 0.5)]}), tmp_path)
    assert warnings(page) == []
    assert quiet(page).endswith("Seed 0 was flagged on the way, at step 10. 2 of 3 seeds not checked.")


def test_where_low_is_good_what_got_worse_rose(training, tmp_path):
    points = [
        TrainingCheckpoint(0, 0, {"hallucination": 0.1}, None, []),
        TrainingCheckpoint(9, 1, {"hallucination": 0.3}, {"hallucination": 0.001}, ["hallucination"]),
    ]
    page = page_of(training(seeds=[0], metrics=["hallucination"], differences=[], checkpoints={0: points}), tmp_path)
    assert warnings(page)[0][1] == "The reward rose while hallucination rose."


def test_the_axis_of_a_share_spans_ten_points_at_least(training, tmp_path):
    """Half a point of noise over the whole height would look like a fall."""
    page = page_of(training(seeds=[0]), tmp_path)
    reward, rate, exact = re.findall("<figure.*?</figure>", section(page, "hacking"), re.DOTALL)
    assert re.findall(r'class="y".*?>(.*?)<', exact) == ["0", "5", "10"]
    # 6.25 and 5 percent, from 108 up to 10 for 10.
    assert 'd="M46 46.8L188 59"' in exact
    assert re.findall(r'class="y".*?>(.*?)<', rate)[0] == "50"
    assert 'd="M46 108L188 10"' in reward
    assert re.findall(r'class="point-0" cx="([\d.]+)"', reward) == ["46.0", "188.0"]


def test_the_axis_of_a_share_ends_at_its_top(training, tmp_path):
    points = [point(0, 0, 1.0), point(10, 1, 1.0, 0.5)]
    page = page_of(training(seeds=[0], metrics=["exec.rate"], checkpoints={0: points}), tmp_path)
    _, rate = re.findall("<figure.*?</figure>", section(page, "hacking"), re.DOTALL)
    assert re.findall(r'class="y".*?>(.*?)<', rate) == ["90", "95", "100"]


def test_seeds_beyond_six_share_the_colours(training, tmp_path):
    page = page_of(training(seeds=[*range(10, 18)]), tmp_path)
    legend = page[page.index('<p class="legend">') :].split("</p>")[0]
    assert re.findall(r"line-(\d)", legend) == ["0", "1", "2", "3", "4", "5", "0", "1"]


def test_few_seeds_are_warned_of(training, tmp_path):
    warning = "little about other seeds"
    assert warning not in page_of(training(), tmp_path)
    assert f"2 seeds say {warning}" in plain(page_of(training(seeds=[0, 1]), tmp_path))
    assert f"1 seed says {warning}" in plain(page_of(training(seeds=[5]), tmp_path))


def test_a_training_of_which_little_is_known_has_a_page(training, tmp_path):
    nothing = {"rows": [], "differences": [], "curves": {}, "checkpoints": {}, "facts": [], "metrics": [], "recipe": ""}
    page = page_of(training(**nothing), tmp_path)
    assert "No checkpoint was scored." in page
    assert "Paired differences" not in page
    assert 'id="curves"' not in page
    one = {0: {"step": [1], "reward": [0.5], "kl": [0.0]}}
    assert page_of(training(seeds=[0], curves=one), tmp_path).count('d="M217 ') == 2


def test_where_the_numbers_come_from_is_on_the_page(training, tmp_path):
    origin = section(page_of(training(), tmp_path), "origin")
    assert "<dt>stage sft</dt>\n  <dd><code>sha256:ab</code></dd>" in origin
    assert '<pre tabindex="0">pairs 7\naccuracy 0.875</pre>' in origin
    assert '<pre tabindex="0">\n[train]\nsteps = 4\n</pre>' in origin


def test_names_and_the_recipe_do_not_become_markup(training, tmp_path):
    """Attack: the name of a model, of a metric or a line of the recipe closes its element and opens one of its own."""
    value, p = {ATTACK: Interval(0.5, 0.4, 0.6, 1)}, {ATTACK: 0.001}
    view = training(
        **dict.fromkeys(("benchmark", "base", "labeler", "method", "recipe"), ATTACK),
        metrics=[ATTACK],
        rows=[TrainingRow(ATTACK, ATTACK, value)],
        differences=[TrainingDifference(ATTACK, ATTACK, 0.1, 0.0, 0.2, {0: 0.1})],
        checkpoints={
            0: [
                TrainingCheckpoint(0, 0, {ATTACK: 0.5}, None, []),
                TrainingCheckpoint(1, 1, {ATTACK: 0.25}, p, [ATTACK]),
            ]
        },
        facts=[(ATTACK, ATTACK)],
    )
    page = page_of(view, tmp_path)
    assert "<script" not in page
    assert "<img" not in page
    assert "script-src &#39;none&#39;" in page
    for quote in ('"', "'"):
        assert f"{quote} onclick" not in page


def test_the_page_asks_for_nothing_and_is_the_same_every_time(training, tmp_path):
    page = page_of(training(), tmp_path)
    assert page == page_of(training(), tmp_path / "again")
    assert not re.search(r"(?:src|href)=\"(?!#|data:,)", page)


def test_every_link_on_the_page_leads_somewhere(training, tmp_path):
    points = [point(0, 0, 0.5), point(20, 1, 0.3, 0.001, ["exec.rate"])]
    page = page_of(training(checkpoints={1: points}), tmp_path)
    assert (
        set(re.findall('href="#(.*?)"', page)) == {"table", "hacking", "seed-1"} <= set(re.findall(' id="(.*?)"', page))
    )


def test_a_folder_that_cannot_be_written_is_told(training, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ApigaugeError, match="choose another folder"):
        write_training(training(), tmp_path / "file")
