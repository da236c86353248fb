"""What a labeler may cost is said, and limited, before it is asked anything."""

from dataclasses import replace

import pytest
from openai_server import OpenAIServer

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.evaluation.usage import Price
from apigauge.harness.plugins.rlaif import cost
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.start_reward import MOST_QUESTIONS

MINI = load_benchmark("mini")
RECIPE = Recipe("mini", labeler="openai:judge", seeds=(0, 1))


def test_a_request_for_each_answer_and_question_of_every_seed():
    what = cost.estimate(RECIPE, MINI, trains=True)
    assert what.answers == 2 * len(MINI.train) * RECIPE.feedback.samples
    assert what.requests == 8 * what.answers
    assert what.reply_tokens == 32 * what.requests
    assert 100 < what.prompt_tokens / what.requests < 500


def test_a_training_that_asks_the_labeler_asks_at_every_step_and_once_at_the_start():
    recipe = replace(RECIPE, learn_from="labeler")
    batch, steps = recipe.train.batch, recipe.train.steps
    assert cost.estimate(recipe, MINI, trains=True).answers == 2 * (
        batch * steps + min(MOST_QUESTIONS, len(MINI.train))
    )
    assert cost.estimate(replace(recipe, labeler="static"), MINI, trains=True) is None


def test_dollars_are_of_prompts_and_the_longest_replies():
    what = cost.Estimate(answers=10, requests=80, prompt_tokens=1_000_000, reply_tokens=2_000_000)
    assert what.dollars(Price(0.5, 1.5)) == pytest.approx(3.5)
    assert "80 requests" in what.sentence("openai:judge", Price(0.5, 1.5))
    assert "about $3.50" in what.sentence("openai:judge", Price(0.5, 1.5))
    cost.refuse_above(10.6, Price(0.5, 1.5), what)
    with pytest.raises(UsageError, match=r"--max-cost 10\.4: the labeler may cost up to about \$10\.50"):
        cost.refuse_above(10.4, Price(0.5, 1.5), what)


def test_a_recipe_that_may_cost_more_begins_nothing(tmp_path, capsys):
    server = OpenAIServer()
    text = 'benchmark = "mini"\nmodel = "apigauge-mini"\nlabeler = "openai:judge"\nsandbox = "process"\n'
    text += f'accept_no_isolation = true\n[labeler_options]\nbase_url = "{server.url}"\n'
    (tmp_path / "rlaif.toml").write_text(text, encoding="utf-8")
    command = ["rlaif", "run", str(tmp_path / "rlaif.toml"), "--max-cost", "0.01"]
    try:
        assert main(command) == 2
        assert "needs the model's price" in capsys.readouterr().err
        assert main([*command, "--price", "0.5", "1.5"]) == 2
        by_price = capsys.readouterr().err
        (tmp_path / "prices.toml").write_text('["openai:judge"]\ninput = 0.5\noutput = 1.5\n', encoding="utf-8")
        assert main([*command, "--prices", str(tmp_path / "prices.toml")]) == 2
    finally:
        server.close()
    errors = capsys.readouterr().err
    assert errors == by_price
    assert "labeler openai:judge: about 7,168 requests (896 answers, 8 questions each)" in errors
    assert "--max-cost 0.01: the labeler may cost up to about $" in errors
    assert server.requests == []
    assert not (tmp_path / "rlaif").exists()


def test_a_missing_baseline_is_noticed_before_anything_begins(tmp_path, capsys):
    (tmp_path / "rlaif.toml").write_text('benchmark = "mini"\nbaseline = "gone.jsonl"\n', encoding="utf-8")
    assert main(["rlaif", "run", str(tmp_path / "rlaif.toml")]) == 2
    assert "baseline gone.jsonl: there is no such file" in capsys.readouterr().err
    assert not (tmp_path / "rlaif").exists()
