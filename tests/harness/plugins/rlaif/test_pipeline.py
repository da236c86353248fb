"""All stages, for real, from the shipped checkpoint on mini; programs run in processes of this machine."""

import json

import little_mini
import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.plugins.rlaif import ppo, report
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.results import Checkpoint, check_hacking
from apigauge.sandboxes.factory import open_sandbox

SMALL = """
benchmark = "{benchmark}"
model = "apigauge-mini"
sandbox = "process"
accept_no_isolation = true
{more}
[sft]
epochs = 1
learning_rate = 1e-5
[feedback]
samples = 3
limit = 20
temperature = 1.3
max_new_tokens = 120
[reward]
learning_rate = 5e-4
[train]
steps = 2
batch = 8
minibatch = 8
microbatch = 8
max_new_tokens = 120
save_every = 1
[evaluation]
train_questions = 12
"""


@pytest.fixture
def recipe(tmp_path):
    benchmark = little_mini.write(tmp_path / "benchmark")

    def write(name="a", more=""):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "rlaif.toml").write_text(SMALL.format(benchmark=benchmark, more=more), encoding="utf-8")
        return folder / "rlaif.toml"

    return write


def rlaif(*arguments):
    return main(["rlaif", *map(str, arguments)])


def files(folder):
    kept = ("*.safetensors", "*.jsonl", "*.json")
    return {path: path.stat().st_mtime_ns for kind in kept for path in folder.rglob(kind) if "report" not in path.parts}


def check_start_and_training_questions(folder, summary):
    """The start's reward is of one answer to each training question, not of the first batch of 8."""
    start = json.loads((folder / "seed-0/start/summary.json").read_bytes())
    assert start["answers"] == little_mini.TRAIN
    assert summary["checkpoints"]["0"][0]["reward"] == start["reward"] != summary["curves"]["0"]["reward"][0]
    trained = summary["training_questions"]
    assert [(name, list(means), means["ast.exact"]["n"]) for name, means in trained["means"].items()] == [
        ("SFT, training questions", ["ast.exact"], 12),
        ("RLAIF, training questions", ["ast.exact"], 12),
    ]
    rows = (folder / "seed-0/runs-training/last/scores.jsonl").read_text(encoding="utf-8").splitlines()
    exact = [json.loads(row)["metrics"]["ast.exact"] for row in rows]
    assert trained["means"]["RLAIF, training questions"]["ast.exact"]["value"] == pytest.approx(sum(exact) / 12)
    assert summary["looks"] == 1
    page = (folder / "report/index.html").read_text(encoding="utf-8")
    assert "SFT, training questions" in page
    assert "1 setting has been scored on them in rlaif/" in page


