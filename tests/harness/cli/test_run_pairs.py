"""Several benchmarks and models in one command, repeated options, and wrong names."""

import json

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation import constant
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.prompts import Prompting, render
from apigauge.harness.metrics.registry import modules_for
from apigauge.sandboxes import environments, hubs

FEW = ["--limit", "2", "--metrics", "ast.exact"]


def folders(path):
    return sorted(child.name for child in path.iterdir())


def test_every_model_answers_every_benchmark_and_the_rest_runs_where_one_pair_fails(tmp_path, capsys):
    """APIBench's files are not in this folder of data."""
    run = ["run", "--benchmark", "apibench-torchhub", "mini", "--model", "constant:f(1)", "retrieval:bm25"]
    assert main([*run, *FEW, "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]) == 4
    shown = capsys.readouterr()
    runs = json.loads(shown.out)["runs"]
    pairs = [(one["benchmark"], one["model"]) for one in runs]
    assert pairs == [(b, m) for m in ("constant:f(1)", "retrieval:bm25") for b in ("apibench-torchhub", "mini")]
    assert ["error" in one for one in runs] == [True, False, True, False]
    assert "benchmarks fetch" in runs[0]["error"]
    assert runs[1]["items"] == 2
    assert "2 of 4 runs failed" in shown.err
    assert folders(tmp_path / "out") == ["mini-constant-f-1", "mini-retrieval-bm25"]
    assert runs[3]["run"] == str(tmp_path / "out" / "mini-retrieval-bm25")


def test_options_may_be_repeated_or_hold_several_and_a_model_that_fails_stops_no_other(tmp_path, capsys):
    run = ["generate", "--benchmark", "mini", "--benchmark", "mini", "--limit", "2", "--json"]
    run += ["--model", f"replay:{tmp_path / 'missing.jsonl'}", "--model", "constant:f(1)"]
    assert main([*run, "--out", str(tmp_path)]) == 4
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [one.get("answers") for one in runs] == [None, 2]
    assert "missing.jsonl" in runs[0]["error"]


def test_a_single_pair_has_the_folder_and_the_json_of_a_single_run(tmp_path, capsys):
    run = ["run", "--benchmark", "mini", "--model", "constant:f(1)", *FEW, "--out", str(tmp_path / "run"), "--json"]
    assert main(run) == 0
    assert set(json.loads(capsys.readouterr().out)) == {
        "run",
        "items",
        "expected",
        "metrics",
        "unfinished",
        "usage",
        "samples",
        "infra_error_rate",
    }
    assert (tmp_path / "run" / "manifest.json").is_file()


def test_several_runs_go_into_runs_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--benchmark", "mini", "--model", "constant:f(1)", "constant:g(1)", *FEW]) == 0
    assert folders(tmp_path / "runs") == ["mini-constant-f-1", "mini-constant-g-1"]


@pytest.mark.apibench
def test_one_opened_model_serves_all_benchmarks_and_each_run_has_its_own_problems(tmp_path, monkeypatch, data_dir):
    opened = []

    def open_counted(argument, _options):
        opened.append(constant.Constant(argument))
        return opened[-1]

    monkeypatch.setattr(constant, "open_generator", open_counted)
    run = ["run", "--benchmark", "mini", "apibench-torchhub", "--model", "constant:f(1)", *FEW]
    assert main([*run, "--data-dir", str(data_dir), "--out", str(tmp_path)]) == 0
    assert len(opened) == 1
    assert len(folders(tmp_path)) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--benchmark", "minni", "--model", "constant:f(1)"], "did you mean 'mini'?"),
        (["--benchmark", "mini", "--model", "constnat:f(1)"], "did you mean 'constant'?"),
        (["--benchmark", "mini", "--model", "retrieval:bm52"], "did you mean 'bm25'?"),
        (["--benchmark", "mini", "--model", "constant:f(1)", "--metrics", "rogue.1"], "did you mean 'rouge.1'?"),
        (["--model", "constant:f(1)"], "--benchmark is missing"),
        (["--benchmark", "mini"], "--model is missing"),
        (["--model", "constant:f(1)", "--benchmark", "mini", "run.toml"], "stands before all options"),
    ],
)
def test_a_wrong_name_stops_the_command_before_anything_runs(tmp_path, capsys, more, message):
    assert main(["run", *more, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_wrong_benchmark_among_several_stops_the_command(tmp_path, capsys):
    run = ["run", "--benchmark", "mini", "minni", "--model", "constant:f(1)", "--out", str(tmp_path / "out")]
    assert main(run) == 2
    assert "did you mean 'mini'?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["score", "--benchmark", "mini", "--benchmark", "mini"],
        ["score", "--responses", "a", "--responses", "b"],
        ["run", "--limit", "1", "--limit", "2"],
        ["run", "--metrics", "rouge", "--metrics", "codebleu"],
        ["gate", "x", "--baseline", "a", "--baseline", "b"],
        ["benchmarks", "check", "mini", "--sandbox", "none", "--sandbox", "none"],
    ],
)
def test_an_option_of_one_value_is_not_given_twice(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    assert "is given twice" in capsys.readouterr().err


def test_wrong_choices_and_commands_come_with_the_nearest_right_one(capsys):
    for command, nearest in ((["run", "--retriever", "orcale"], "oracle"), (["raport"], "report")):
        with pytest.raises(SystemExit) as stopped:
            main(command)
        assert stopped.value.code == 2
        assert f"did you mean {nearest!r}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("use", "nearest"),
    [
        (lambda: load_benchmark("apibench-torch-hub"), "apibench-torchhub"),
        (lambda: open_generator("OpenAI:gpt"), "openai"),
        (lambda: modules_for(["ast_exact"]), "ast.exact"),
        (lambda: environments.load("hugging-face"), "huggingface"),
        (lambda: hubs.check_name("torch_hub"), "torchhub"),
        (lambda: render(load_benchmark("mini"), [], Prompting("chat", "bm-25"), "chat", None), "bm25"),
    ],
)
def test_a_wrong_name_comes_with_the_nearest_right_one(use, nearest):
    with pytest.raises(UsageError, match=rf"did you mean '{nearest}'\?$"):
        use()


def test_nothing_is_suggested_for_a_name_that_is_near_to_none():
    assert did_you_mean("perplexity", ["rouge.1", "ast.exact"]) == ""
    assert did_you_mean("x", []) == ""


def test_a_command_after_another_starts_anew(tmp_path):
    """What one command line has must not count for the next one in the same process."""
    for name in ("a", "b"):
        run = ["run", "--benchmark", "mini", "--model", "constant:f(1)", *FEW, "--out", str(tmp_path / name)]
        assert main(run) == 0
    assert run_directory.read_summary(tmp_path / "b")["items"] == 2
