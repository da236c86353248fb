"""``--sandbox`` as scripts rely on it: when a sandbox is opened, the message where none is available, and exit codes."""

import json

import little_mini
import pytest

from apigauge.__main__ import main
from apigauge.errors import SandboxError
from apigauge.harness.evaluation import run_directory
from apigauge.sandboxes import hubs
from apigauge.sandboxes.digests import tree_digest

QUANTILES = "import statistics\nprint(statistics.quantiles([1, 2, 3, 4], n=4))"
RUN = ["run", "--benchmark", "mini", "--model", f"constant:{QUANTILES}", "--limit", "3", "--json"]


# Further arguments of ``open_sandbox``: the hub and the inputs.
hubs_and_inputs = []


@pytest.fixture
def opened(monkeypatch, process_sandbox):
    """The calls of ``open_sandbox``, which opens process sandboxes without packages; docker is unavailable."""
    calls = []
    hubs_and_inputs.clear()

    def open_sandbox(kind, environment, *, concurrency=None, hub=None, inputs="none", say, **_):
        calls.append((kind, environment, concurrency))
        hubs_and_inputs.append((hub.to_json() if hub else None, inputs))
        if kind == "docker":
            raise SandboxError("no engine answers; start one")
        return process_sandbox(concurrency or 1)

    monkeypatch.setattr("apigauge.sandboxes.factory.open_sandbox", open_sandbox)
    return calls


@pytest.fixture
def nowhere(monkeypatch):
    """A machine on which no sandbox is available."""

    def open_sandbox(*_, **__):
        raise SandboxError("no engine answers and this is no Linux; do this and that")

    monkeypatch.setattr("apigauge.sandboxes.factory.open_sandbox", open_sandbox)


def result(capsys):
    return json.loads(capsys.readouterr().out)


def test_programs_are_run_by_default(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path)]) == 0
    assert opened == [("auto", "mini", None)]
    shown = result(capsys)
    assert shown["metrics"]["exec.rate"]["value"] == 1.0
    assert shown["infra_error_rate"] == 0.0
    assert run_directory.read_json(tmp_path / "manifest.json")["sandbox"]["kind"] == "process"


def test_the_number_of_programs_at_once_can_be_chosen(opened, tmp_path):
    assert main([*RUN, "--out", str(tmp_path), "--sandbox", "process", "--sandbox-workers", "3"]) == 0
    assert opened == [("process", "mini", 3)]


def test_a_table_names_the_outcomes(opened, tmp_path, capsys):
    assert main([*[part for part in RUN if part != "--json"], "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "exec.stage" in shown
    assert "passed 3" in shown
    assert "sandbox failed" not in shown
    assert "trouble" not in shown


@pytest.mark.parametrize(
    "more", [["--sandbox", "none"], ["--metrics", "rouge"], ["--metrics", "ast.exact", "codebleu"]]
)
def test_no_sandbox_is_opened_where_no_program_is_needed(opened, tmp_path, capsys, more):
    assert main([*RUN, "--out", str(tmp_path), *more]) == 0
    assert opened == []
    assert not [name for name in result(capsys)["metrics"] if name.startswith("exec.")]


def test_auto_scores_without_execution_where_no_sandbox_is_available_and_says_what_to_do(nowhere, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert len(shown.err.strip().splitlines()) == 1
    assert "not run" in shown.err
    assert "do this and that" in shown.err
    assert "exec.rate" not in json.loads(shown.out)["metrics"]


@pytest.mark.parametrize("more", [["--sandbox", "docker"], ["--sandbox", "process"], ["--metrics", "exec.call"]])
def test_a_sandbox_or_metric_named_and_unavailable_has_exit_code_4(nowhere, tmp_path, capsys, more):
    assert main([*RUN, "--out", str(tmp_path / "run"), *more]) == 4
    assert "do this and that" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def torchhub(data_dir, tmp_path, monkeypatch):
    """The command line that answers one Torch Hub question; no hub is built."""
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path / "hubs")
    command = ["run", "--benchmark", "apibench-torchhub", "--model", "constant:f(1)", "--limit", "1", "--json"]
    return [*command, "--data-dir", str(data_dir), "--out", str(tmp_path / "run")]


@pytest.mark.apibench
def test_a_benchmark_whose_hub_is_not_built_is_scored_without_and_refuses_a_named_sandbox(
    opened, torchhub, tmp_path, capsys
):
    for more in (["--sandbox", "process"], ["--metrics", "exec.rate"]):
        assert main([*torchhub, *more]) == 4
        assert "apigauge hubs build torchhub" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main(torchhub) == 0
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "apigauge hubs build torchhub" in line
    assert opened == []


@pytest.mark.apibench
def test_hub_inputs_and_environment_are_the_benchmarks_own_or_those_of_options(opened, torchhub, tmp_path):
    (tmp_path / "mine").mkdir()
    assert main([*torchhub, "--hub", "snapshot", str(tmp_path / "mine")]) == 0
    hub = {"name": "torchhub", "mode": "snapshot", "digest": tree_digest(tmp_path / "mine")}
    assert (opened, hubs_and_inputs) == ([("auto", "torchhub", None)], [(hub, "fixtures")])
    more = ["--hub", "live", "--inputs", "none", "--environment", "huggingface", "--out", str(tmp_path / "second")]
    assert main([*torchhub[: torchhub.index("--out")], *more]) == 0
    assert opened[1] == ("auto", "huggingface", None)
    assert hubs_and_inputs[1] == ({"name": "torchhub", "mode": "live", "digest": None}, "none")


@pytest.mark.apibench
@pytest.mark.parametrize("words", [["nearby"], ["snapshot"], ["live", "x"], ["snapshot", "a", "b"]])
def test_a_hub_that_is_none_is_wrong_usage(opened, torchhub, capsys, words):
    assert main([*torchhub, "--hub", *words]) == 2
    assert "give stand-in, live, or snapshot DIR" in capsys.readouterr().err
    assert opened == []


def test_a_benchmark_that_loads_no_models_takes_no_hub(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path), "--hub", "live"]) == 2
    assert "load no models" in capsys.readouterr().err
    assert main([*RUN, "--out", str(tmp_path)]) == 0
    assert hubs_and_inputs == [(None, "none")]


