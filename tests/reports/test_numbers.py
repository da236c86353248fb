"""Every number on the pages equals one that is computed from the runs' files by other code (``run_numbers``)."""

import json
import re
from collections import defaultdict
from importlib import resources
from itertools import combinations

import pytest
from run_numbers import RunFiles, holm, printed, sign_flip, tau_b

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark

pytestmark = pytest.mark.browser

# Where numbers stand on the pages: all that these tests know of the markup.
BOARD = """() => [...document.querySelectorAll("table.board")].flatMap((table) => {
  const heads = [...table.querySelectorAll("thead th")];
  return [...table.querySelectorAll("tr[data-name]")].map((row) => ({
    run: row.dataset.name,
    head: row.querySelector("th").textContent,
    partial: row.closest("tbody").matches(".partial"),
    floors: Object.fromEntries(heads.filter((head) => head.dataset.floor).map((head) => [head.dataset.column, head.dataset.floor])),
    cells: Object.fromEntries([...row.children].map((cell, at) => [heads[at].dataset.column, {
      value: cell.dataset.v, interval: cell.dataset.i, text: cell.querySelector("b")?.textContent, all: cell.textContent,
      ends: cell.querySelector("i")?.textContent,
      further: [...cell.querySelectorAll("small")].map((one) => one.textContent)}]).filter(([name]) => name)),
  }));
})"""
RUN = """() => ({
  lead: document.querySelector(".lead").textContent,
  measures: Object.fromEntries([...document.querySelectorAll("section[aria-labelledby=numbers] tbody tr")].map((row) => [
    row.querySelector("code").textContent, [...row.children].map((cell) => cell.textContent.trim())])),
  labels: Object.fromEntries([...document.querySelectorAll("table.bars")].map((table) => [
    table.querySelector("caption").textContent,
    Object.fromEntries([...table.querySelectorAll("tbody tr")].map((row) => [
      row.querySelector("th").textContent, [...row.querySelectorAll(".num")].map((cell) => cell.textContent)]))])),
})"""
COMPARISON = """() => Object.fromEntries(
  [...document.querySelectorAll("section[aria-labelledby=numbers] tbody tr")].map((row) => [
    row.querySelector("code").textContent,
    [...row.querySelectorAll("td")].map((cell) => ({title: cell.title, text: cell.textContent.trim()}))]))"""
CHARTS = """() => Object.fromEntries([...document.querySelectorAll("[data-benchmark]")].map((part) => [
  part.dataset.benchmark,
  Object.fromEntries([...part.querySelectorAll("[data-chart]")].map((chart) => [chart.dataset.chart, {
    finding: chart.querySelector("img").alt,
    words: chart.querySelector("figcaption").textContent,
    tables: [...chart.querySelectorAll("table")].map((table) => ({
      heads: [...table.querySelectorAll("thead th")].map((head) => head.textContent),
      rows: [...table.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => ({
        text: cell.textContent, value: cell.dataset.value === undefined ? null : Number(cell.dataset.value)})))}))}]))]))"""
MATRIX = """() => [...document.querySelectorAll("#body tr")].map((row) => ({
  run: row.querySelector("th bdi").textContent,
  detail: row.querySelector("th .detail").textContent,
  cells: [...row.querySelectorAll("td")].map((cell) => cell.querySelector("a") && {
    verdict: cell.className, difference: cell.querySelector(".by").textContent,
    texts: [...cell.querySelectorAll(".detail")].map((one) => one.textContent), words: cell.querySelector("a").ariaLabel})}))"""
RANKS = """() => ({
  columns: [...document.querySelectorAll("table.board thead th[data-column]")].map((head) => head.dataset.column),
  ranks: Object.fromEntries([...document.querySelectorAll("tr[data-name]")].map((row) => [row.dataset.name, row.dataset.ranks])),
})"""
PAIR = """() => Object.fromEntries([...document.querySelectorAll("#numbers tr")].map((row) => [
  row.querySelector("code").textContent, [...row.querySelectorAll("td")].map((cell) => cell.textContent.trim())]))"""
