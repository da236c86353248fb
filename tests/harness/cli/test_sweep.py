"""``apigauge sweep``: the cells of a matrix as ordinary runs, their failures apart, limits shared, resumed when killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from openai_server import OpenAIServer, completion, send

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation import cache, openai

FEW = 'benchmark = "mini"\nsandbox = "none"\nmetrics = ["ast.exact"]\n'


@pytest.fixture
def sweep(tmp_path, capsys):
    """Runs ``apigauge sweep`` on a file's text; returns the JSON printed and what was said."""

    def run(text, *more, code=0):
        (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
        command = ["sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "out"), "--json"]
        assert main([*command, *more]) == code
        shown = capsys.readouterr()
        return (json.loads(shown.out) if shown.out else {}), shown.err

    return run


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "completions")
    running = OpenAIServer()
    text = "<<<api_call>>>: torch.topk(scores, k=3)"
    running.react = lambda _: send(
        json.dumps(completion(text) | {"usage": {"prompt_tokens": 100, "completion_tokens": 50}})
    )
    yield running
    running.close()


def cells(result):
    return {entry["cell"]: entry for entry in result["cells"]}


def content(run):
    """What a run holds, without times and what is of one machine."""
    manifest = {k: v for k, v in run_directory.read_manifest(run).items() if k not in run_directory.NOT_IDENTIFYING}
    files = [(run / name).read_bytes() for name in ("generations.jsonl", "scores.jsonl", "summary.json")]
    return manifest, *files


def test_each_cell_is_the_run_that_apigauge_run_makes(sweep, tmp_path):
    text = FEW + 'limit = 12\n[matrix]\nmodel = ["retrieval:bm25", "constant:f(1)"]\n'
    result, said = sweep(text)
    assert {name: entry["state"] for name, entry in cells(result).items()} == {
        "mini-retrieval-bm25": "complete",
        "mini-constant-f-1": "complete",
    }
    assert "1 of 4: mini-retrieval-bm25, first 10 questions" in said
    assert said.index("2 of 4: mini-constant-f-1, first") < said.index("3 of 4: mini-retrieval-bm25, 12 questions")
    one = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "12", "--sandbox", "none"]
    assert main([*one, "--metrics", "ast.exact", "--out", str(tmp_path / "one")]) == 0
    assert content(tmp_path / "one") == content(tmp_path / "out" / "mini-retrieval-bm25")
    page = (tmp_path / "out" / "site" / "index.html").read_text(encoding="utf-8")
    assert "retrieval:bm25" in page
    assert "constant:f(1)" in page


def test_a_complete_sweep_does_nothing_again_and_more_values_add_cells_alone(sweep, tmp_path):
    text = FEW + 'limit = 3\n[matrix]\nmodel = ["constant:f(1)"]\n'
    sweep(text)
    before = (tmp_path / "out/mini-constant-f-1/manifest.json").stat().st_mtime_ns
    _, said = sweep(text)
    assert "questions" not in said
    result, said = sweep(FEW + 'limit = 3\n[matrix]\nreasoning = ["keep", "strip"]\nmodel = ["constant:f(1)"]\n')
    assert list(cells(result)) == ["mini-constant-f-1-reasoning-keep", "mini-constant-f-1"]
    assert said.count("3 questions") == 1
    assert (tmp_path / "out/mini-constant-f-1/manifest.json").stat().st_mtime_ns == before


def test_dry_run_counts_and_writes_nothing(sweep, tmp_path):
    text = (
        FEW
        + 'limit = 7\nprice = [1, 2]\nmax-new-tokens = 10\n[matrix]\nmodel = ["openai:m", "openai:n"]\nseed = [0, 1]\n'
    )
    plan, said = sweep(text, "--dry-run")
    assert (plan["runs"], plan["questions"], plan["requests"], plan["answered"]) == (4, 28, 28, 0)
    tokens = sum(one["cost"]["prompt_tokens"] for one in plan["cells"])
    assert plan["dollars_at_most"] == pytest.approx((tokens + 28 * 10 * 2) / 1e6)
    assert "temperature is 0" in said
    assert not (tmp_path / "out").exists()


def test_a_cell_that_fails_is_named_and_tried_again_and_the_others_run(sweep, tmp_path):
    answers = tmp_path / "answers.jsonl"
    text = FEW + f'limit = 2\n[matrix]\nmodel = ["replay:{answers}", "constant:f(1)"]\n'
    result, said = sweep(text, code=4)
    failed, other = result["cells"]
    assert (failed["state"], other["state"]) == ("failed", "complete")
    assert "answers.jsonl" in failed["error"]
    assert f"{failed['cell']} failed: " in said
    items = load_benchmark("mini").items[:2]
    answers.write_text("".join(json.dumps({"item": item.id, "text": "f(1)"}) + "\n" for item in items))
    result, _ = sweep(text)
    assert [entry["state"] for entry in result["cells"]] == ["complete", "complete"]
    assert result["cells"][0]["error"] == ""


