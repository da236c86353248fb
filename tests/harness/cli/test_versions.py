"""One set of answers in several environments: a run for each, and what broke where."""

import json
import shutil

import pytest

from apigauge.__main__ import main
from apigauge.harness.cli.versions import folder_names
from apigauge.sandboxes import environments

HEAD = "import math, os, warnings\n"
# What each answer does in the environments `old` and `new`.
ANSWERS = {
    "works": "x = 1",
    "breaks": "x = 1 if os.environ['FLAVOUR'] == 'old' else 2",
    "gone": "assert os.environ['FLAVOUR'] == 'old', 'removed'\nx = 1",
    "warns": "x = 1\nif os.environ['FLAVOUR'] == 'old': warnings.warn('going', DeprecationWarning)",
    "wrong": "x = 3",
}
ISOLATED = ["--sandbox", "process", "--accept-no-isolation", "--sandbox-workers", "1"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A benchmark, answers to it, and two environments that differ in a variable."""
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        shutil.copytree(environments.FOLDER / "python", tmp_path / "envs" / name)
        settings = {"preload": [], "variables": {"FLAVOUR": name}, "debian": []}
        (tmp_path / "envs" / name / "environment.json").write_text(json.dumps(settings), encoding="utf-8")
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "benchmark.toml").write_text(
        'name = "bench"\nversion = "1-A"\nenvironment = "python"\n', encoding="utf-8"
    )
    (folder / "catalogue.jsonl").write_text('{"api_call": "math.hypot(x, y)"}\n', encoding="utf-8")
    item = {"api_call": "math.hypot(x, y)", "instruction": "?", "tests": "assert x == 1", "program": ANSWERS["breaks"]}
    write(folder / "items.jsonl", [{"id": name, **item, "program": HEAD + item["program"]} for name in ANSWERS])
    answers = [{"item": name, "text": f"```python\n{HEAD}{text}\n```"} for name, text in ANSWERS.items()]
    write(tmp_path / "answers.jsonl", answers)
    return tmp_path


def write(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def run(*more):
    return main(
        [
            "run",
            "--benchmark",
            "bench",
            "--model",
            "replay:answers.jsonl",
            "--out",
            "runs",
            "--metrics",
            "exec.correct",
            *ISOLATED,
            "--environment",
            "envs/old,envs/new",
            *more,
        ]
    )


def test_answers_are_scored_in_each_environment_and_what_broke_is_named(here, capsys):
    check = ["benchmarks", "check", "bench", *ISOLATED, "--environment", "envs/old,envs/new", "--json"]
    assert main(check) == 0
    checked = json.loads(capsys.readouterr().out)["environments"]
    assert [one["environment"] for one in checked] == ["envs/old", "envs/new"]
    assert [one["execution"]["metrics"]["exec.correct"] for one in checked] == [1.0, 0.0]
    assert run() == 0
    shown = capsys.readouterr().out
    assert "answers that work in one and not in another: 2" in shown
    assert "  item breaks\n    envs/old: correct\n    envs/new: tests/failed: tests, line 1 (`assert x == 1`)" in shown
    assert "    envs/new: failed/assertion: AssertionError: removed" in shown
    assert "with a deprecation warning: 1\n  item warns\n    envs/old: correct: DeprecationWarning, line" in shown
    texts = [(here / "runs" / name / "generations.jsonl").read_text(encoding="utf-8") for name in ("old", "new")]
    assert texts[0] == texts[1]
    manifests = [json.loads((here / "runs" / name / "manifest.json").read_bytes()) for name in ("old", "new")]
    assert manifests[0]["generator"] == manifests[1]["generator"]
    assert [one["sandbox"]["environment_source"] for one in manifests] == ["envs/old", "envs/new"]
    # Again from the runs alone, and again after a resumed run.
    assert main(["compare", "runs", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out)["drift"] == result | {"versions": result["versions"][::-1]} | {
        kind: [one | {"outcomes": one["outcomes"][::-1]} for one in result[kind]] for kind in ("broken", "deprecated")
    }
    new, old = result["versions"]
    assert (old["correct"], old["ceiling"], old["ran"], old["deprecated"]) == (0.8, 1.0, 1.0, 0.2)
    assert (new["correct"], new["ceiling"], new["ran"], new["deprecated"]) == (0.4, 0.0, 0.8, 0.0)
    assert (old["broken"], new["broken"]) == (0, 2)
    # The environment is found again.
    assert main(["rerun", "runs/new"]) == 0
    assert "0 scores changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "runs"], "compare runs: give another run"),
        (["run", "--sandbox", "none"], "leave out --sandbox none"),
        (["rerun", "x", "--environment", "a,b"], "a run is scored in one environment"),
    ],
)
def test_what_several_environments_are_not_for_is_refused(here, arguments, message, capsys):
    if arguments[0] == "run":
        arguments = [*arguments, "--benchmark", "bench", "--model", "replay:answers.jsonl", "--environment", "a,b"]
    assert main([*arguments]) == 2
    assert message in capsys.readouterr().err


def test_other_answers_are_not_compared(here, capsys):
    assert run() == 0
    rows = [json.loads(line) for line in (here / "runs" / "new" / "generations.jsonl").read_text().splitlines()]
    rows[1]["text"] = "other"
    write(here / "runs" / "new" / "generations.jsonl", rows)
    capsys.readouterr()
    assert main(["compare", "runs"]) == 2
    assert "hold other answers to item breaks" in capsys.readouterr().err


def test_items_run_in_environments_of_their_own(here, capsys):
    rows = [json.loads(line) for line in (here / "bench" / "items.jsonl").read_text().splitlines()]
    shutil.move(here / "envs" / "old", here / "bench" / "old")
    shutil.move(here / "envs" / "new", here / "bench" / "new")
    settings = (here / "bench" / "benchmark.toml").read_text().replace('"python"', '"new"')
    (here / "bench" / "benchmark.toml").write_text(settings)
    write(here / "bench" / "items.jsonl", [rows[1] | {"environment": "old"}, rows[2]])
    capsys.readouterr()
    arguments = ["run", "--benchmark", "bench", "--model", "replay:answers.jsonl", "--out", "runs", *ISOLATED]
    assert main([*arguments, "--metrics", "exec.correct", "--json"]) == 0
    scores = [json.loads(line) for line in (here / "runs" / "scores.jsonl").read_text().splitlines()]
    assert [row["labels"]["exec.correct"] for row in scores] == ["correct", "not_run"]
    sandbox = json.loads((here / "runs" / "manifest.json").read_bytes())["sandbox"]
    assert sandbox["environment"] == "new"
    assert sandbox["environments"] == {"old": environments.read(here / "bench" / "old").lock_digest[:12]}
    assert "environment_source" not in sandbox
    capsys.readouterr()
    assert main(["rerun", "runs"]) == 0
    assert "0 scores changed" in capsys.readouterr().err


def test_folders_are_named_after_environments():
    names = folder_names(["pandas==2.3", "pandas==3.1 numpy==2", "envs/old/", "other/old", "=="])
    assert names == ["pandas-2.3", "pandas-3.1-numpy-2", "old", "old-2", "environment"]
