"""What checkpoints are scored on, and how often the test questions were looked at."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif import looks
from apigauge.harness.plugins.rlaif.evaluation import EvaluationOptions, divided
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.start_reward import spread

MINI = load_benchmark("mini")


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_no_api_of_the_validation_part_is_trained_on(share):
    part = divided(MINI, EvaluationOptions(share, "validation"))
    assert {item.api for item in part.items} & {item.api for item in part.train} == set()
    assert sorted(item.id for item in (*part.items, *part.train)) == sorted(item.id for item in MINI.train)
    assert share / 2 < len(part.items) / len(MINI.train) <= share


def test_the_test_questions_are_the_same_and_the_training_part_is_that_of_the_validation():
    chosen, final = (divided(MINI, EvaluationOptions(0.2, questions)) for questions in ("validation", "test"))
    assert final.items == MINI.items
    assert final.train == chosen.train
    assert divided(MINI, EvaluationOptions()) is MINI


def test_questions_can_be_held_out_of_apis_that_are_trained_on():
    part = divided(MINI, EvaluationOptions(0.2, "validation", split="question"))
    assert sorted(item.id for item in (*part.items, *part.train)) == sorted(item.id for item in MINI.train)
    assert {item.instruction for item in part.items} & {item.instruction for item in part.train} == set()
    trained = {item.api for item in part.train}
    assert sum(item.api in trained for item in part.items) / len(part.items) > 0.9
    assert 0.15 < len(part.items) / len(MINI.train) <= 0.2


def test_the_order_of_the_rows_does_not_decide_what_is_held_out():
    other = replace(MINI, train=MINI.train[::-1])
    parts = [divided(one, EvaluationOptions(0.2, "validation")) for one in (MINI, other)]
    assert {item.id for item in parts[0].items} == {item.id for item in parts[1].items}


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(UsageError, match="needs validation above 0"):
        EvaluationOptions(questions="validation")
    with pytest.raises(UsageError, match="too few training rows"):
        divided(replace(MINI, train=MINI.train[:1]), EvaluationOptions(0.2))


@given(st.integers(1, 500), st.integers(1, 500))
def test_evenly_spread_numbers(count, most):
    numbers = spread(count, most)
    assert len(numbers) == min(count, most)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    assert numbers[-1] < count


def test_a_setting_is_one_look_whatever_its_seed_and_place(tmp_path):
    recipe = Recipe("mini")
    assert looks.count(tmp_path) == 0
    for one in (recipe, recipe, recipe.of_seed(3), replace(recipe, out=tmp_path, baseline="a.jsonl")):
        looks.note(one, tmp_path)
    assert looks.count(tmp_path) == 1
    looks.note(replace(recipe, train=replace(recipe.train, steps=7)), tmp_path)
    looks.note(replace(recipe, algorithm="rloo"), tmp_path)
    looks.note(replace(recipe, retriever="bm25-calls"), tmp_path)
    assert looks.count(tmp_path) == 4


def test_looks_of_older_versions_are_the_same_settings(tmp_path):
    """Options that came later do not make another setting of a recipe that does not have them."""
    looks.note(Recipe("mini"), tmp_path)
    (row,) = (tmp_path / looks.FILE).read_text(encoding="utf-8").splitlines()
    assert json.loads(row)["settings"] == "5b2468d536abe2c742bd2a1b8ee71fca0817ed4feebf6e11744b26bece2cc7f1"
