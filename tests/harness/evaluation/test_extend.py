"""A raised limit extends a run: only the missing items are answered, and the result is that of one run."""

import json

import pytest

from apigauge.__main__ import main
from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.constant import Constant

MODULES = ["ast_match", "rouge"]


class Counting(Constant):
    """A constant answer that records the items it answers."""

    def __init__(self):
        super().__init__("torch.topk(scores, k=3)")
        self.items = []

    def generate(self, benchmark, items, done=()):
        for completion in super().generate(benchmark, items, done):
            self.items.append(completion.item)
            yield completion


def files(run):
    return {name: (run / name).read_bytes() for name in ("generations.jsonl", "scores.jsonl", "summary.json")}


def test_an_extended_run_asks_the_missing_items_alone_and_equals_a_run_of_all(tmp_path, mini):
    model = Counting()
    evaluate(mini, model, tmp_path / "run", MODULES, limit=10)
    created = run_directory.read_manifest(tmp_path / "run")["created"]
    evaluate(mini, model, tmp_path / "run", MODULES, limit=20)
    summary = evaluate(mini, model, tmp_path / "run", MODULES)
    assert model.items == [item.id for item in mini.items]
    assert (summary["items"], summary["expected"]) == (56, 56)
    evaluate(mini, Counting(), tmp_path / "whole", MODULES)
    assert files(tmp_path / "run") == files(tmp_path / "whole")
    manifests = [run_directory.read_manifest(tmp_path / name) for name in ("run", "whole")]
    assert run_directory.differences(*manifests) == []
    assert manifests[0]["created"] == created


class Stopping(Constant):
    """Stops after some answers, as a process that is killed."""

    def __init__(self, stop):
        super().__init__("torch.topk(scores, k=3)")
        self.stop = stop

    def generate(self, benchmark, items, done=()):
        for number, completion in enumerate(super().generate(benchmark, items, done)):
            if number == self.stop:
                raise KeyboardInterrupt
            yield completion


def test_a_run_that_was_stopped_while_it_was_extended_is_not_reported_as_complete(tmp_path, mini, capsys):
    run = tmp_path / "run"
    evaluate(mini, Counting(), run, MODULES, limit=10)
    with pytest.raises(KeyboardInterrupt):
        evaluate(mini, Stopping(5), run, MODULES, limit=20)
    assert run_directory.read_manifest(run)["benchmark"]["items"] == 20
    assert main(["report", str(run), "--out", str(tmp_path / "site")]) == 4
    assert f"apigauge score {run}" in capsys.readouterr().err
    assert main(["runs", str(run), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["runs"]
    assert (entry["state"], entry["items"] < entry["expected"], entry["metrics"]) == ("partial", True, {})
    evaluate(mini, Counting(), run, MODULES, limit=20)
    evaluate(mini, Counting(), tmp_path / "whole", MODULES, limit=20)
    assert files(run) == files(tmp_path / "whole")


def test_a_lowered_limit_changes_nothing_and_says_how_to_resume(tmp_path, mini):
    evaluate(mini, Counting(), tmp_path, MODULES, limit=10)
    before = files(tmp_path) | {"manifest.json": (tmp_path / "manifest.json").read_bytes()}
    with pytest.raises(RunError, match=r"10 items, and 9 is fewer.*--limit 10 or more"):
        evaluate(mini, Counting(), tmp_path, MODULES, limit=9)
    assert files(tmp_path) | {"manifest.json": (tmp_path / "manifest.json").read_bytes()} == before


def test_a_raised_limit_does_not_hide_another_difference(tmp_path, mini):
    evaluate(mini, Counting(), tmp_path, MODULES, limit=10)
    with pytest.raises(RunError, match=r"generator\.spec") as error:
        evaluate(mini, open_generator("constant:f(1)"), tmp_path, MODULES, limit=20)
    assert "benchmark.items" not in str(error.value)
    assert run_directory.read_manifest(tmp_path)["benchmark"]["items"] == 10


def test_a_run_of_chosen_items_is_not_extended(tmp_path, mini):
    """A gate's budget is fixed before its first look."""
    evaluate(mini, Counting(), tmp_path, MODULES, limit=10, only=mini.items[5:7])
    with pytest.raises(RunError, match="a run of 10 items, and this one is of 20"):
        evaluate(mini, Counting(), tmp_path, MODULES, limit=20, only=mini.items[7:9])


def test_a_run_of_chosen_items_is_not_mixed_with_the_first_ones(tmp_path, mini):
    evaluate(mini, Counting(), tmp_path, MODULES, limit=10, only=mini.items[20:24])
    before = files(tmp_path)
    for limit in (10, 22):
        with pytest.raises(RunError, match=r"4 items that are not|2 items that are not"):
            evaluate(mini, Counting(), tmp_path, MODULES, limit=limit)
        with pytest.raises(RunError, match="that are not among the first"):
            generate(mini, Counting(), tmp_path, limit=limit)
    assert files(tmp_path) == before
    summary = evaluate(mini, Counting(), tmp_path, MODULES)
    assert (summary["items"], summary["expected"]) == (56, 56)


def test_answers_without_scores_are_extended_and_scored_alike(tmp_path, mini):
    assert generate(mini, Counting(), tmp_path / "run", limit=3) == 3
    assert generate(mini, Counting(), tmp_path / "run", limit=5) == 5
    summary = evaluate(mini, Counting(), tmp_path / "run", MODULES, limit=8)
    assert (summary["items"], summary["expected"]) == (8, 8)


def test_scored_responses_are_extended_by_the_command(tmp_path, mini, capsys):
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        "".join(json.dumps({"item": item.id, "text": item.reference_call}) + "\n" for item in mini.items)
    )
    score = ["score", "--benchmark", "mini", "--responses", str(answers), "--out", str(tmp_path / "run")]
    score += ["--metrics", "ast.exact", "--json"]
    for limit in (4, 9):
        assert main([*score, "--limit", str(limit)]) == 0
        assert json.loads(capsys.readouterr().out)["items"] == limit
    assert main([*score, "--limit", "5"]) == 4
    assert "--limit 9 or more" in capsys.readouterr().err


def test_the_gate_refuses_runs_of_unequal_limits(tmp_path, mini, capsys):
    evaluate(mini, Counting(), tmp_path / "long", MODULES, limit=20)
    evaluate(mini, Counting(), tmp_path / "short", MODULES, limit=10)
    assert main(["gate", str(tmp_path / "short"), "--baseline", str(tmp_path / "long")]) == 4
    assert "10" in capsys.readouterr().err
    evaluate(mini, Counting(), tmp_path / "short", MODULES, limit=20)
    assert main(["gate", str(tmp_path / "short"), "--baseline", str(tmp_path / "long")]) in (0, 3)


def test_the_date_of_a_run_is_written_in_utc(tmp_path, mini):
    from datetime import UTC, datetime

    before = datetime.now(UTC).replace(microsecond=0)
    evaluate(mini, Counting(), tmp_path, ["ast_match"], limit=1)
    created = datetime.fromisoformat(run_directory.read_manifest(tmp_path)["created"])
    assert before <= created <= datetime.now(UTC)
    assert created.utcoffset().total_seconds() == 0
