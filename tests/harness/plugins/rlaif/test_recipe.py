"""The contents of a recipe."""

from pathlib import Path

import pytest

from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif import recipe


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
    assert recipe.read(written(tmp_path, 'benchmark = "mini"\n'), "dpo").learn_from == "labeler"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "benchmark is missing"),
        ("benchmark = ", "cannot be read"),
        ('benchmark = "mini"\nstep = 3\n', "there is no 'step'"),
        ('benchmark = "mini"\n[train]\nstep = 3\n', "there is no 'step'"),
        ('benchmark = "mini"\n[train]\nseed = 3\n', "there is no 'seed'"),
        ('benchmark = "mini"\ntrain = 3\n', "train is a table, not 3"),
        ('benchmark = "mini"\n[train]\nsteps = "3"\n', "steps is '3'; its default is 100"),
        ('benchmark = "mini"\n[train]\nsteps = 0\n', "must be above 0"),
        ('benchmark = "mini"\nseeds = []\n', "seeds needs at least one number"),
        ('benchmark = "mini"\nalgorithm = "sppo"\n', "give one of ppo, rloo, grpo, dpo"),
        ('benchmark = "mini"\nalgorithm = "rloo"\n[train]\nlam = 0.5\n', "rloo has no lam"),
        ('benchmark = "mini"\nlearn_from = "me"\n', "learn_from is reward or labeler"),
        ('benchmark = "mini"\nlabeler = "gpt-4"\n', "labeler 'gpt-4': give static, execution, openai:MODEL"),
        ('benchmark = "mini"\ntrackers = ["mlflow"]\n', "tracker mlflow: give one of wandb, trackio"),
        ('benchmark = "mini"\n[labeler_options]\nkey = "x"\n', "there is no 'key'"),
    ],
)
def test_an_invalid_recipe_is_refused_with_the_reason(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        recipe.read(written(tmp_path, text))


def test_the_shipped_recipes_can_be_read_by_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(recipe.shipped()) == {"mini", "torchhub-cpu", "gpt2-large"}
    assert recipe.read(Path("torchhub-cpu")).out == Path("rlaif")
    for name in ("mini", "gpt2-large"):
        for algorithm in ("ppo", "rloo", "grpo", "dpo"):
            assert recipe.read(Path(name), algorithm).out == Path("rlaif")