QUESTIONS = """() => Object.fromEntries([...document.querySelectorAll("#rows tr")].map((row) => [
  row.querySelector("th").textContent, row.querySelector("td:last-child").textContent]))"""
MINUS = "\N{MINUS SIGN}"


def apigauge(*words):
    assert main(list(map(str, words))) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on ``mini``, none executed: a constant, a retriever, that one on 12 questions, a checkpoint's answers."""
    folder = tmp_path_factory.mktemp("numbers")
    answers = resources.files("apigauge.benchmarks.mini").joinpath("answers", "apigauge-mini.jsonl")
    mini = ("--benchmark", "mini", "--sandbox", "none", "--out")
    apigauge("run", "--model", "constant:torch.topk(scores, k=3)", *mini, folder / "runs" / "constant")
    apigauge("run", "--model", "retrieval:bm25", *mini, folder / "runs" / "bm25")
    apigauge("run", "--model", "retrieval:bm25", "--limit", 12, *mini, folder / "runs" / "bm25-12")
    apigauge("score", "--responses", answers, *mini, folder / "runs" / "checkpoint")
    apigauge("report", folder / "runs", "--out", folder / "site")
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory, request):
    """Released answers to Torch Hub's questions."""
    data = request.getfixturevalue("data_dir")
    folder = tmp_path_factory.mktemp("released")
    for kind in ("RT_oracle", "FT_0_shot"):
        responses = data / "responses" / f"response_torchhub_Gorilla_{kind}.jsonl"
        options = ("--sandbox", "none", "--data-dir", data, "--out", folder / "runs" / kind)
        apigauge("score", "--benchmark", "apibench-torchhub", "--responses", responses, *options)
    apigauge("report", folder / "runs", "--out", folder / "site", "--data-dir", data)
    return folder


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Executed runs on ``mini``: a checkpoint at a price, and a retriever on 12 questions."""
    folder = tmp_path_factory.mktemp("executed")
    mini = ("--benchmark", "mini", "--sandbox", "process", "--no-cache", "--out")
    price = ("--price", "0.5", "2")
    apigauge("run", "--model", "hf:apigauge-mini", *price, *mini, folder / "runs" / "checkpoint")
    apigauge("run", "--model", "retrieval:bm25", "--limit", 12, *mini, folder / "runs" / "bm25-12")
    apigauge("report", folder / "runs", "--out", folder / "site")
    return folder


def read(visit, path, script):
    opened = visit(path)
    result = opened.page.evaluate(script)
    assert opened.complaints == []
    return result


def files(folder):
    return {path.name: RunFiles(path) for path in sorted((folder / "runs").iterdir())}


def domains_of_mini():
    items = resources.files("apigauge.benchmarks.mini").joinpath("items.jsonl").read_text(encoding="utf-8")
    return {row["id"]: row["domain"] for row in map(json.loads, items.splitlines())}


def check_board(visit, folder):
    """Every cell of the board: mean, interval, number of answers, floors, tokens."""
    runs = files(folder)
    board = {row["run"]: row for row in read(visit, folder / "site" / "index.html", BOARD)}
    assert board.keys() == runs.keys()
    most = max(run.questions for run in runs.values())
    for name, run in runs.items():
        row = board[name]
        assert f"n {run.questions:,}" in row["head"]
        assert row["partial"] == (run.questions < most)
        assert (f"partial: {run.questions} of {most}" in row["head"]) == row["partial"]
        assert {column for column, cell in row["cells"].items() if cell["ends"]} == run.metrics
        for metric in run.metrics:
            check_cell(run, metric, row["cells"][metric])
        check_details(run, row["cells"])
        check_floors(runs.values(), most, row["floors"])


def check_details(run, cells):
    tokens, counted = run.tokens()
    assert cells["n"]["all"] == f"{run.questions:,}"
    assert cells.get("tokens", {"all": ""})["all"] == (f"{tokens:,}" if counted else "")
    parameters = run.manifest["generator"].get("parameters")
    assert cells.get("parameters", {}).get("value") == (str(float(parameters)) if parameters else None)


def check_floors(runs, most, floors):
    """The best baseline on all questions, for each metric that one has."""
    baselines = [
        run for run in runs if run.manifest["generator"]["kind"] in ("constant", "retrieval") and run.questions == most
    ]
    assert floors.keys() == {metric for run in baselines for metric in run.metrics}
    for metric, floor in floors.items():
        best = min if metric.startswith("hallucination") or metric == "exec.deprecated" else max
        assert floor == f"{best(run.mean(metric) for run in baselines if run.values(metric)):.6g}"


def check_cell(run, metric, cell):
    mean, n = run.mean(metric), len(run.values(metric))
    low, high = run.ends(metric)
    assert float(cell["value"]) == pytest.approx(mean, abs=1e-12)
    assert cell["text"] == printed(metric, mean)
    assert cell["interval"] == f"{low:.6g} {high:.6g}"
    assert cell["ends"] == f"{printed(metric, low)}\N{EN DASH}{printed(metric, high)}"
    expected = []
    if ceiling := run.summary.get("ceilings", {}).get(metric):
        share = f"{100 * mean / ceiling:.0f} % of {printed(metric, ceiling)}"
        expected.append(f"references {printed(metric, ceiling)}" if metric == "exec.deprecated" else share)
    expected += [f"n {n}"] if n < len(run.scores) else []
    assert cell["further"] == expected


def check_run_pages(visit, folder):
    """Every number of the summary and of the labels."""
    for name, run in files(folder).items():
        shown = read(visit, folder / "site" / "runs" / f"{name}.html", RUN)
        assert f"{run.questions} items" in shown["lead"]
        assert shown["measures"].keys() == run.metrics
        for metric, cells in shown["measures"].items():
            low, high = run.ends(metric)
            assert re.match(r"[\d.]+", cells[1])[0] == printed(metric, run.mean(metric))
            ends = [printed(metric, end, 1) for end in (low, high)]
            assert cells[3:6] == [*ends, str(len(run.values(metric)))]
        labelled = {metric for row in run.scores for metric in row["labels"]}
        assert shown["labels"].keys() == labelled
        for metric in labelled:
            counts = run.labels(metric)
            total = counts.total()
            expected = {label: [str(n), f"{100 * n / total:.1f} %"] for label, n in counts.items()}
            assert shown["labels"][metric] == expected


def test_the_board_of_runs_that_were_not_executed(folder, visit):
    check_board(visit, folder)


def test_their_pages(folder, visit):
    check_run_pages(visit, folder)


@pytest.mark.apibench
def test_released_answers(released, visit):
    check_board(visit, released)
    check_run_pages(visit, released)


def test_the_comparison(folder, visit):
    """Means, differences, and how many answers got worse and better."""
    apigauge("compare", *(folder / "runs" / name for name in ("constant", "checkpoint")), "--out", folder / "compared")
    runs = files(folder)
    shown = read(visit, folder / "compared" / "index.html", COMPARISON)
    assert shown.keys() == runs["constant"].metrics & runs["checkpoint"].metrics
    for metric, cells in shown.items():
        a, b = runs["constant"].by_key(metric), runs["checkpoint"].by_key(metric)
        pairs = [(a[key], b[key]) for key in a.keys() & b.keys()]
        means = [sum(side) / len(pairs) for side in zip(*pairs, strict=True)]
        difference = means[1] - means[0]
        text = printed(metric, abs(difference))
        sign = "" if float(text) == 0 else "+" if difference > 0 else MINUS
        assert [cell["text"] for cell in cells[:2]] == [printed(metric, mean) for mean in means]
        assert [float(cell["title"]) for cell in cells[:3]] == pytest.approx([*means, difference], abs=1e-9)
        assert cells[2]["text"].split()[0] == sign + text
        low_is_good = metric.startswith("hallucination")
        rose, fell = sum(y > x for x, y in pairs), sum(y < x for x, y in pairs)
        assert [int(cell["text"]) for cell in cells[-2:]] == ([rose, fell] if low_is_good else [fell, rose])


def pair_numbers(metric, a, b, apis):
    """Mean difference of b minus a, its p-value, and over how many answers."""
    before, after = a.by_key(metric), b.by_key(metric)
    both = before.keys() & after.keys()
    totals = defaultdict(float)
    for key in sorted(both):
        totals[apis[key[0]]] += after[key] - before[key]
    return sum(totals.values()) / len(both), sign_flip([*totals.values()]), len(both)


def is_near(text, p):
    """Whether a p-value is printed as this; the grid of the other computation moves it by less than a hundredth."""
    return p < 1.01e-4 if text.startswith("<") else float(text) == pytest.approx(p, rel=0.07 if p < 1 else 0)


def test_who_beats_whom(folder, visit):
    """Differences, p-values, Holm over the pairs, ranks: on the matrix, the comparison of two and the board."""
    apis = {item.id: item.api for item in load_benchmark("mini").items}
    runs = {name: run for name, run in files(folder).items() if name != "bm25-12"}
    page = visit(folder / "site" / "matrix" / "mini.html").page
    board = read(visit, folder / "site" / "index.html", RANKS)
    columns = [name for name in board["columns"] if any(name in run.metrics for run in runs.values())]
    for metric in sorted(set.intersection(*(run.metrics for run in runs.values()))):
        page.get_by_label("Metric").select_option(label=metric)
        shown = page.evaluate(MATRIX)
        low_is_good = metric.startswith("hallucination")
        order = [row["run"] for row in shown]
        means = [runs[name].mean(metric) for name in order]
        assert means == sorted(means, reverse=not low_is_good)
        numbers = {pair: pair_numbers(metric, *map(runs.get, pair), apis) for pair in combinations(order, 2)}
        adjusted = holm({pair: p for pair, (_, p, _) in numbers.items()})
        apart = {pair for pair, p in adjusted.items() if p <= 0.05}
        for at, row in enumerate(shown):
            ranks = row["detail"].removeprefix("rank ").split(" \u00b7 ")[0]
            assert board["ranks"][row["run"]].split("|")[columns.index(metric)] == ranks
            assert row["detail"].endswith(f" \u00b7 {printed(metric, means[at])}")
            shared = [other["run"] for other in shown if spans(other["detail"]) & spans(row["detail"])]
            assert set(shared) == {one for one in order if not {(row["run"], one), (one, row["run"])} & apart}, ranks
            for other, cell in zip(order, row["cells"], strict=True):
                if other == row["run"]:
                    assert cell is None
                    continue
                (pair,) = (one for one in numbers if set(one) == {row["run"], other})
                (difference, _, n), p = numbers[pair], adjusted[pair]
                difference *= 1 if pair[1] == row["run"] else -1
                sign = "" if float(printed(metric, abs(difference))) == 0 else "+" if difference > 0 else MINUS
                assert cell["difference"][2:] == sign + printed(metric, abs(difference))
                assert is_near(cell["texts"][1].removeprefix("adjusted p ").removeprefix("= "), p), (metric, cell, p)
                is_better = (difference > 0) != low_is_good
                assert cell["verdict"] == ("open" if p > 0.05 else "better" if is_better else "worse")
                assert f", {n} answers: " in cell["words"]
    page.goto((folder / "site" / "compare.html").as_uri() + "#a=constant&b=checkpoint")
    page.wait_for_selector("#numbers tr")
    for metric, cells in page.evaluate(PAIR).items():
        if metric in runs["constant"].metrics:
            _, p, n = pair_numbers(metric, runs["constant"], runs["checkpoint"], apis)
            assert is_near(cells[2], p)
            assert int(cells[4]) == n
            assert sum(map(int, cells[5:8])) == n


def spans(detail):
    """The numbers in ``rank 1-3, 5``."""
    ends = [part.split("\u2013") for part in detail.removeprefix("rank ").split(" \u00b7 ")[0].split(", ")]
    return {number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)}


def test_the_questions_page(folder, visit):
    """How many runs are right in a question, of those that answered it."""
    page = visit(folder / "site" / "question.html").page
    for metric, good in (("ast.exact", 1), ("hallucination", 0)):
        page.get_by_label("Right in").select_option(label=metric)
        shown = {}
        while True:
            shown |= page.evaluate(QUESTIONS)
            if page.locator("#next").get_attribute("aria-disabled") == "true":
                break
            page.locator("#next").click()
        by_run = [run.by_key(metric) for run in files(folder).values()]
        for item in {key[0] for scores in by_run for key in scores}:
            scores = [one[item, 0] for one in by_run if (item, 0) in one]
            assert shown.pop(item) == f"{sum(score == good for score in scores)} of {len(scores)}"
        assert shown == {}


def values(row):
    return [cell["value"] for cell in row]


def check_labels(run, metric, chart):
    table = chart["tables"][-1]
    row = next(row for row in table["rows"] if row[0]["text"] == run.name)
    counts = run.labels(metric)
    shown = dict(zip(table["heads"], row, strict=True))
    assert shown["answers"]["value"] == counts.total()
    for label in table["heads"][1:-1:2]:
        share = counts[label] / counts.total()
        assert shown[label]["value"] == counts[label]
        assert shown[f"{label}, %"]["value"] == pytest.approx(share)
        assert shown[f"{label}, %"]["text"] == printed(metric, share)
    assert set(counts) <= set(table["heads"])


def check_charts(visit, folder):
    """The charts that every run has."""
    runs = files(folder)
    charts = read(visit, folder / "site" / "charts.html", CHARTS)["mini"]
    for run in runs.values():
        check_labels(run, "ast.exact", charts["labels-ast-exact"])
        table = charts["domains"]["tables"][-1]
        row = next(row for row in table["rows"] if row[0]["text"] == run.name)
        shown = dict(zip(table["heads"], values(row), strict=True))
        scores = run.by_domain("ast.exact", domains_of_mini())
        assert {head for head in shown if head.endswith(", n") and shown[head]} == {f"{domain}, n" for domain in scores}
        for domain, group in scores.items():
            assert shown[f"{domain}, %"] == pytest.approx(sum(group) / len(group))
            assert shown[f"{domain}, n"] == len(group)
    return runs, charts


def test_charts_of_runs_that_were_not_executed(folder, visit):
    runs, charts = check_charts(visit, folder)
    assert charts.keys() == {"labels-ast-exact", "domains"}
    total = sum((run.labels("ast.exact") for run in runs.values()), start=runs["bm25"].labels("none"))
    (label, count), *_ = [entry for entry in total.most_common() if entry[0] != "exact"]
    assert f"{label} ({100 * count / total.total():.1f} %)" in charts["labels-ast-exact"]["finding"]


@pytest.mark.slow
@pytest.mark.bwrap
def test_pages_and_charts_of_executed_runs(executed, visit):
    check_board(visit, executed)
    check_run_pages(visit, executed)
    runs, charts = check_charts(visit, executed)
    for run in runs.values():
        check_labels(run, "exec.rate", charts["labels-exec-rate"])
        row = next(row for row in charts["ladder"]["tables"][-1]["rows"] if row[0]["text"] == run.name)
        assert values(row)[1:6] == pytest.approx(run.rungs())
        assert values(row)[6] == len(run.values("exec.stage"))
        for rung, metric in ((3, "exec.call"), (4, "exec.rate")):
            low, high = (f"{100 * end:.2f}" for end in run.ends(metric))
            assert row[1 + rung]["text"] == f"{printed(metric, run.mean(metric))} ({low} to {high})"
    check_agreement(runs.values(), charts["agreement"])
    # One model, so that nothing can be drawn against its size or cost.
    assert not {"parameters", "tokens", "dollars", "over-time"} & charts.keys()
    assert runs["checkpoint"].manifest["generator"]["parameters"] > 0


def check_agreement(runs, chart):
    varied = [run for run in runs if len(set(run.values("exec.rate"))) > 1]
    assert chart["tables"][-1]["rows"]
    for metric, tau, low, high, n, _ in chart["tables"][-1]["rows"]:
        name = metric["text"].removesuffix(" (turned)")
        sign = -1 if name.startswith("hallucination") else 1
        assert tau["value"] == pytest.approx(tau_b(varied, name, "exec.rate", sign), abs=1e-8)
        assert tau["text"] == f"{tau['value']:.2f}".replace("-", MINUS)
        assert low["value"] <= tau["value"] <= high["value"]
        assert n["value"] == sum(len(run.values("exec.rate")) for run in varied)