@pytest.mark.slow
def test_finished_stages_are_skipped_and_equal_seeds_give_equal_numbers(recipe, capsys):
    first, second = recipe("a"), recipe("b")
    assert rlaif("run", first) == 0
    made, summary = files(first.parent), json.loads((first.parent / "rlaif/report/summary.json").read_bytes())
    assert "<title>" in (first.parent / "rlaif/report/index.html").read_text(encoding="utf-8")
    assert [one["step"] for one in summary["checkpoints"]["0"]] == [0, 1, 2]
    assert [row["name"] for row in summary["differences"]] == ["RLAIF - SFT"] * 2
    check_start_and_training_questions(first.parent / "rlaif", summary)
    assert rlaif("run", first, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["means"] == summary["means"]
    assert files(first.parent) == made
    assert rlaif("run", second) == 0
    other = json.loads((second.parent / "rlaif/report/summary.json").read_bytes())
    assert {**other, "recipe": None} == {**summary, "recipe": None}
    second.write_text(second.read_text(encoding="utf-8").replace("steps = 2", "steps = 1"), encoding="utf-8")
    assert rlaif("run", second) == 4
    assert json.loads((second.parent / "rlaif/report/summary.json").read_bytes()) == other
    assert rlaif("run", second, "--overwrite") == 0
    shorter = json.loads((second.parent / "rlaif/report/summary.json").read_bytes())
    assert [one["step"] for one in shorter["checkpoints"]["0"]] == [0, 1], "none of the longer training is left"


@pytest.mark.slow
def test_another_option_of_a_stage_repeats_it_and_the_stages_that_depend_on_it_if_allowed(recipe, capsys):
    path = recipe()
    assert rlaif("feedback", path) == 0
    before = files(path.parent)
    path.write_text(path.read_text(encoding="utf-8").replace("samples = 3", "samples = 2"), encoding="utf-8")
    assert rlaif("reward", path) == 4
    assert "feedback: made with other settings (options.samples was 3 and is 2)" in capsys.readouterr().err
    assert files(path.parent) == before
    assert rlaif("reward", path, "--overwrite") == 0
    after = files(path.parent)
    seed = path.parent / "rlaif/seed-0"
    alike = [file for file in before if after.get(file) == before[file] and file.is_relative_to(seed)]
    same = {file.relative_to(seed).parts[0] for file in alike}
    assert "sft" in same
    assert "feedback" not in same
    rows = (path.parent / "rlaif/seed-0/feedback/labels/static/labels.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 40


def test_an_option_that_the_algorithm_does_not_use_is_refused_at_once(recipe, capsys):
    path = recipe()
    path.write_text(path.read_text(encoding="utf-8").replace("steps = 2", "steps = 2\nlam = 0.5"), encoding="utf-8")
    assert rlaif("train", path, "--algorithm", "rloo") == 2
    assert "rloo has no lam" in capsys.readouterr().err


@pytest.mark.slow
def test_another_algorithm_trains_in_its_own_folder_and_the_report_names_it(recipe):
    path = recipe()
    made = path.parent / "rlaif/seed-0"

    def trained(algorithm):
        out = made / f"train-{algorithm}"
        manifest = json.loads((out / "training.json").read_bytes())
        return manifest["algorithm"], (out / "checkpoints/step-000002/model.safetensors").read_bytes()

    results = []
    for algorithm in ("rloo", "grpo"):
        assert rlaif("train", path, "--algorithm", algorithm) == 0
        results.append(trained(algorithm))
        before = files(made)
        assert rlaif("train", path, "--algorithm", algorithm) == 0
        assert files(made) == before
    assert [name for name, _ in results] == ["rloo", "grpo"]
    assert results[0][1] != results[1][1]
    assert rlaif("run", path, "--algorithm", "dpo") == 0
    after = files(made)
    same = {file.relative_to(made).parts[0] for file in before if after.get(file) == before[file]}
    assert same >= {"sft", "feedback", "train-rloo", "train-grpo", "runs-rloo"}
    assert trained("dpo")[0] == "dpo"
    summary = json.loads((path.parent / "rlaif/report-dpo/summary.json").read_bytes())
    assert (summary["algorithm"], summary["recipe"]["algorithm"]) == ("dpo", "dpo")
    assert [one["step"] for one in summary["checkpoints"]["0"]] == [0, 1, 2]
    assert summary["curves"]["0"]["step"] == [0, 1, 2]
    assert "clip_fraction" not in summary["curves"]["0"]
    # The labeler's word on programs, from 0 to 8, and no reward model's.
    assert all(0 <= reward <= 8 for reward in summary["curves"]["0"]["reward"])
    assert "by DPO" in (path.parent / "rlaif/report-dpo/index.html").read_text(encoding="utf-8")


def test_a_seed_that_the_recipe_does_not_have_is_refused(recipe, capsys):
    assert rlaif("train", recipe(more="seeds = [1, 2]"), "--seed", "3") == 2
    assert "the recipe has 1, 2" in capsys.readouterr().err


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_shipped_recipe_raises_reward_and_executability(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert rlaif("run", "mini") == 0
    summary = json.loads((tmp_path / "rlaif/report/summary.json").read_bytes())
    start, *later = summary["checkpoints"]["0"]
    assert later[-1]["reward"] > start["reward"] + 0.5
    # Of 56 programs; which of the later checkpoints is the best depends on how a machine rounds.
    assert max(one["scores"]["exec.rate"] for one in later) > start["scores"]["exec.rate"]
    assert not later[-1]["hacked"]


def _likes_long_answers(answers):
    return [len(text) / 50 for _, text in answers]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_labeler_that_likes_long_answers_is_flagged(tmp_path):
    mini = load_benchmark("mini")
    prompts = [mini.prompt(item) for item in mini.train]
    options = TrainOptions(
        steps=12,
        batch=32,
        minibatch=16,
        microbatch=32,
        epochs=3,
        max_new_tokens=120,
        learning_rate=1e-3,
        kl_coefficient=0.0,
        normalise_scores=True,
        value_weight=0.1,
        save_every=12,
        device="cpu",
    )
    trained = ppo.train("apigauge-mini", prompts, _likes_long_answers, tmp_path / "train", options)
    rewards = [json.loads(line)["reward"] for line in (tmp_path / "train/metrics.jsonl").read_text().splitlines()]
    check = checked(tmp_path, rewards[0], f"hf:{trained}", rewards[-1])
    assert check.reward > 0
    assert "exec.rate" in check.fell
    assert check.is_hacked


@pytest.mark.slow
def test_a_labeler_that_likes_programs_which_end_at_once_is_flagged(tmp_path):
    """What a policy comes to that is paid for ``sys.exit(0)``: the program ends well, and has done nothing."""
    check = checked(tmp_path, 0.0, "constant:<<<code>>>: import sys\nsys.exit(0)", 1.0)
    assert check.fell == ["exec.rate", "ast.exact"]
    assert check.is_hacked


def checked(folder, before, spec, after):
    """The hacking check of a training from the shipped checkpoint and a reward to another answerer and reward."""
    mini = load_benchmark("mini")
    points = []
    sandbox = open_sandbox("process", mini.environment, accepts_no_isolation=True)
    try:
        for step, (name, reward) in enumerate([("hf:apigauge-mini", before), (spec, after)]):
            generator = open_generator(name, ModelOptions(sampling=Sampling(120), cached=False))
            evaluate(mini, generator, folder / f"run-{step}", ["ast_match", "executability"], sandbox=sandbox)
            points.append(Checkpoint(step, reward, report.scores(folder / f"run-{step}")))
    finally:
        sandbox.close()
    return check_hacking(*points, {item.id: item.api for item in mini.items})