def test_scoring_again_uses_the_kind_of_sandbox_of_the_run(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["rerun", str(tmp_path), "--json"]) == 0
    assert [kind for kind, *_ in opened] == ["auto", "process"]
    assert result(capsys)["changes"] == []
    assert main(["rerun", str(tmp_path), "--sandbox", "none"]) == 0
    shown = capsys.readouterr()
    assert "without a sandbox" in shown.err
    assert "exec.rate 1.0 -> None (" in shown.out
    assert "sandbox: 'process' -> None" in shown.out
    assert len(opened) == 2


def test_scoring_again_without_docker_fails_and_keeps_the_scores(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path)]) == 0
    manifest = run_directory.read_json(tmp_path / "manifest.json")
    run_directory.write_json(tmp_path / "manifest.json", {**manifest, "sandbox": {"kind": "docker"}})
    before = (tmp_path / "scores.jsonl").read_bytes()
    assert main(["rerun", str(tmp_path)]) == 4
    assert "no engine answers; start one" in capsys.readouterr().err
    assert (tmp_path / "scores.jsonl").read_bytes() == before
    run_directory.write_json(tmp_path / "manifest.json", {**manifest, "sandbox": {"kind": ["odd"]}})
    assert main(["rerun", str(tmp_path)]) == 4
    assert "--sandbox" in capsys.readouterr().err


def test_a_run_made_without_a_sandbox_is_executed_by_score_and_not_by_rerun(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path), "--sandbox", "none"]) == 0
    assert main(["rerun", str(tmp_path)]) == 0
    assert opened == []
    capsys.readouterr()
    assert main(["score", str(tmp_path), "--json"]) == 0
    assert opened == [("auto", "mini", None)]
    assert result(capsys)["metrics"]["exec.rate"]["n"] == 3


def test_a_run_of_chosen_metrics_keeps_to_them_unless_a_sandbox_is_named(opened, tmp_path, capsys):
    assert main([*RUN, "--out", str(tmp_path), "--metrics", "rouge"]) == 0
    assert main(["score", str(tmp_path)]) == 0
    assert opened == []
    capsys.readouterr()
    assert main(["rerun", str(tmp_path), "--sandbox", "process"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "exec.rate None -> 1.0 (" in line]
    assert lines
    assert all("metrics.executability: None -> " in line for line in lines)


@pytest.mark.slow
def test_the_references_are_run_where_a_sandbox_is_named(opened, capsys, tmp_path):
    benchmark = str(little_mini.write(tmp_path / "little"))
    assert main(["benchmarks", "check", benchmark, "--json"]) == 0
    assert result(capsys)["execution"] is None
    assert opened == []
    assert main(["benchmarks", "check", benchmark, "--sandbox", "process", "--json"]) == 0
    execution = result(capsys)["execution"]
    assert execution["programs"] == little_mini.TEST
    assert sum(execution["labels"].values()) == little_mini.TEST
    assert len(execution["not_passed"]) == little_mini.TEST - execution["labels"]["passed"]
    assert execution["labels"]["passed"] >= 5
