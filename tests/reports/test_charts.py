"""What charts show, in numbers worked out by hand, and what they leave out."""

import random
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from apigauge.reports.charts.agreement import agreement
from apigauge.reports.charts.domains import domains
from apigauge.reports.charts.drift import drift
from apigauge.reports.charts.labels import labels
from apigauge.reports.charts.ladder import ladder
from apigauge.reports.charts.over_time import over_time
from apigauge.reports.charts.page import render_charts
from apigauge.reports.charts.scatter import scatter
from apigauge.reports.charts.types import Missing, names
from apigauge.reports.leaderboard import write_site
from apigauge.reports.tables import Page

HOSTILE = "$x_1$</text><script>alert(1)</script>&\u202e\u200b\U0001f600日本\x00"


@pytest.fixture
def page(run):
    """A run's page; ``manifest``, ``generator`` and ``usage`` add to what the run records."""

    def make(name, scores=None, manifest=None, generator=None, usage=None, **changes):
        one = run(name, scores, **changes)
        record = {**one.manifest, **(manifest or {}), "generator": one.manifest["generator"] | (generator or {})}
        summary = one.summary | ({"usage": usage} if usage else {})
        return Page(replace(one, manifest=record, summary=summary), name, name)

    return make


def texts(rows):
    return [[entry.text for entry in row] for row in rows]


def only(charts):
    assert len(charts) == 1
    return charts[0]


def drawn(svg):
    """The texts in a picture."""
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def staged(item, stages):
    return tuple(
        item(number, metrics={"exec.stage": float(stage)}, labels={}, verdict=None, api=str(number))
        for number, stage in enumerate(stages)
    )


def test_the_ladder_counts_programs_that_reach_a_rung_or_a_higher_one(page, item):
    chart = only(ladder([page("one", rows=staged(item, [0, 1, 1, 2, 2, 2, 3, 4, 4, 4])), page("not executed")]))
    assert [entry.value for entry in chart.rows[0][1:]] == [1.0, 0.9, 0.7, 0.4, 0.3, 10]
    assert "30.0 % reach rung 4" in chart.finding
    assert chart.left_out == ("not executed: not executed, or withheld because the sandbox failed too often.",)


def test_the_ladder_takes_intervals_from_the_summary_and_computes_the_others(page, item):
    rows = staged(item, [4, 4, 0, 0])
    chart = only(ladder([page("one", {"exec.rate": 0.5, "exec.call": 0.5}, rows=rows)]))
    by_rung = texts(chart.rows)[0][2:6]
    assert by_rung[2:] == ["50.0 (45.00 to 55.00)"] * 2
    # The exact binomial interval of two of four.
    assert by_rung[:2] == ["50.0 (6.76 to 93.24)"] * 2


def test_labels_are_shares_of_a_runs_answers_the_most_frequent_failure_first(page):
    chart, missing = labels(
        [
            page("one", labels={"ast.exact": {"exact": 1, "no_call": 1, "wrong_model": 6}}),
            page("two", labels={"ast.exact": {"no_call": 4}}),
        ]
    )
    heads = [head for name in ("exact", "wrong_model", "no_call") for head in (name, f"{name}, %")]
    assert list(chart.columns) == ["run", *heads, "answers"]
    assert texts(chart.rows) == [
        ["one", "1", "12.5", "6", "75.0", "1", "12.5", "8"],
        ["two", "0", "0.0", "0", "0.0", "4", "100.0", "4"],
    ]
    assert chart.finding == (
        "Of 12 answers of all runs, the most frequent failures by ast.exact are wrong_model (50.0 %), no_call (41.7 %)."
    )
    assert isinstance(missing, Missing)


def test_few_answers_of_a_domain_are_marked(page, item):
    rows = [item(number, domain="Audio" if number < 9 else "Video") for number in range(19)]
    chart = only(domains([page("one", rows=rows), page("no data", rows=[item(1, domain="")])]))
    assert texts(chart.rows) == [["one", "55.6", "9", "50.0", "10"]]
    cells = drawn(chart.svg)
    assert "n 9†" in cells
    assert "n 10" in cells
    assert chart.left_out[0].startswith("no data: ")


