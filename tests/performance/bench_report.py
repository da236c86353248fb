"""Fifty runs of 911 answers as a leaderboard, a run and a comparison of twenty thousand: time to write, sizes, time to open.

Limits: written in 30 s on two cores; a run's page reads less than 3 MB, is usable in 1 s, and filters in 100 ms; the
board is usable in 500 ms. A comparison of twenty thousand pairs reads less than 10 MB at first, is usable in 2 s, and
neither opening it nor a search through all answers takes a browser's process more than 500 MB. Then `apigauge report`
on the folders of fifty runs: 30 s from nothing, 3 s when one run has been added, and the same bytes as from nothing; the
index is under 300 kB.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote, urlparse

from playwright.sync_api import expect, sync_playwright

# tests/ first in the list would give its conftest instead.
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from conftest import CHROMIUM_FLAGS, make_comparison, make_contrast, make_item, make_run
from made_runs import write_files

from apigauge.reports.comparison import write_comparison
from apigauge.reports.leaderboard import write_site
from apigauge.reports.views import PairView

LIMITS = {"written, s": 30.0, "read, MB": 3.0, "usable, ms": 1_000.0, "filter, ms": 100.0, "words, ms": 100.0}
LABELS = ("exact", "wrong_model", "unknown_api", "no_call")
# The script's own time from a filter's change to the list that follows, without waiting for typing to end.
FILTER = """([id, index]) => new Promise((resolve) => {
  const select = document.getElementById(id);
  const position = document.getElementById("position");
  const start = performance.now();
  new MutationObserver(() => resolve(performance.now() - start)).observe(position, { childList: true });
  select.selectedIndex = index;
  select.dispatchEvent(new Event("change"));
})"""
WORDS = """(words) => new Promise((resolve) => {
  const search = document.getElementById("search");
  const position = document.getElementById("position");
  new MutationObserver(() => resolve(performance.now() - start - 120)).observe(position, { childList: true });
  search.value = words;
  const start = performance.now();
  search.dispatchEvent(new Event("input"));
})"""


def answers(count, seed):
    """Answers of two kilobytes with thirteen metrics, two labels and a verdict."""
    draw = random.Random(seed)
    for number in range(count):
        call = f"torch.hub.load('pytorch/vision', 'model{draw.randrange(900)}', pretrained=True)"
        scores = {f"shares.{at}": float(draw.random() < 0.5) for at in range(8)}
        scores |= {f"parts.{at}": draw.randrange(60) / draw.randrange(60, 90) for at in range(5)}
        yield make_item(
            number,
            instruction=f"Question {number}: " + "which of all the models there are detects objects best? " * 3,
            domain=f"domain {number % 37}",
            api=f"api {number % 700}",
            call=call,
            program=f"import torch\nmodel = {call}\n" + "print(model)\n" * 20,
            text=f"Use this.\n```python\nimport torch\nmodel = {call}\n```\n" + "More words about it. " * 90,
            metrics=scores,
            labels={"ast.exact": draw.choice(LABELS), "exec.rate": draw.choice(LABELS)},
            verdict={
                "status": "failed",
                "stage": draw.randrange(5),
                "reason": "x",
                "evidence": {"stderr": "boom\n" * 40},
            },
        )


def opened(browser, path):
    """What a run's page takes until it can be used, and to filter, each the median of five fresh ones."""
    measured = {name: [] for name in list(LIMITS)[1:]}
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        page = context.new_page()
        requests = []
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#items .item")
        measured["usable, ms"].append(page.evaluate("performance.now()"))
        page.wait_for_timeout(300)
        read = sum(Path(unquote(urlparse(url).path)).stat().st_size for url in requests)
        measured["read, MB"].append(read / 1e6)
        measured["filter, ms"].append(max(page.evaluate(FILTER, [f"facet-{at}", 1]) for at in (4, 2, 0)))
        page.focus("#search")
        page.wait_for_timeout(1_500)
        measured["words, ms"].append(page.evaluate(WORDS, "question 7"))
        context.close()
    return {name: sorted(values)[2] for name, values in measured.items()}


def opened_board(browser, path):
    """Milliseconds until the board can be sorted and searched, the median of five."""
    times = []
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("html.with-script table.board tbody tr")
        times.append(page.evaluate("performance.now()"))
        context.close()
    return sorted(times)[2]


def write_pairs(out, count):
    """A comparison of two runs with so many answers each; seconds to write it."""
    pairs = [PairView(a.api, a, b) for a, b in zip(answers(count, 1), answers(count, 2), strict=True)]
    start = time.perf_counter()
    contrasts = {name: make_contrast(0.5, 0.51) for name in pairs[0].a.metrics}
    write_comparison(make_comparison(pairs, contrasts), out)
    return time.perf_counter() - start