def test_status_reads_the_files_alone(sweep, tmp_path):
    text = FEW + 'limit = 2\n[matrix]\nmodel = ["constant:f(1)"]\n'
    assert sweep(text, "--status")[0]["complete"] == 0
    sweep(text)
    os.truncate(tmp_path / "out/mini-constant-f-1/generations.jsonl", 0)
    (entry,) = sweep(text, "--status")[0]["cells"]
    assert (entry["state"], entry["answered"], entry["expected"]) == ("planned", 0, 2)


def test_the_limit_of_cost_is_of_all_cells_and_a_higher_one_resumes(sweep, server):
    """Each answer costs 100 * 1 + 50 * 2 millionths; 10 of the 24 may be given, the first two of each before others."""
    text = FEW + f'limit = 6\nfirst = 2\nprice = [1, 2]\nbase-url = "{server.url}"\nconcurrency = 1\n'
    text += 'temperature = 1\n[matrix]\nmodel = ["openai:m"]\nseed = [0, 1, 2, 3]\n'
    result, _ = sweep(text, "--max-cost", "0.002", code=4)
    assert len(server.requests) == 10
    assert [entry["answered"] for entry in result["cells"]] == [4, 2, 2, 2]
    assert result["dollars"] == pytest.approx(0.002)
    assert "by all runs together" in json.dumps(result["cells"])
    result, _ = sweep(text, "--max-cost", "1")
    assert len(server.requests) == 24
    assert [entry["state"] for entry in result["cells"]] == ["complete"] * 4
    assert result["dollars"] == pytest.approx(24 * 0.0002)


def test_a_cell_that_begins_when_others_have_spent_all_asks_nothing(sweep, server):
    text = FEW + f'limit = 6\nprice = [1, 2]\nbase-url = "{server.url}"\nconcurrency = 1\n'
    text += 'temperature = 1\n[matrix]\nmodel = ["openai:m"]\nseed = [0, 1]\n'
    result, _ = sweep(text, "--max-cost", "0.0012", code=4)
    assert len(server.requests) == 6
    assert [entry["answered"] for entry in result["cells"]] == [6, 0]


def test_a_limit_of_cost_without_a_price_is_refused_before_anything(sweep, tmp_path, server, capsys):
    text = FEW + f'base-url = "{server.url}"\nmodel = "openai:m"\nmax-cost = 1\n'
    sweep(text, code=2)
    assert server.requests == []


def test_cells_that_differ_in_scoring_ask_once(sweep, server, tmp_path):
    text = (
        FEW + f'limit = 3\nbase-url = "{server.url}"\n[matrix]\nmodel = ["openai:m"]\nreasoning = ["strip", "keep"]\n'
    )
    result, _ = sweep(text)
    assert len(server.requests) == 3
    assert [entry["tokens"] for entry in result["cells"]] == [450, 0]
    runs = [tmp_path / "out" / entry["cell"] for entry in result["cells"]]
    assert runs[0].joinpath("generations.jsonl").read_bytes() == runs[1].joinpath("generations.jsonl").read_bytes()
    assert [run_directory.read_manifest(run)["reasoning"]["mode"] for run in runs] == ["strip", "keep"]