def test_agreement_needs_programs_of_which_some_succeed(page, item):
    rows = [
        item(
            n, api=str(n), metrics={"ast.exact": float(n % 2), "hallucination": float(n % 2), "exec.rate": float(n % 2)}
        )
        for n in range(40)
    ]
    alike = [item(n, api=str(n), metrics={"ast.exact": float(n % 2), "exec.rate": 1.0}) for n in range(40)]
    chart = only(agreement([page("one", rows=rows), page("all run", rows=alike)]))
    assert texts(chart.rows) == [
        ["ast.exact", "1.00", "1.00", "1.00", "40", "40"],
        ["hallucination (turned)", "−1.00", "−1.00", "−1.00", "40", "40"],
    ]
    assert chart.left_out == ("all run: without exec.rate, or all programs alike in it.",)
    assert isinstance(only(agreement([page("all run", rows=alike)])), Missing)
    few = [replace(row, api="the only one") for row in rows]
    assert "no metric has different values on 20 APIs or more" in only(agreement([page("few", rows=few)])).why


def test_scores_stand_against_what_is_counted_for_an_answer(page):
    usage = {"answers": 12, "cached": 1, "unknown": 1, "prompt_tokens": 900, "completion_tokens": 100, "dollars": 0.5}
    pages = [
        page("small", {"ast.exact": 0.25}, generator={"parameters": 7_000_000}, usage=usage),
        page("large", {"ast.exact": 0.5}, generator={"parameters": 7_000_000_000}, usage=usage | {"dollars": 5.0}),
        page("constant", {"ast.exact": 0.1}),
    ]
    parameters, tokens, dollars = scatter(pages)
    head = ["ast.exact, %", "ast.exact, from", "ast.exact, to", "ast.exact, n"]
    assert list(parameters.columns) == ["", "run", "parameters", *head]
    assert texts(parameters.rows) == [
        ["1", "small", "7 M", "25.0", "20.00", "30.00", "100"],
        ["2", "large", "7 B", "50.0", "45.00", "55.00", "100"],
    ]
    assert [row[2].value for row in tokens.rows] == [100, 100]
    assert [row[2].value for row in dollars.rows] == [50, 500]
    assert parameters.left_out == ("constant: the manifest records no number of parameters.",)
    assert [one.title for one in parameters.key] == ["small", "large"]
    alone = scatter(pages[1:])[0]
    assert alone.why == "large alone has its parameters"


def versioned(item, works):
    """Rows of the same answers; whether each works in this version."""
    outcome = {True: ("passed", "correct"), False: ("failed/attribute", None)}
    return [
        item(
            number,
            metrics={"exec.rate": float(one)},
            labels={"exec.rate": outcome[one][0]},
            messages={"exec.rate": "no such name"},
            verdict={"status": "passed" if one else "failed", "stage": 4 if one else 2},
        )
        for number, one in enumerate(works)
    ]


def test_what_broke_where(page, item):
    def in_version(name, version, works):
        sandbox = {"kind": "process", "environment_source": f"pandas=={version}"}
        return page(name, {"exec.rate": sum(works) / len(works)}, sandbox=sandbox, rows=versioned(item, works))

    new = in_version("new", "10.0.0", [True, False, False, True, False])
    old = in_version("old", "2.3.3", [True, True, True, False, False])
    other = page("other", sandbox={"kind": "process", "environment_source": "pandas==3"}, rows=[item(1, text="other")])
    chart = only(drift([new, old, other]))
    # Ten comes after two.
    assert [(row[1].text, row[-1].value) for row in chart.rows] == [("pandas==2.3.3", 1), ("pandas==10.0.0", 2)]
    assert chart.further.columns == ("item", "pandas==2.3.3", "pandas==10.0.0")
    broken = "broken: failed/attribute: no such name"
    assert texts(chart.further.rows) == [["1", "works", broken], ["2", "works", broken], ["3", broken, "works"]]
    assert isinstance(only(drift([new, other])), Missing)