def compared(playwright, path):
    """What the comparison takes to open, and then to search all answers for a word that none has, each with its limit."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM_FLAGS))
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(600_000)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator("#shown")).to_have_text(re.compile(" answers$"), timeout=600_000)
    results = [("usable, ms", page.evaluate("performance.now()"), 2_000.0)]
    page.wait_for_timeout(300)
    read = sum(Path(unquote(urlparse(url).path)).stat().st_size for url in requests)
    results += [("read, MB", read / 1e6, 10.0), *memory(browser, page, "after opening")]
    start = time.perf_counter()
    page.fill("#search", "no answer has this")
    expect(page.locator("#shown")).to_have_text(re.compile("^0 of "), timeout=600_000)
    results += [("search of all answers, s", time.perf_counter() - start, float("inf"))]
    results += memory(browser, page, "after the search")
    browser.close()
    return results


def memory(browser, page, when):
    """The JavaScript heap, and the largest that the page's process has been."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    statuses = [Path(f"/proc/{one['id']}/status").read_text() for one in processes if one["type"] == "renderer"]
    peaks = [int(status.split("VmHWM:")[1].split()[0]) / 1e3 for status in statuses]
    return [
        (f"heap {when}, MB", metrics["JSHeapUsedSize"] / 1e6, 500.0),
        (f"process's peak {when}, MB", max(peaks), 500.0),
    ]


def write_runs(folder, count):
    """Run directories, each with its questions."""
    for at in range(count):
        rows = list(answers(911, at))
        means = dict.fromkeys(rows[0].metrics, 0.5)
        run = make_run(f"run {at}", means, benchmark="made", rows=rows, items=911, expected=911)
        write_files(folder / run.name, run, 911)


def reported(runs, site, cache):
    """How long the command takes, in a process of its own."""
    command = [sys.executable, "-m", "apigauge", "report", str(runs), "--out", str(site), "--quiet"]
    # An installed package has its bytecode.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment | {"XDG_CACHE_HOME": str(cache)}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def rebuilt(folder):
    """The times and sizes of ``apigauge report``, each with its limit; and whether all bytes are those from nothing."""
    runs, apart, site = folder / "runs", folder / "run 49", folder / "site"
    write_runs(runs, 50)
    (runs / "run 49").rename(apart)
    results = [("49 runs from nothing, s", reported(runs, site, folder / "cache"), 30.0)]
    apart.rename(runs / "run 49")
    results.append(("one run added, s", reported(runs, site, folder / "cache"), 3.0))
    results.append(("nothing changed, s", reported(runs, site, folder / "cache"), 1.5))
    results.append(("50 runs from nothing, s", reported(runs, folder / "other", folder / "other cache"), 30.0))
    results.append(("index, kB", (site / "index.html").stat().st_size / 1e3, 300.0))
    results.append(("site, MB", sum(path.stat().st_size for path in site.rglob("*.*")) / 1e6, float("inf")))
    results.append(("cache, MB", sum(path.stat().st_size for path in (folder / "cache").rglob("*-*")) / 1e6, 100.0))
    differences = subprocess.run(["diff", "-rq", str(site), str(folder / "other")], capture_output=True, check=False)
    results.append(("files that differ", float(len(differences.stdout.splitlines())), 0.0))
    return results


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        fifty = [make_run(f"run {at}", rows=list(answers(911, at))) for at in range(50)]
        start = time.perf_counter()
        write_site(fifty, Path(folder) / "fifty")
        results = {"50 x 911": {"written, s": time.perf_counter() - start}}
        big = make_run("big", rows=list(answers(20_000, 99)))
        start = time.perf_counter()
        write_site([big], Path(folder) / "big")
        results["20,000"] = {"written, s": time.perf_counter() - start}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM_FLAGS))
        for name, page in (("50 x 911", "fifty/runs/run-7.html"), ("20,000", "big/runs/big.html")):
            results[name] |= opened(browser, Path(folder) / page)
        board = opened_board(browser, Path(folder) / "fifty/index.html")
        browser.close()
        pages = [("board of 50 runs usable, ms", board, 500.0)]
        pages.append(("20,000 pairs written, s", write_pairs(Path(folder) / "pairs", 20_000), float("inf")))
        pages += [
            (f"20,000 pairs: {name}", *rest) for name, *rest in compared(playwright, Path(folder) / "pairs/index.html")
        ]
    print(f"| | {' | '.join(results)} | limit |\n|---|{'---|' * (len(results) + 1)}")
    for name, limit in LIMITS.items():
        print(f"| {name} | {' | '.join(f'{one[name]:.2f}' for one in results.values())} | {limit:g} |")
    with tempfile.TemporaryDirectory() as folder:
        figures = pages + rebuilt(Path(folder))
    print("\n| | | limit |\n|---|---|---|")
    for name, value, limit in figures:
        print(f"| {name} | {value:.2f} | {limit:g} |")
    is_slow = any(value > limit for _, value, limit in figures)
    return int(is_slow or any(one[name] > limit for one in results.values() for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
