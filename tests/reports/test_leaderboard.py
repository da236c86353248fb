"""The index page as written: order, badges, warnings, printed figures, and the same bytes every time."""

import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import pytest

from apigauge.benchmarks.apibench.fetch import sources
from apigauge.errors import ApigaugeError
from apigauge.harness.metrics.table import METRICS
from apigauge.reports.leaderboard import write_site
from apigauge.reports.published import released_answers


class Tables(HTMLParser):
    """Each board as rows: name and scores in ``texts`` and ``values``, what is known of the run besides in ``details``."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[dict]] = []
        self.printed: list[list[str]] = []
        self._row: dict | None = None
        self._texts: list[str] | None = None
        self._is_board = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        kinds = (given.get("class") or "").split()
        if tag == "table":
            self._is_board = "board" in kinds
            if self._is_board:
                self.tables.append([])
        elif tag == "tr":
            self._row = {
                "attributes": given,
                "kind": kinds[0][4:] if kinds else "",
                "texts": [],
                "values": [],
                "details": [],
            }
            if self._is_board and "data-name" in given:
                self.tables[-1].append(self._row)
            elif not self._is_board:
                self.printed.append(self._row["texts"])
        elif tag in ("td", "th") and self._row is not None and "rank" not in kinds:
            self._texts = self._row["details" if "about" in kinds else "texts"]
            self._texts.append("")
            if "about" not in kinds:
                self._row["values"].append(given.get("data-v"))

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._texts = None

    def handle_data(self, data):
        if self._texts is not None:
            self._texts[-1] += " " + data.strip()


PAGES = {"index.html", "charts.html", "compare.html", "question.html"}


def index_of(runs, tmp_path, **options) -> str:
    return write_site(runs, tmp_path, **options).read_text(encoding="utf-8")


def rows_of(page: str) -> list[dict]:
    return [row for table in Tables(page).tables for row in table]


def row_named(page: str, name: str) -> dict:
    return next(row for row in rows_of(page) if row["attributes"]["data-name"] == name)


def files_under(folder) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_each_benchmark_has_its_own_table_ordered_by_exact_match(eighteen_runs, tmp_path):
    tables = Tables(index_of(eighteen_runs, tmp_path)).tables
    assert [len(table) for table in tables] == [6, 6, 6]
    for table in tables:
        values = [float(row["values"][1]) for row in table if row["values"][1] is not None]
        assert len(values) == 6
        assert values == sorted(values, reverse=True)


def test_a_cell_has_percent_with_one_decimal_and_its_interval(run, tmp_path):
    page = index_of([run("a", {"ast.exact": 0.69364, "exec.stage": 2.5})], tmp_path)
    exact, stage = row_named(page, "a")["texts"][1:]
    assert exact.split() == ["69.4", "64.4\u201374.4"]
    assert stage.split() == ["2.50", "2.45\u20132.55"]
    assert 'data-v="0.69364" data-i="0.64364 0.74364"' in page
    assert "of 4" in page
    own = (tmp_path / "runs" / "a.html").read_text(encoding="utf-8")
    assert "95 % interval 0.6436 to 0.7436 (n 100, clusters 40" in own


def test_published_figures_stand_apart_with_their_source_as_printed(run, tmp_path):
    values = {"ast.exact": 0.2, "ast.gorilla": 0.7, "hallucination.gorilla": 0.1}
    page = index_of([run("a", values, benchmark="apibench-huggingface")], tmp_path)
    assert [row["attributes"]["data-name"] for row in rows_of(page)] == ["a"]
    head, *printed = Tables(page).printed
    assert "ast.gorilla" in head[1]
    assert len(printed) == 8
    assert all("arXiv" in row[3] for row in printed)
    gpt4 = next(row for row in printed if row[0].strip() == "GPT-4 0-shot")
    assert [text.strip() for text in gpt4[1:3]] == ["19.80", "37.16"]
    assert "beats the fine-tuned 7B baseline by 1.0 %" in page


def test_published_figures_stay_with_their_benchmark_and_can_be_left_out(run, tmp_path):
    mini = index_of([run("a", benchmark="mini")], tmp_path / "mini")
    assert Tables(mini).printed == []
    without = index_of([run("a")], tmp_path / "without", published=False)
    assert "rinted elsewhere" not in without
    assert "arXiv" not in without


def test_published_data_is_complete():
    text = resources.files("apigauge.reports").joinpath("published.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert len(data["rows"]) == 8
    assert data["rows"][0]["torchhub"] == [44.62, 17.20]


def test_the_released_answers_are_those_that_are_fetched():
    files = {name: facts["sha256"] for name, facts in sources()["files"].items() if name.startswith("responses/")}
    names = {digest: re.sub("[ -]", "_", name) for digest, name in released_answers().items()}
    assert len(names) == 18
    for file, digest in files.items():
        assert file.endswith(f"_Gorilla_{names[digest]}.jsonl")


def test_gorilla_7b_and_the_floors_are_marked_and_are_the_best_of_their_kind(run, tmp_path):
    """Partial runs, runs on other data and files of the same name by somebody else set no mark."""
    (digest,) = (digest for digest, name in list(released_answers().items())[-6:] if name == "FT 0-shot")
    released = run("gorilla", {"ast.exact": 0.4, "hallucination": 0.2}, kind="replay")
    released.manifest["generator"]["digest"] = digest
    runs = [
        released,
        run("constant", {"ast.exact": 0.1, "hallucination": 0.3}, kind="constant"),
        run("bm25", {"ast.exact": 0.2, "hallucination": 0.5}, kind="retrieval"),
        run("few", {"ast.exact": 0.9, "hallucination": 0.0}, kind="retrieval", items=5),
        run("elsewhere", {"ast.exact": 0.8, "hallucination": 0.1}, kind="constant", digest="other"),
        run("own", {"ast.exact": 0.6}, kind="replay", spec="replay:response_torchhub_Gorilla_FT_0_shot.jsonl"),
    ]
    page = index_of(runs, tmp_path, published=False)
    assert [row_named(page, name)["kind"] for name in ("gorilla", "own", "bm25")] == ["released", "run", "baseline"]
    assert "Gorilla-7B, FT 0-shot" in row_named(page, "gorilla")["texts"][0]
    marks = re.findall(r'<th [^>]*data-column="([^"]+)"[^>]* data-floor="([^"]+)" data-released="([^"]+)"', page)
    assert marks == [("ast.exact", "0.2", "0.4"), ("hallucination", "0.3", "0.2")]
    assert "floor: the best baseline" in page
    plain = index_of(runs[-1:], tmp_path / "plain", published=False)
    assert "data-floor" not in plain.split("<script>")[0]
    assert "floor: the best baseline" not in plain


@pytest.mark.parametrize("kind", ["constant", "retrieval"])
def test_a_generator_that_is_no_model_is_a_baseline(run, tmp_path, kind):
    page = index_of([run("floor", kind=kind), run("model", kind="vllm")], tmp_path)
    assert row_named(page, "floor")["kind"] == "baseline"
    assert "baseline" in row_named(page, "floor")["texts"][0]
    assert row_named(page, "model")["kind"] == "run"
    assert "baseline" not in row_named(page, "model")["texts"][0]


def test_an_incomplete_run_says_so(run, tmp_path):
    page = index_of([run("half", items=40, expected=911), run("whole", items=911, expected=911)], tmp_path)
    assert "partial: 40 of 911" in row_named(page, "half")["texts"][0]
    assert "partial" not in row_named(page, "whole")["texts"][0]
    assert "partial: 40 of 911" in (tmp_path / "runs" / "half.html").read_text(encoding="utf-8")


def test_a_run_of_a_few_items_says_so_and_comes_after_whole_ones_and_n_is_on_the_board(run, tmp_path):
    few = replace(run("few", {"ast.exact": 1.0}, items=12, expected=12), benchmark_items=1911)
    for name, others in (("alone", []), ("two", [run("whole", {"ast.exact": 0.1}, items=1911, expected=1911)])):
        page = index_of([few, *others], tmp_path / name, published=False)
        assert "partial: 12 of 1911" in row_named(page, "few")["texts"][0]
        assert "n 12" in row_named(page, "few")["texts"][0]
        assert "partial: 12 of 1911" in (tmp_path / name / "runs" / "few.html").read_text(encoding="utf-8")
    assert [row["attributes"]["data-name"] for row in rows_of(page)] == ["whole", "few"]
    assert "n 1,911" in row_named(page, "whole")["texts"][0]
    assert "partial" not in row_named(page, "whole")["texts"][0]
    unknown = [run("few", items=12, expected=12), run("whole"), run("other", items=5, expected=5, digest="x")]
    page = index_of(unknown, tmp_path / "three")
    assert "partial: 12 of 100" in row_named(page, "few")["texts"][0]
    assert "partial" not in row_named(page, "other")["texts"][0]


def test_a_metric_of_some_answers_has_its_own_n_and_a_low_is_good_one_no_share_of_the_references(run, tmp_path):
    view = run("a", {"ast.exact": 0.5, "exec.correct": 0.4, "exec.deprecated": 0.3, "exec.rate": 0.5})
    view.summary["metrics"]["exec.correct"]["n"] = 16
    view.summary["ceilings"] = {"exec.correct": 0.8, "exec.deprecated": 0.0, "exec.rate": 0.0}
    page = index_of([view], tmp_path, published=False)
    exact, rate, correct, deprecated = row_named(page, "a")["texts"][1:]
    assert "n 16" in correct.split("  ")[-1]
    assert "50 % of 80.0" in correct
    assert "references 0.0" in deprecated
    assert "% of" not in deprecated.replace("95 % ", "")
    assert not any("references" in text or " n 100" in text[-7:] for text in (exact, rate))
    own = (tmp_path / "runs" / "a.html").read_text(encoding="utf-8")
    assert "50 % of 80.0" in own
    assert "references 0.0" in own


def test_a_run_without_a_sandbox_says_not_executed(run, tmp_path):
    page = index_of([run("still", sandbox=None), run("ran")], tmp_path)
    assert "not executed" in " ".join(row_named(page, "still")["details"])
    assert "docker" in " ".join(row_named(page, "ran")["details"])


def test_executability_is_withheld_when_sandbox_failures_exceed_one_percent(run, tmp_path):
    broken = run("broken", {"ast.exact": 0.4}, infra_error_rate=0.011, withheld=["exec.rate"])
    sound = run("sound", {"ast.exact": 0.4, "exec.rate": 0.3}, infra_error_rate=0.01)
    page = index_of([broken, sound], tmp_path, published=False)
    assert row_named(page, "broken")["values"][1:] == ["0.4", None]
    assert "withheld" in row_named(page, "broken")["texts"][2]
    assert '<td title="withheld: 1.1% of the programs could not be run' in page
    assert row_named(page, "sound")["values"][1:] == ["0.4", "0.3"]
    alone = index_of([broken], tmp_path / "alone", published=False)
    assert "withheld" in row_named(alone, "broken")["texts"][2]
    assert "withheld" in (tmp_path / "alone" / "runs" / "broken.html").read_text(encoding="utf-8")


CAVEATS = ["programs can read <b>your</b> files", "the network can be reached"]
PROCESS = {"kind": "process", "caveats": CAVEATS}


def test_a_run_in_another_sandbox_than_docker_is_marked_with_what_it_does_not_protect_from(run, tmp_path):
    page = index_of([run("bare", sandbox=PROCESS), run("held", sandbox={"kind": "docker"})], tmp_path)
    marked = row_named(page, "bare")["texts"][0]
    assert "process sandbox" in marked
    for caveat in CAVEATS:
        assert caveat in marked
    assert "sandbox" not in row_named(page, "held")["texts"][0]
    own = (tmp_path / "runs" / "bare.html").read_text(encoding="utf-8")
    for text in (page, own):
        assert "<b>your</b>" not in text
    assert re.search(r'not protected from</dt>\s*<dd><pre tabindex="0">programs can read &lt;b&gt;your', own)
    assert re.search(r'class="badge badge-warn" title="[^"]*the network can be reached">process sandbox', own)
    assert "not protected from" not in (tmp_path / "runs" / "held.html").read_text(encoding="utf-8")


def test_two_kinds_of_sandbox_in_one_table_are_flagged(run, tmp_path):
    runs = [run("bare", sandbox=PROCESS), run("held", sandbox={"kind": "docker"}), run("still", sandbox=None)]
    assert "different kinds of sandbox (docker, process)" in index_of(runs, tmp_path)
    for few in (runs[:1], runs[1:], runs[::2]):
        assert "different kinds of sandbox" not in index_of(few, tmp_path / few[0].name)


def test_runs_on_other_data_are_flagged_as_not_comparable(run, tmp_path):
    runs = [run("a"), run("b"), run("odd", digest="sha256:" + "99" * 32)]
    page = index_of(runs, tmp_path)
    assert "2 different versions of the benchmark" in re.sub(r"\s+", " ", page)
    assert "not comparable: data B" in row_named(page, "odd")["texts"][0]
    assert "not comparable" not in row_named(page, "a")["texts"][0]
    assert "not comparable" not in index_of(runs[:2], tmp_path / "same")


def test_equal_data_in_two_benchmarks_of_different_name_raises_no_flag(run, tmp_path):
    page = index_of([run("a", benchmark="mini"), run("b", digest="other", benchmark="more")], tmp_path)
    assert "not comparable" not in page


def test_differing_metric_versions_are_flagged(run, tmp_path):
    runs = [run("a", versions={"ast_match": "1"}), run("b", versions={"ast_match": "2"})]
    assert "ast_match was computed by different versions (1, 2)" in index_of(runs, tmp_path)
    assert "different versions" not in index_of(runs[:1], tmp_path / "one")


def test_provenance_names_all_that_is_needed_to_derive_the_numbers_again(run, tmp_path):
    index_of([run("a", spec="hf:some/model@123abc")], tmp_path)
    page = (tmp_path / "runs" / "a.html").read_text(encoding="utf-8")
    for fact in ("sha256:" + "ab" * 32, "cd" * 32, "hf:some/model@123abc", "1 (tree-sitter-python 0.21.0)"):
        assert fact in page
    assert re.search(r"interval seed</dt>\s*<dd><code>7</code>", page)


@pytest.mark.parametrize(
    ("answers", "cached", "unknown", "shown"),
    [(4, 0, 0, "130 tokens"), (4, 1, 0, "at least 130 tokens"), (4, 0, 3, "at least 130 tokens"), (4, 4, 0, "")],
)
def test_tokens_are_shown_where_answers_were_counted(run, tmp_path, answers, cached, unknown, shown):
    """Answers from a cache cost nothing, which says nothing of the model."""
    view = run("a")
    counts = {"answers": answers, "cached": cached, "unknown": unknown, "prompt_tokens": 100, "completion_tokens": 30}
    view.summary["usage"] = counts
    assert view.usage == shown
    details = row_named(index_of([view], tmp_path), "a")["details"]
    number = shown.replace("at least", "\u2265").removesuffix(" tokens")
    assert (f" {number}" in details) is bool(shown)
    page = (tmp_path / "runs" / "a.html").read_text(encoding="utf-8")
    assert (f"{shown or '130 tokens'}<" in page) is bool(shown)


def test_runs_of_the_same_name_get_their_own_pages(run, item, tmp_path):
    runs = [run("same", rows=(item(number, text=f"ANSWER-{number}"),)) for number in range(2)]
    runs += [run("Same", rows=(item(2, text="ANSWER-2"),)), run("same-2", rows=(item(3, text="ANSWER-3"),))]
    page = index_of(runs, tmp_path)
    files = re.findall(r'class="name"><a href="runs/([^"]+)"', page)
    assert len({name.casefold() for name in files}) == 4
    answers = {path.parent.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("data/runs/*/texts-0.js")}
    assert {f"{name}.html" for name in answers} == set(files)
    for number in range(4):
        assert sum(f"ANSWER-{number}" in text for text in answers.values()) == 1
    assert "same (2)" in page


@pytest.mark.parametrize(
    "name", ["../../escape", "/etc/passwd", "a/b\\c", "..", "", "CON", "x" * 300, "日本\x00", "a b?#%"]
)
def test_a_run_name_cannot_leave_the_folder_or_break_the_link(run, tmp_path, name):
    index = index_of([run(name)], tmp_path / "deep" / "site")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    data = [path for path in written if path.parents[2] == tmp_path / "deep" / "site" / "data"]
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}", path.parent.name) for path in data)
    (page,) = (path for path in written if path.parent == tmp_path / "deep" / "site" / "runs")
    assert {path.name for path in written if path.parent == tmp_path / "deep" / "site"} <= PAGES
    assert page.parent == tmp_path / "deep" / "site" / "runs"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}\.html", page.name)
    assert page.stem.upper() != "CON"
    assert f'href="runs/{page.name}"' in index


def test_names_and_labels_from_a_run_are_escaped(run, tmp_path):
    hostile = "<script>window.pwned=1</script>"
    index = index_of(
        [run(hostile, {hostile: 0.5}, benchmark=hostile, spec=hostile, labels={"ast.exact": {hostile: 3}})], tmp_path
    )
    page = next((tmp_path / "runs").iterdir()).read_text(encoding="utf-8")
    for text in (index, page):
        assert hostile not in text
        assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in text


def test_the_same_runs_give_the_same_bytes(eighteen_runs, tmp_path):
    write_site(eighteen_runs, tmp_path / "one")
    write_site(eighteen_runs, tmp_path / "two")
    first, second = files_under(tmp_path / "one"), files_under(tmp_path / "two")
    assert sum(name.startswith("runs/") for name in first) == 18
    assert first == second


def test_every_interval_method_of_a_run_is_explained_with_its_seed(run, tmp_path):
    view = run("a", {"ast.exact": 0.0, "rouge.1": 0.5})
    view.summary["metrics"]["ast.exact"] |= {"method": "Clopper-Pearson over clusters", "seed": 11}
    page = re.sub(r"\s+", " ", index_of([view], tmp_path))
    assert "the exact binomial interval (Clopper and Pearson)" in page
    assert "Used for ast.exact. Seed: 11." in page
    assert "are drawn with replacement" in page
    assert "Used for rouge.1. Seed: 7." in page


def test_unknown_metrics_come_last_and_missing_ones_make_no_column(run, tmp_path):
    page = index_of([run("a", {"zebra.stripes": 0.1, "codebleu": 0.2, "ast.exact": 0.3})], tmp_path, published=False)
    assert row_named(page, "a")["values"] == [None, "0.3", "0.2", "0.1"]


def test_a_summary_that_is_not_a_number_is_no_value(run, tmp_path):
    page = index_of([run("a", {"ast.exact": 0.5}), run("b", {"ast.exact": float("nan")})], tmp_path, published=False)
    assert row_named(page, "b")["values"] == [None, None]
    assert [row["attributes"]["data-name"] for row in rows_of(page)] == ["a", "b"]


def test_no_runs_give_a_page_that_says_so(tmp_path):
    assert "There are no runs" in index_of([], tmp_path)


def test_an_unwritable_folder_is_named(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ApigaugeError, match="file: the report cannot be written"):
        write_site([run("a")], tmp_path / "file")


def test_a_score_shows_the_share_of_its_ceiling_and_the_hub_it_was_made_with(run, tmp_path):
    hub = {"name": "torchhub", "mode": "stand-in", "digest": "ab" * 32}
    one = run("one", {"exec.call": 0.45}, ceilings={"exec.call": 0.9}, sandbox={"kind": "docker", "hub": hub})
    other = run("other", {"exec.call": 0.45}, sandbox={"kind": "docker", "hub": hub | {"mode": "live", "digest": None}})
    page = write_site([one, other], tmp_path).read_text(encoding="utf-8")
    assert page.count("50 % of 90.0") == 1
    assert "stand-in abababababab" in row_named(page, "one")["details"][-2]
    assert "live hub" in row_named(page, "other")["texts"][0]
    assert "Programs found their models in different hubs" in page
    assert "different hubs" not in write_site([one], tmp_path).read_text(encoding="utf-8")


def test_the_same_answers_in_other_environments_lead_to_what_broke(run, item, tmp_path):
    def view(name, environment, text="same", **changes):
        sandbox = (
            {"kind": "process", "environment": "pandas", "environment_source": environment} if environment else None
        )
        return run(name, rows=[item(at, text=f"{text} {at}") for at in range(4)], sandbox=sandbox, **changes)

    runs = [
        view("new", "pandas==3.1.1"),
        view("old", "pandas==2.3.3"),
        view("twice", "pandas==2.3.3"),
        view("not", ""),
        view("others", "pandas==3.1.1", "else"),
        view("elsewhere", "pandas==1.5", benchmark="mini"),
    ]
    page = index_of(runs, tmp_path)
    links = re.findall(r'<a href="compare.html#([^"]+)">(what broke from .*?)</a>', page)
    assert links == [("a=twice&amp;b=new", "what broke from pandas==2.3.3 to pandas==3.1.1")]
    assert "what broke from" not in index_of(runs[2:], tmp_path / "less")


def test_fifty_runs_with_every_metric_are_a_board_below_300_kb(run, item, tmp_path):
    runs = []
    for number in range(50):
        values = {column.name: column.top * (number + 1) / 53 for column in METRICS}
        rows = [item(at, api=f"api {at}") for at in range(4)]
        view = run(f"organisation-model-{number}-7b-instruct", values, rows=rows, spec=f"vllm:organisation/model-{number}@main",
                   ceilings={name: 0.912345 for name in values if name.startswith("exec.")}, sandbox={"kind": "docker", "environment": "x"})  # fmt: skip
        view.summary["usage"] = {
            "answers": 911,
            "prompt_tokens": 120_000,
            "completion_tokens": 60_000,
            "dollars": 0.0123,
        }
        view.manifest["created"] = "2026-07-09T12:00:00+00:00"
        view.manifest["generator"] |= {"parameters": 7_240_000_000, "engine": "vllm 0.11.0, torch 2.13.0"}
        runs.append(view)
    page = index_of(runs, tmp_path, published=False)
    assert len(page.encode()) < 300_000
    assert len(rows_of(page)) == 50
    assert all(len(row["texts"]) == 1 + len(METRICS) for row in rows_of(page))