def test_a_line_over_time_is_one_model_in_one_environment_on_several_days(page):
    def on(name, day, value, spec="hf:org/model@1", **changes):
        return page(
            name, {"ast.exact": value}, manifest={"created": f"2026-{day}T10:00:00+00:00"}, spec=spec, **changes
        )

    pages = [
        on("later", "03-02", 0.5, spec="hf:org/model@2"),
        on("first", "01-02", 0.25),
        on("elsewhere", "02-02", 0.9, sandbox={"kind": "docker", "environment": "other"}),
        on("other data", "02-03", 0.9, digest="sha256:00"),
        on("same day 1", "02-04", 0.9, spec="hf:other"),
        on("same day 2", "02-04", 0.9, spec="hf:other"),
    ]
    chart = only(over_time(pages))
    assert [row[:5] for row in texts(chart.rows)] == [
        ["1", "hf:org/model", "first", "2026-01-02", "25.0"],
        ["1", "hf:org/model", "later", "2026-03-02", "50.0"],
    ]
    assert isinstance(only(over_time(pages[1:])), Missing)


def test_names_in_pictures_are_short_and_tell_runs_apart(page):
    long = "the-same-beginning-of-a-name-{}-and-the-same-end-of-it"
    pages = [page(long.format(letter)) for letter in "ab"] + [page("some", items=12)]
    first, second, partial = names(pages)
    assert first != second
    assert max(map(len, (first, second))) < 40
    assert partial == "some *"


def charted(page, item):
    """A page of charts of everything, under hostile names."""
    rng = random.Random(1)

    def run(name, version, day):
        rows = [
            item(
                number,
                api=str(number % 30),
                domain=f"{HOSTILE} {number % 3}",
                metrics={
                    "ast.exact": float(rng.random() < 0.5),
                    "exec.rate": (ok := float(rng.random() < 0.5)),
                    "exec.stage": 4 * ok,
                },
                labels={"exec.rate": "passed" if ok else HOSTILE},
                messages={"exec.rate": HOSTILE},
            )
            for number in range(60)
        ]
        return page(
            f"{HOSTILE}{name}",
            {"ast.exact": 0.5, "exec.rate": 0.5},
            rows=rows,
            sandbox={"kind": "docker", "environment_source": f"{HOSTILE}=={version}"},
            generator={"parameters": 10**version},
            manifest={"created": f"2026-0{day}-01T00:00:00+00:00"},
            usage={"answers": 60, "prompt_tokens": 60 * version, "completion_tokens": 9, "dollars": version},
            labels={"ast.exact": {HOSTILE: 3, "exact": 1}, "exec.rate": {"passed": 1, HOSTILE: 4}},
        )

    pages = [run("a", 6, 1), run("b", 9, 1), run("c", 6, 2)]
    return [Page(one.run, str(number), one.title) for number, one in enumerate(pages)]


def test_hostile_names_are_text_in_every_picture(page, item):
    pages = charted(page, item)
    charts = [one for make in (ladder, labels, domains, agreement, scatter, drift, over_time) for one in make(pages)]
    assert {chart.kind for chart in charts} == {
        "ladder", "labels-ast-exact", "labels-exec-rate", "domains", "agreement", "parameters", "tokens", "dollars", "drift-1",
        "over-time",
    }  # fmt: skip
    for chart in charts:
        picture = ET.fromstring(chart.svg)
        assert not [
            element.tag for element in picture.iter() if re.search("script|foreign|image|}a$", str(element.tag))
        ]
        assert not [name for element in picture.iter() for name in element.attrib if name.startswith("on")]
        assert not re.search(rb"(?:href|url)\W*(?:http|data)", chart.svg)
        assert not {"\u202e", "\u200b", "\x00"} & set("".join(filter(None, drawn(chart.svg))))
    assert any("$x_1$" in text for text in drawn(charts[0].svg))


def test_the_same_runs_make_the_same_bytes_whatever_the_users_style(page, item, tmp_path, monkeypatch):
    import matplotlib as mpl

    first = render_charts(charted(page, item))()
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    monkeypatch.setitem(mpl.rcParams, "font.size", 31.0)
    assert render_charts(charted(page, item))() == first
    assert mpl.rcParams["font.size"] == 31.0


def test_a_report_without_runs_has_a_page_of_charts(tmp_path):
    write_site([], tmp_path)
    assert b"There are no runs." in (tmp_path / "charts.html").read_bytes()
