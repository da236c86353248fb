"""``score RUN --metrics`` and ``rerun RUN --metrics`` touch the named metrics alone; answers from standard input."""

import io
import json
import shutil
import sys
from types import SimpleNamespace

import pytest

from apigauge.__main__ import main
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.metrics.table import STATIC

PROGRAM = "constant:import statistics\nprint(statistics.quantiles([1, 2, 3, 4], n=4))"
FILES = ("generations.jsonl", "scores.jsonl", "summary.json")


@pytest.fixture
def run(tmp_path, mini, process_sandbox):
    """A run of three items with all scores; programs ran."""
    evaluate(mini, open_generator(PROGRAM), tmp_path / "run", list(STATIC), limit=3, sandbox=process_sandbox())
    return tmp_path / "run"


def contents(run):
    return {name: (run / name).read_bytes() for name in FILES}


def without_evidence(run):
    """A run's scores without what differs each time a program runs: its memory and time."""
    rows = run_directory.read_scores(run)
    return [row | {"verdict": row["verdict"] | {"evidence": None}} for row in rows]


def edit_manifest(run, **entries):
    run_directory.write_json(run / "manifest.json", run_directory.read_manifest(run) | entries)


def edit_scores(run, edit):
    rows = run_directory.read_scores(run)
    for row in rows:
        edit(row)
    (run / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("command", ["score", "rerun"])
def test_scoring_one_metric_anew_leaves_every_other_byte_alone(run, command):
    before, manifest = contents(run), run_directory.read_manifest(run)
    assert main([command, str(run), "--metrics", "rouge.1", "--json"]) == 0
    assert contents(run) == before
    after = run_directory.read_manifest(run)
    assert after["metrics"] == manifest["metrics"]
    assert list(after["metrics"]) == list(manifest["metrics"])
    assert after["sandbox"] == manifest["sandbox"]
    assert after["created"] == manifest["created"]


def test_only_the_named_metric_is_scored_anew(run, capsys):
    rouge = {row["item"]: row["metrics"]["rouge.1"] for row in run_directory.read_scores(run)}

    def edit(row):
        row["metrics"] |= {"rouge.1": 0.25, "codebleu": 0.25, "exec.rate": 0.25, "plugin.metric": 1.0}
        row["labels"]["plugin.metric"] = "kept"
        row["messages"]["plugin.metric"] = "a message"

    edit_scores(run, edit)
    versions = run_directory.read_manifest(run)["metrics"]
    edit_manifest(run, metrics=versions | {"codebleu": "an older one", "plugin": "1"})
    assert main(["rerun", str(run), "--metrics", "rouge", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {change["metric"] for change in changes} == {"rouge.1"}
    for row in run_directory.read_scores(run):
        assert row["metrics"]["rouge.1"] == rouge[row["item"]]
        assert (row["metrics"]["codebleu"], row["metrics"]["exec.rate"], row["metrics"]["plugin.metric"]) == (
            0.25,
            0.25,
            1,
        )
        assert (row["labels"]["plugin.metric"], row["messages"]["plugin.metric"]) == ("kept", "a message")
        assert row["verdict"]["status"] == "passed"
    manifest = run_directory.read_manifest(run)
    assert manifest["metrics"] == versions | {"codebleu": "an older one", "plugin": "1"}
    assert manifest["sandbox"]["kind"] == "process"


def test_metrics_are_added_one_by_one_to_answers(tmp_path, mini, monkeypatch, process_sandbox):
    monkeypatch.setattr("apigauge.sandboxes.factory.open_sandbox", lambda *_, **__: process_sandbox())
    run = tmp_path / "run"
    generate(mini, open_generator(PROGRAM), run, limit=3)
    for names in (["rouge"], ["exec.rate"], ["ast.exact", "ast.gorilla"], ["codebleu", "codebleu.corrected"]):
        assert main(["score", str(run), "--metrics", *names]) == 0
    evaluate(mini, open_generator(PROGRAM), tmp_path / "whole", list(STATIC), limit=3, sandbox=process_sandbox())
    added, together = (without_evidence(path) for path in (run, tmp_path / "whole"))
    assert added == together
    assert [list(row["metrics"]) for row in added] == [list(row["metrics"]) for row in together]
    assert (run / "summary.json").read_bytes() == (tmp_path / "whole" / "summary.json").read_bytes()
    manifests = [run_directory.read_manifest(path) for path in (run, tmp_path / "whole")]
    assert run_directory.differences(*manifests) == []


def test_a_run_of_fewer_metrics_gains_executed_ones_by_rerun(tmp_path, mini, monkeypatch, process_sandbox):
    monkeypatch.setattr("apigauge.sandboxes.factory.open_sandbox", lambda *_, **__: process_sandbox())
    evaluate(mini, open_generator(PROGRAM), tmp_path, ["rouge"], limit=2)
    assert main(["rerun", str(tmp_path), "--metrics", "exec.rate"]) == 0
    metrics = run_directory.read_summary(tmp_path)["metrics"]
    assert metrics["exec.rate"]["value"] == 1
    assert "rouge.1" in metrics


@pytest.mark.parametrize(
    ("entry", "value"),
    [("extraction", "an older extraction"), ("benchmark", {"name": "mini", "digest": "0" * 64, "items": 3})],
)
def test_scores_of_another_extraction_or_data_are_not_mixed_with_new_ones(run, capsys, entry, value):
    edit_manifest(run, **{entry: value})
    before = contents(run)
    assert main(["score", str(run), "--metrics", "rouge"]) == 4
    message = capsys.readouterr().err
    assert f"apigauge rerun {run}" in message
    assert "codebleu" in message
    assert entry in message
    assert contents(run) == before
    assert main(["score", str(run), "--sandbox", "none"]) == 0


def test_scores_are_not_added_to_a_run_that_was_stopped_while_it_was_scored(run, capsys):
    """The unscored answer would get a row without the other scores, and resuming would skip it."""
    whole = (run / "scores.jsonl").read_bytes()
    (run / "scores.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    before = contents(run)
    assert main(["score", str(run), "--metrics", "rouge"]) == 4
    message = capsys.readouterr().err
    assert "1 of its answers have no scores yet" in message
    assert f"`apigauge score {run}`" in message
    assert contents(run) == before
    assert main(["score", str(run), "--sandbox", "none"]) == 0
    assert {metric["n"] for metric in run_directory.read_summary(run)["metrics"].values()} == {3}
    assert main(["score", str(run), "--metrics", "rouge"]) == 0


@pytest.mark.parametrize("writes", [1, 2])
def test_a_run_that_was_killed_while_its_scores_were_replaced_has_no_wrong_version(run, tmp_path, monkeypatch, writes):
    """The first write announces the new scores; the second one has their versions."""
    edit_manifest(run, metrics=run_directory.read_manifest(run)["metrics"] | {"ast_match": "an older one"})
    shutil.copytree(run, tmp_path / "baseline")
    write, count = run_directory.write_json, iter(range(1, 9))

    def killed(path, value):
        if next(count) == writes:
            raise KeyboardInterrupt
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "write_json", killed)
        main(["rerun", str(run), "--sandbox", "none"])
    gate = ["gate", str(run), "--baseline", str(tmp_path / "baseline"), "--metric", "ast.exact:0.99"]
    assert main(gate) == (0 if writes == 1 else 4)  # before the first write, all is as it was
    assert main(["report", str(run), "--out", str(tmp_path / "site")]) == 4
    assert main(["rerun", str(run)]) == 0
    manifest = run_directory.read_manifest(run)
    assert not any("interrupted" in version or version == "an older one" for version in manifest["metrics"].values())
    assert main(["report", str(run), "--out", str(tmp_path / "site")]) == 0


def test_without_names_all_is_scored_anew_and_what_is_not_measured_is_gone(run, capsys):
    assert main(["rerun", str(run), "--sandbox", "none"]) == 0
    assert "exec.* is left out" in capsys.readouterr().err
    assert "exec.rate" not in run_directory.read_summary(run)["metrics"]
    assert run_directory.read_manifest(run)["sandbox"] is None


def test_a_run_without_date_stays_without(run):
    manifest = run_directory.read_manifest(run)
    del manifest["created"]
    run_directory.write_json(run / "manifest.json", manifest)
    assert main(["score", str(run), "--metrics", "rouge"]) == 0
    assert "created" not in run_directory.read_manifest(run)


# The first is the wording of older runs.
@pytest.mark.parametrize("words", ["through the sandbox's own {}".format("trouble"), "because the sandbox failed"])
def test_a_problem_of_the_former_scoring_goes_with_it(run, words):
    summary = run_directory.read_summary(run)
    summary["problems"] = [
        "answers.jsonl, line 3: not JSON",
        f"1 of 3 programs could not be run {words}, more than 1%: exec.* is withheld. `apigauge sandbox doctor`",
    ]
    run_directory.write_json(run / "summary.json", summary)
    assert main(["score", str(run), "--metrics", "rouge"]) == 0
    assert run_directory.read_summary(run)["problems"] == ["answers.jsonl, line 3: not JSON"]


@pytest.fixture
def standard_input(monkeypatch, mini):
    """Puts answers on standard input."""

    def put(text="f(1)"):
        lines = "".join(json.dumps({"item": item.id, "text": text}) + "\n" for item in mini.items[:5])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines.encode())))

    return put


def test_answers_come_from_standard_input_and_the_run_is_resumed_by_the_same_ones(standard_input, tmp_path, capsys):
    score = ["score", "--benchmark", "mini", "--responses", "-", "--out", str(tmp_path / "run"), "--metrics", "rouge"]
    standard_input()
    assert main([*score, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 5
    text = (tmp_path / "run" / "manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    generator = json.loads(text)["generator"]
    assert (generator["spec"], generator["kind"], len(generator["digest"])) == ("replay:-", "replay", 64)
    before = contents(tmp_path / "run")
    standard_input()
    assert main(score) == 0
    assert contents(tmp_path / "run") == before
    standard_input("g(1)")
    assert main(score) == 4
    assert "generator.digest" in capsys.readouterr().err


def test_replayed_standard_input_that_answers_nothing_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"item": "no-such", "text": "f(1)"}\n')))
    run = ["run", "--benchmark", "mini", "--model", "replay:-", "--out", str(tmp_path / "run"), "--metrics", "rouge"]
    assert main(run) == 4
    assert "standard input, line 1" in capsys.readouterr().err
