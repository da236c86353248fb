"""All stages with a very small new model: settings are chosen on validation questions, then scored on the test's."""

import json

import pytest

from apigauge.__main__ import main

TINY = """
benchmark = "mini"
sandbox = "process"
accept_no_isolation = true
learn_from = "labeler"
labeler = "oracle"
shuffle_rewards = true
[base]
vocabulary = 300
layers = 1
width = 16
heads = 1
[sft]
epochs = 1
[train]
steps = 2
batch = 4
minibatch = 4
microbatch = 4
max_new_tokens = 8
save_every = 1
device = "cpu"
[evaluation]
validation = 0.2
questions = "{questions}"
train_questions = 8
"""


def run(folder, *arguments, questions, more=""):
    (folder / "rlaif.toml").write_text(TINY.format(questions=questions) + more, encoding="utf-8")
    code = main(["rlaif", "run", str(folder / "rlaif.toml"), *arguments])
    return code, folder / "rlaif"


def read(path):
    return json.loads(path.read_bytes())


@pytest.mark.slow
def test_settings_are_chosen_without_a_look_at_the_test_questions(tmp_path, capsys):
    """A fix could be wrong by training again for the final score, or by scoring test questions on the way."""
    code, out = run(tmp_path, questions="validation")
    assert code == 0
    chosen = read(out / "report-validation/summary.json")
    assert chosen["benchmark"] == "mini, validation part"
    assert (chosen["looks"], (out / "looks.jsonl").exists()) == (0, False)
    held_out = chosen["means"]["SFT"]["ast.exact"]["n"]
    assert 0 < held_out < 224 // 5 + 1
    start = read(out / "seed-0/start/summary.json")
    assert start["answers"] == 224 - held_out
    assert chosen["checkpoints"]["0"][0]["reward"] == start["reward"] != chosen["curves"]["0"]["reward"][0]
    names = ["SFT, training questions", "RLAIF, training questions"]
    assert {name: means["ast.exact"]["n"] for name, means in chosen["training_questions"]["means"].items()} == (
        dict.fromkeys(names, 8)
    )
    weights = {path: path.stat().st_mtime_ns for path in (out / "seed-0").rglob("*.safetensors")}

    code, out = run(tmp_path, questions="test")
    assert code == 0
    final = read(out / "report/summary.json")
    assert {path: path.stat().st_mtime_ns for path in (out / "seed-0").rglob("*.safetensors")} == weights
    assert (final["looks"], final["means"]["SFT"]["ast.exact"]["n"]) == (1, 56)
    assert [point["step"] for point in final["checkpoints"]["0"]] == [0, 2], "the last checkpoint alone"
    assert not (out / "seed-0/runs/step-000001").exists()
    page = (out / "report/index.html").read_text(encoding="utf-8")
    for text in (
        *names,
        "1 setting has been scored on them in rlaif/",
        "the labeler knows the references",
        "at random",
    ):
        assert text in page

    before = (out / "report/summary.json").read_bytes()
    capsys.readouterr()
    (tmp_path / "rlaif.toml").write_text(TINY.format(questions="test").replace("steps = 2", "steps = 1"), "utf-8")
    assert main(["rlaif", "run", str(tmp_path / "rlaif.toml")]) == 4
    assert "train: made with other settings (options.steps was 2 and is 1)" in capsys.readouterr().err
    assert (out / "report/summary.json").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in (out / "seed-0").rglob("*.safetensors")} == weights
    assert main(["rlaif", "run", str(tmp_path / "rlaif.toml"), "--overwrite"]) == 0
    shorter = read(out / "report/summary.json")
    assert ([point["step"] for point in shorter["checkpoints"]["0"]], shorter["looks"]) == ([0, 1], 2)


READING = """
[feedback]
samples = 2
limit = 6
max_new_tokens = 8
"""


def test_the_control_of_rejection_sampling_with_a_policy_that_reads_the_catalogue(tmp_path):
    """The prompts of each stage have the calls; the labeler's and the next model's questions do not."""
    text = TINY.format(questions="validation").replace("shuffle_rewards = true", 'retriever = "bm25-calls"') + READING
    text = text.replace("heads = 1", "heads = 1\ncontext = 1024").replace("epochs = 1", "epochs = 1\nsave_every = 10")
    text = text.replace("validation = 0.2", 'validation = 0.05\nsplit = "question"')
    (tmp_path / "rlaif.toml").write_text(text, encoding="utf-8")
    assert main(["rlaif", "run", str(tmp_path / "rlaif.toml"), "--algorithm", "rejection"]) == 0
    seed = tmp_path / "rlaif/seed-0"
    for run in ("feedback/answers", "runs-validation/sft", "runs-validation-rejection/step-000002"):
        assert read(seed / run / "manifest.json")["generator"]["retriever"] == "bm25-calls"
    for stage in ("sft", "feedback", "train-rejection"):
        assert read(seed / stage / "stage.json")["inputs"]["retriever"] == "bm25-calls"
    assert not (seed / "sft/.progress").exists()
    summary = read(tmp_path / "rlaif/report-validation-rejection/summary.json")
    assert (summary["algorithm"], summary["looks"]) == ("rejection", 0)
    assert summary["curves"]["0"]["step"] == [0, 1, 2]
    assert all(0 <= reward <= 8 for reward in summary["curves"]["0"]["reward"])
    page = (tmp_path / "rlaif/report-validation-rejection/index.html").read_text(encoding="utf-8")
    assert "best of n" in page