AXES = '[matrix]\nmodel = ["constant:f(1)", "retrieval:bm25"]\nseed = [0, 1]\n'


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("", {"c-0", "c-1", "r-0", "r-1"}),
        ('[[exclude]]\nmodel = "retrieval:*"\nseed = 1', {"c-0", "c-1", "r-0"}),
        ("[[exclude]]\nseed = [0, 1]\nmodel = 'constant:f(1)'", {"r-0", "r-1"}),
        # An inclusion that overwrites no value of an axis is added to the cells that match, else it is one of its own.
        ("[[include]]\nseed = 1\nlimit = 5", {"c-0", "c-1-5", "r-0", "r-1-5"}),
        ('[[include]]\nmodel = "constant:g(1)"\nlimit = 5', {"c-0", "c-1", "r-0", "r-1", "g-0-5"}),
        ('[[include]]\nmodel = "constant:f(1)"\nseed = 0', {"c-0", "c-1", "r-0", "r-1"}),
        ('[[exclude]]\nseed = 1\n[[include]]\nmodel = "retrieval:bm25"\nseed = 1', {"c-0", "r-0", "r-1"}),
    ],
)  # fmt: skip
def test_exclusions_and_inclusions_are_those_of_a_matrix(sweep, more, names):
    plan, _ = sweep(FEW + AXES + more, "--dry-run")
    short = {"constant:f(1)": "c", "retrieval:bm25": "r", "constant:g(1)": "g"}
    limits = {56: "", 5: "-5"}
    assert {
        f"{short[one['model']]}-{'1' if 'seed-1' in one['cell'] else '0'}{limits[one['items']]}"
        for one in plan["cells"]
    } == names


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("limt = 3", 1, "limt: apigauge run has no such option; did you mean 'limit'?"),
        ("limit = 3\n\n# so many\n[matrix]\nseeed = [1]", 5, "seeed: apigauge run has no such option"),
        ("[matrix]\nmodel = ['constant:f']\nseed = [0,\n  'one',\n]", 4, "seed: expected a whole number, not 'one'"),
        ("[matrix]\nseed = 3", 2, "seed: expected a list of values, not 3"),
        ("[matrix]\nseed = []", 2, "seed: expected a list of values"),
        ("[matrix]\nseed = [\n 1,\n 2,\n 1]", 3, "seed: 1 stands twice"),
        ("seed = 1\n[matrix]\nseed = [1]", 3, "seed stands above [matrix] as well"),
        ("[matrix]\nworkers = [1, 2]", 2, "workers is of the sweep as a whole: write it above [matrix]"),
        ("json = true", 1, "json belongs to the command line"),
        ("[matrix]\nmodel = ['constant:f', 'hff:x']", 2, "--model 'hff:x': the forms are"),
        ("[matrix]\nbenchmark = ['minni']", 2, "minni"),
        ("benchmark = ['mini', 'mini']", 1, "benchmark: a cell has one; several are a list in [matrix]"),
        ("environment = 'pandas==2.3,pandas==3.0'", 1, "not separated by commas"),
        ("[matrix]\nsandbox = ['none', 'dokker']", 2, "'dokker' is none of auto, docker, process, none"),
        ("[matrix]\nseed = [1]\n[[exclude]]\nseed = 1\n[[exclude]]\nsed = 1", 6, "sed: apigauge run has no such option"),
        ("[matrix]\nseed = [1]\n[[exclude]]\nlimit = 1", 4, "exclude: limit is no axis of [matrix]"),
        ("[matrix]\nseed = [1]\n[[exclude]]\nseed = 2", 4, "exclude: seed: 2 is none of 1"),
        ("[matrix]\nseed = [1]\n[[exclude]]\nseed = 1", 3, "no cell is left"),
        ("[matrix]\nseed = [1]\n[[include]]\nlimit = 0", 4, "limit = 0: must be 1 or more"),
        ("exclude = 3", 1, "exclude: expected tables, each under [[exclude]]"),
        ("first = 'all'", 1, "first: expected a whole number, not 'all'"),
        ("seed = 1\nseed = 2", 2, "cannot be read as TOML: Cannot overwrite a value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text, line, message, tmp_path, capsys):
    file = tmp_path / "sweep.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert str(file) in said
    assert f"line {line}" in said
    assert not (tmp_path / "out").exists()


def test_names_are_those_of_folders_and_tell_cells_apart(sweep):
    long = "x" * 90
    text = FEW + f'[matrix]\nmodel = ["constant:a/b", "constant:a-b", "constant:{long}1", "constant:{long}2"]\n'
    text += f'system = ["{long}", "*"]\n'
    names = [one["cell"] for one in sweep(text, "--dry-run")[0]["cells"]]
    assert len({name.casefold() for name in names}) == 8
    assert all("/" not in name and len(name) < 200 for name in names)


def test_a_sweep_that_is_killed_at_any_instant_resumes_to_equal_runs(tmp_path):
    """Kills are spread over the sweep, in both passes; what was there stays and is not made again."""
    answers = tmp_path / "answers.jsonl"
    items = load_benchmark("mini").items
    with answers.open("w", encoding="utf-8") as file:
        for number, item in enumerate(items):
            for sample in range(2):
                other = items[(number + sample // 3) % len(items)]
                text = f"<<<api_call>>>: {other.reference_call}\n<<<code>>>: {other.reference_program}# {sample}"
                file.write(json.dumps({"item": item.id, "sample": sample, "text": text}) + "\n")
    text = 'benchmark = "mini"\nsandbox = "none"\nmetrics = ["ast.exact"]\nworkers = 1\nsite = "none"\n'
    text += f'[matrix]\nmodel = ["replay:{answers}", "constant:f(1)"]\nreasoning = ["strip", "keep"]\n'
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")

    def start(out):
        command = [sys.executable, "-m", "apigauge", "sweep", str(tmp_path / "sweep.toml"), "--out", str(out), "-q"]
        return subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)

    def scored(out):
        return sum(file.read_bytes().count(b"\n") for file in out.glob("*/scores.jsonl"))

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(whole)
    process.communicate()
    assert process.returncode == 0
    total = scored(whole)
    assert total == 2 * (2 * len(items) + len(items))
    draw = random.Random(23)
    for moment in (draw.randrange(1, 40), draw.randrange(60, 250)):
        process = start(killed)
        while scored(killed) < moment:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = {path: path.read_bytes().rpartition(b"\n")[0] for path in killed.glob("*/*.jsonl")}
        assert moment <= scored(killed) < total
    process = start(killed)
    result = json.loads(process.communicate()[0])
    assert (process.returncode, result["complete"]) == (0, 4)
    assert all(path.read_bytes().startswith(before) for path, before in kept.items())
    runs = sorted(path.parent.name for path in whole.glob("*/manifest.json"))
    assert len(runs) == 4
    for name in runs:
        assert content(whole / name) == content(killed / name)
