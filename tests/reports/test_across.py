"""The data of the pages across runs: every number is the one that two runs compared alone have."""

import json
import math
import re

import numpy as np
import pytest

from apigauge.harness.metrics.table import infos_for
from apigauge.harness.statistics.paired import Scores, contrasts
from apigauge.reports.cells import format_difference, format_p
from apigauge.reports.data_files import DIGITS
from apigauge.reports.leaderboard import write_site

HOSTILE = "<script>window.pwned=1</script>\u202e\u200b"


def contents(path):
    text = re.search(r"String\.raw`(.*)`\);", path.read_text(encoding="utf-8"), re.DOTALL)[1]
    return json.loads(text)


def values_of(column):
    width = 1
    while 64**width < len(column["values"]):
        width += 1
    codes = [column["codes"][at : at + width] for at in range(0, len(column["codes"]), width)]
    return [
        column["values"][sum(DIGITS.index(digit) * 64**p for p, digit in enumerate(reversed(code)))] for code in codes
    ]


@pytest.fixture
def runs(run, item):
    """Four runs of different skill over sixty questions about thirty APIs; one partial, one on other data."""
    rng = np.random.default_rng(11)
    made = []
    for number, skill in enumerate((0.2, 0.45, 0.5, 0.9)):
        rows = []
        for at in range(60):
            right = float(rng.random() < skill)
            scores = {
                "ast.exact": right,
                "hallucination": float(rng.random() > skill),
                "rouge.L": round(rng.random(), 3),
            }
            if number == 1 and at < 5:
                del scores["hallucination"]
            rows.append(
                item(at, metrics=scores, labels={"ast.exact": "exact" if right else "wrong"}, api=f"api {at % 30}")
            )
        means = {
            name: math.fsum(values := [row.metrics[name] for row in rows if name in row.metrics]) / len(values)
            for name in ("ast.exact", "hallucination", "rouge.L")
        }
        made.append(run(f"run {number}", means, rows=tuple(rows)))
    made.append(run("partial", {"ast.exact": 1.0}, rows=tuple(made[3].rows[:9]), items=9))
    made.append(run("other data", {"ast.exact": 1.0}, digest="another", rows=made[3].rows))
    return made


def expected(metric, a, b):
    keyed = [{row.id: row.metrics[metric] for row in one.rows if metric in row.metrics} for one in (a, b)]
    both = [row for row in a.rows if all(row.id in scores for scores in keyed)]
    scores = Scores(*([side[row.id] for row in both] for side in keyed), [row.api for row in both])
    return contrasts({metric: scores})[metric]


def test_every_pair_has_the_numbers_that_compare_prints(runs, tmp_path):
    write_site(runs, tmp_path)
    (path,) = tmp_path.glob("data/benchmarks/*/pairs.js")
    data = contents(path)
    by_file = {f"run-{number}": runs[number] for number in range(4)}
    assert [metric["name"] for metric in data["metrics"]] == ["ast.exact", "hallucination", "rouge.L"]
    for metric in data["metrics"]:
        (info,) = infos_for([metric["name"]])
        columns = {name: values_of(column) for name, column in metric["pairs"].items()}
        assert len(columns["a"]) == 6
        ranked = [by_file[data["runs"][place]] for place in metric["order"]]
        means = [one.summary["metrics"][metric["name"]]["value"] for one in ranked]
        assert means == sorted(means, reverse=not info.lower_is_better)
        for at in range(6):
            one = expected(metric["name"], ranked[columns["a"][at]], ranked[columns["b"][at]])
            assert columns["difference"][at] == format_difference(one.difference.value, info)
            assert columns["low"][at] == format_difference(one.difference.low, info, 1)
            assert columns["high"][at] == format_difference(one.difference.high, info, 1)
            assert columns["p"][at] == format_p(one.p)
            assert (
                columns["n"][at]
                == one.difference.n
                == (
                    55
                    if metric["name"] == "hallucination"
                    and "run 1" in {ranked[columns["a"][at]].name, ranked[columns["b"][at]].name}
                    else 60
                )
            )
    exact = data["metrics"][0]
    assert dict(zip(exact["order"], exact["ranks"], strict=True))[data["runs"].index("run-3")] == "1"
    assert set(values_of(exact["pairs"]["winner"])) == {"", "a"}


def test_a_question_says_how_many_runs_answered_it_rightly(runs, tmp_path):
    write_site(runs, tmp_path)
    folder = next(path.parent for path in tmp_path.glob("data/benchmarks/*/pairs.js"))
    ids, right = contents(folder / "questions.js")["ids"], contents(folder / "right.js")
    assert [metric["name"] for metric in right["metrics"]] == ["ast.exact", "hallucination"], "no shares"
    usual = [one for one in runs if one.name != "other data"]
    for metric, good in zip(right["metrics"], (1.0, 0.0), strict=True):
        scores = [{row.id: row.metrics.get(metric["name"]) for row in one.rows} for one in usual]
        wins, answered = values_of(metric["right"]), values_of(metric["answered"])
        for number, name in enumerate(ids):
            assert wins[number] == sum(one.get(name) == good for one in scores)
            assert answered[number] == sum(one.get(name) is not None for one in scores)


def test_the_order_of_runs_changes_no_byte(runs, tmp_path):
    sites = []
    for name, given in (("one", runs), ("two", runs[::-1])):
        write_site(given, tmp_path / name)
        sites.append({path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")})
    assert sites[0] == sites[1]


def test_pages_of_runs_that_are_gone_go_with_them(runs, tmp_path):
    write_site(runs, tmp_path)
    assert (tmp_path / "compare.html").exists()
    assert [path.stem for path in tmp_path.glob("matrix/*")] == ["apibench-torchhub"]
    write_site(runs[:1], tmp_path)
    assert not (tmp_path / "compare.html").exists()
    assert not list(tmp_path.glob("matrix/*"))
    assert not list(tmp_path.glob("data/benchmarks/*/pairs.js"))
    assert (tmp_path / "question.html").exists()


def test_runs_that_are_not_compared_are_named(runs, tmp_path):
    write_site(runs, tmp_path)
    page = next(tmp_path.glob("matrix/*")).read_text(encoding="utf-8")
    assert re.search(r"Not compared, because.*<bdi>partial</bdi>", page)
    assert "4 runs, each pair" in page


def test_hostile_names_are_text(run, item, tmp_path):
    rows = (item(0, id=HOSTILE, instruction=HOSTILE, domain=HOSTILE, api=HOSTILE),)
    write_site([run(f"{HOSTILE}{at}", rows=rows, benchmark=HOSTILE) for at in range(2)], tmp_path)
    pages = [*tmp_path.glob("matrix/*"), tmp_path / "compare.html", tmp_path / "question.html"]
    assert len(pages) == 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>window" not in text
        assert "window.pwned" in text
