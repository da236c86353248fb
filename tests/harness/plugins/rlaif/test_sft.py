"""Fine-tuning learns the answers and not the questions, and the same seed learns the same."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from apigauge.benchmarks import load_benchmark
from apigauge.harness.plugins.rlaif import new_model, sft

ROWS = [{"prompt": f"question {at} of many:", "completion": " the answer is four"} for at in range(8)]
OPTIONS = sft.SftOptions(epochs=60, batch=4, learning_rate=3e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    texts = [text for row in ROWS for text in row.values()]
    shape = new_model.Shape(vocabulary=400, layers=2, width=32, heads=2, context=64)
    return new_model.create(texts, tmp_path_factory.mktemp("base"), shape, seed=1)


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    return sft.train(str(base), ROWS, tmp_path_factory.mktemp("sft"), OPTIONS)


def log_p(folder, row):
    """Mean log-probability of the prompt's tokens, and of the answer's with its end."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = tokenizer(row["prompt"])["input_ids"]
    ids = torch.tensor([prompt + tokenizer(row["completion"])["input_ids"] + [tokenizer.eos_token_id]])
    with torch.no_grad():
        log_probabilities = (
            model(ids, attention_mask=torch.ones_like(ids))
            .logits[0, :-1]
            .log_softmax(-1)
            .gather(-1, ids[0, 1:, None])[:, 0]
        )
    first = len(prompt) - 1
    return log_probabilities[:first].mean().item(), log_probabilities[first:].mean().item()


def test_the_answer_is_learnt_with_its_end_and_the_question_is_not(base, trained):
    before, after = log_p(base, ROWS[0]), log_p(trained, ROWS[0])
    assert before[1] < -4
    assert after[1] > -0.5
    assert after[0] < before[0] + 0.5


def test_the_same_seed_learns_the_same(base, trained, tmp_path):
    again = sft.train(str(base), ROWS, tmp_path / "again", OPTIONS)
    other = sft.train(str(base), ROWS, tmp_path / "other", sft.SftOptions(60, 4, 3e-3, seed=1))
    weights = [(folder / "model.safetensors").read_bytes() for folder in (trained, again, other)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_an_adapter_is_merged_into_the_weights(base, tmp_path):
    folder = sft.train(str(base), ROWS, tmp_path, sft.SftOptions(2, 4, 3e-3, lora=4))
    assert not (folder / "adapter_config.json").exists()
    assert AutoModelForCausalLM.from_pretrained(folder).config.n_layer == 2
    assert (folder / "model.safetensors").read_bytes() != (base / "model.safetensors").read_bytes()


def test_examples_are_the_training_items_whose_program_is_one():
    mini = load_benchmark("mini")
    rows = sft.examples(items := sft.example_items(mini), [mini.prompt(item) for item in items])
    assert len(rows) == len(mini.train)
    assert rows[0]["prompt"] == mini.prompt(mini.train[0])
    assert rows[0]["completion"] == f" <<<code>>>: {mini.train[0].reference_program}"


@pytest.mark.apibench
def test_damaged_programs_are_not_learnt(data_dir):
    assert len(sft.example_items(load_benchmark("apibench-torchhub", data_dir))) == 817


def test_a_new_model_depends_on_texts_shape_and_seed_alone(tmp_path):
    shape = new_model.Shape(vocabulary=300, layers=1, width=16, heads=1, context=32)
    made = [new_model.create(["a text"], tmp_path / str(at), shape, seed) for at, seed in enumerate((1, 1, 2))]
    weights = [(folder / "model.safetensors").read_bytes() for folder in made]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]
