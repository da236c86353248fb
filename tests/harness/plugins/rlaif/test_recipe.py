"""The contents of a recipe."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif import recipe
from apigauge.harness.plugins.rlaif.options import TrainOptions


def vars_of(one):
    return [(field.name, getattr(one, field.name)) for field in fields(one)]


def written(folder, text):
    (folder / "rlaif.toml").write_text(text, encoding="utf-8")
    return folder / "rlaif.toml"


def test_a_table_sets_options_of_a_stage_and_the_rest_have_their_defaults(tmp_path):
    text = 'benchmark = "mini"\nseeds = [3, 4]\nout = "made"\n[train]\nsteps = 7\nkl_coefficient = 1\nstop_kl = 0.5\n'
    training = recipe.read(written(tmp_path, text))
    assert (training.benchmark, training.seeds, training.out) == ("mini", (3, 4), tmp_path / "made")
    assert (training.train.steps, training.train.kl_coefficient, training.train.stop_kl) == (7, 1.0, 0.5)
    assert training.train.batch == type(training.train)().batch
    assert training.sft == type(training.sft)()


def test_each_seed_is_the_seed_of_every_stage(tmp_path):
    training = recipe.read(written(tmp_path, 'benchmark = "mini"\nseeds = [3, 4]\n')).of_seed(4)
    assert {training.sft.seed, training.feedback.seed, training.reward.seed, training.train.seed, *training.seeds} == {
        4
    }


def test_the_algorithm_of_the_command_line_overrides_the_recipe(tmp_path):
    path = written(tmp_path, 'benchmark = "mini"\nalgorithm = "rloo"\n')
    assert (recipe.read(path).algorithm, recipe.read(path, "grpo").algorithm) == ("rloo", "grpo")
    path = written(tmp_path, 'benchmark = "mini"\n')
    assert (recipe.read(path).algorithm, recipe.read(path).learn_from) == ("ppo", "reward")


def test_dpo_learns_from_the_labeler_whatever_the_recipe_says(tmp_path):
    for algorithm in ("dpo", "rejection"):
        assert recipe.read(written(tmp_path, 'benchmark = "mini"\n'), algorithm).learn_from == "labeler"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "benchmark is missing"),
        ("benchmark = ", "cannot be read"),
        ('benchmark = "mini"\nstep = 3\n', "there is no 'step'"),
        ('benchmark = "mini"\n[train]\nstep = 3\n', "there is no 'step'"),
        ('benchmark = "mini"\n[train]\nseed = 3\n', "there is no 'seed'"),
        ('benchmark = "mini"\ntrain = 3\n', r"line 2: train is a table, not 3"),
        ('benchmark = "mini"\n[train]\nsteps = "3"\n', "line 3: steps is '3': must be a whole number"),
        ('benchmark = "mini"\n[train]\nsteps = 0\n', "must be above 0"),
        ('benchmark = "mini"\nseeds = []\n', "line 2: .*needs at least one number"),
        ('benchmark = "mini"\nalgorithm = "sppo"\n', "give one of ppo, rloo, grpo, dpo"),
        ('benchmark = "mini"\nalgorithm = "rloo"\n[train]\nlam = 0.5\n', "rloo has no lam"),
        (
            'benchmark = "mini"\nretriever = "oracle"\n',
            "line 2: retriever is 'oracle': give one of none, bm25, bm25-calls",
        ),
        ('benchmark = "mini"\n[evaluation]\nsplit = "row"\n', "line 3: .*split is 'row': give one of api, question"),
        ('benchmark = "mini"\n[sft]\nbatch = 8\nmicrobatch = 3\n', "line 4: .*microbatch is 3: must divide batch"),
        ('benchmark = "mini"\nlearn_from = "me"\n', "line 2: learn_from is 'me': give one of reward, labeler"),
        (
            'benchmark = "mini"\nlabeler = "gpt-4"\n',
            "labeler 'gpt-4': give static, embeddings, judge, execution, oracle, openai:MODEL",
        ),
        (
            'benchmark = "mini"\nseeds = [0, 0]\n',
            r"line 2: seeds is \[0, 0\]: needs at least one number, and none twice",
        ),
        (
            'benchmark = "mini"\nseeds = ["0"]\n',
            r"line 2: seeds is \['0'\]: must be a list; .*a whole number|whole number",
        ),
        ('benchmark = "mini"\nseeds = [true]\n', "line 2: seeds is"),
        ('benchmark = "mini"\nseeds = 0\n', "line 2: seeds is 0: must be a list"),
        ('benchmark = "mini"\nseeds = [-1]\n', "line 2: .*below 0"),
        ('benchmark = "mini"\nsandbox = "Docker"\n', "line 2: sandbox is 'Docker': give .*did you mean 'docker'"),
        ('benchmark = "mini"\n\nsandbox = "dokcer"\n', "line 3: sandbox is 'dokcer': give .*did you mean 'docker'"),
        ('benchmark = "mini"\nsandbox = "none"\n', "line 2: sandbox is 'none': give one of auto, docker, process"),
        ('benchmark = "mini"\n[train]\nkl_target = "no"\n', "line 3: kl_target is 'no': must be a number, or \"none\""),
        ('benchmark = "mini"\n[train]\ngamma = nan\n', "line 3: gamma is nan: must be a number"),
        ('benchmark = "mini"\n[train]\nlerning_rate = 1.0\n', "line 3: .*did you mean 'learning_rate'"),
        ('benchmark = "mini"\ntrain.steps = 0\n', "line 2: .*steps is 0"),
        ('benchmark = "mini"\n[base]\nlayers = 2\nwidth = 30\n', "line 4: .*multiple of heads"),
        ('benchmark = "mini"\ntrackers = ["mlflow"]\n', "tracker mlflow: give one of wandb, trackio"),
        ('benchmark = "mini"\n[labeler_options]\nkey = "x"\n', "there is no 'key'"),
        (
            'benchmark = "mini"\n[labeler_options]\ndocuments = "all"\n',
            "line 3: .*documents is 'all': give one of none",
        ),
        ('benchmark = "mini"\n[labeler_options]\nreplies = "logits"\n', "line 3: .*replies is 'logits': give one of"),
        ('benchmark = "mini"\n[labeler_options]\nexamples = -1\n', "line 3: .*examples is -1: must be 0 or more"),
        ('benchmark = "mini"\n[labeler_options]\ncalibration = 9\n', 'line 3: .*needs replies = "probability"'),
        ('benchmark = "mini"\n[evaluation]\nmetrics = ["bleu"]\n', "line 3: .*metrics is 'bleu': give one of rouge"),
        ('benchmark = "mini"\ntraining_rows = "none"\n', "line 2: training_rows is 'none': give one of file"),
    ],
)
def test_an_invalid_recipe_is_refused_with_the_reason(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        recipe.read(written(tmp_path, text))


def test_the_shipped_recipes_can_be_read_by_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(recipe.shipped()) == {"mini", "torchhub-cpu", "torchhub-smollm2", "huggingface-cpu", "gpt2-large"}
    assert recipe.read(Path("torchhub-cpu")).out == Path("rlaif")
    # The control runs with the settings of PPO.
    assert recipe.read(Path("torchhub-smollm2"), "rejection").draws_feedback
    for name in ("mini", "gpt2-large"):
        for algorithm in ("ppo", "rloo", "grpo", "dpo", "rejection"):
            assert recipe.read(Path(name), algorithm).out == Path("rlaif")


TABLES = {"": recipe.Recipe, **{name: type(one) for name, one in vars_of(recipe.Recipe("mini")) if is_dataclass(one)}}
OPTIONS = [
    (table, one.name) for table, kind in TABLES.items() for one in fields(kind) if one.name not in ("seed", *TABLES)
]
# Another valid value of each option whose type alone does not say one.
OTHER = {
    "benchmark": "apibench-torchhub", "out": "made", "seeds": [7, 8], "sandbox": "process", "labeler": "execution",
    "learn_from": "labeler", "algorithm": "grpo", "trackers": [], "width": 512, "dtype": "bfloat16", "device": "cpu", "validation": 0.25, "questions": "test",
    "documents": "both", "replies": "probability", "metrics": ["rouge"], "training_rows": "either",
    "split": "question", "retriever": "bm25-calls", "microbatch": 4,
}  # fmt: skip


def other(name, hint):
    if name in OTHER:
        return OTHER[name]
    kind = next(one for one in (get_args(hint) or (hint,)) if one is not type(None))
    return {int: 8, float: 0.375, bool: True, str: "another"}[kind]


def toml(value):
    return json.dumps(value)


def option_file(folder, table, line):
    before = "" if (table, line.partition(" ")[0]) == ("", "benchmark") else 'benchmark = "mini"\n'
    header = f"[{table}]\n" if table else ""
    return written(folder, f"{before}{header}{line}\n"), (before + header).count("\n") + 1


@pytest.mark.parametrize(("table", "name"), OPTIONS)
def test_every_option_is_read(tmp_path, table, name):
    value = other(name, get_type_hints(TABLES[table])[name])
    if name == "bf16" or isinstance(value, bool):
        value = not getattr(TABLES[table]() if table else recipe.Recipe("mini"), name)
    more = '\nreplies = "probability"' if name == "calibration" else ""
    path, _ = option_file(tmp_path, table, f"{name} = {toml(value)}{more}")
    read = recipe.read(path, "rloo" if name == "samples" else None)
    held = getattr(getattr(read, table) if table else read, name)
    assert held == (tuple(value) if isinstance(value, list) else tmp_path / value if name == "out" else value)
    assert type(held) is not list


@pytest.mark.parametrize(("table", "name"), OPTIONS)
@pytest.mark.parametrize("value", ["[[1]]", "{ a = 1 }", "1979-05-27", "inf"])
def test_a_value_of_another_type_names_option_file_and_line(tmp_path, table, name, value):
    path, line = option_file(tmp_path, table, f"{name} = {value}")
    with pytest.raises(UsageError, match=rf"rlaif\.toml, line {line}: {name} is .*must be"):
        recipe.read(path)


@pytest.mark.parametrize("table", TABLES)
def test_a_key_that_does_not_exist_names_file_and_line(tmp_path, table):
    path, line = option_file(tmp_path, table, "stepz = 1")
    with pytest.raises(UsageError, match=rf"rlaif\.toml, line {line}: there is no 'stepz'"):
        recipe.read(path)


def test_an_option_that_may_be_none_is_written_so(tmp_path):
    """TOML has no null, and the defaults of these two are numbers."""
    text = 'benchmark = "mini"\n[train]\nkl_target = "none"\n[reward]\npairs_per_prompt = "none"\n'
    training = recipe.read(written(tmp_path, text))
    assert (training.train.kl_target, training.reward.pairs_per_prompt) == (None, None)


def test_options_that_came_later_leave_the_identity_of_older_trainings_as_it_was():
    assert "draw_batch" not in TrainOptions().identity()
    assert TrainOptions(draw_batch=4).identity()["draw_batch"] == 4
    assert TrainOptions().identity()["kl_target"] == 6.0
    assert TrainOptions(kl_target=None).identity()["kl_target"] is None
