"""A checkpoint with a chat template is trained on the prompts that it is scored with, token by token.

The fault: it was fine-tuned, drew its feedback and was trained on plain instruction prompts, and scored through the
template. A fix could be wrong by adding the tokenizer's special tokens to those of the template.
"""

import json
from dataclasses import replace

import little_mini
import pytest
import torch
from tiny_checkpoints import CHAT, save_gpt2
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.plugins.rlaif import pipeline, ppo, recipe, sft
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import Policy
from apigauge.harness.plugins.rlaif.policy_prompts import policy_prompts, with_fitting
from apigauge.harness.plugins.rlaif.trl_trainers import train as trl_train


@pytest.fixture(scope="module")
def mini():
    return load_benchmark("mini")


@pytest.fixture(scope="module")
def chat(mini, tmp_path_factory):
    """A chat model whose tokenizer begins each text with a token, which the template writes too."""
    folder = tmp_path_factory.mktemp("chat")
    save_gpt2(folder, [mini.prompt(item) for item in mini.train], context=512, chat="<|end|>" + CHAT)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|end|> $A", special_tokens=[("<|end|>", 0)]
    )
    tokenizer.save_pretrained(folder)
    assert tokenizer("a")["input_ids"][0] == 0
    return folder


def test_prompts_are_those_of_the_template(chat, mini):
    texts, is_chat = policy_prompts(str(chat), mini, mini.train[:2])
    assert is_chat
    assert texts == [f"<|end|><|user|>{item.instruction}<|model|>" for item in mini.train[:2]]
    plain = policy_prompts("apigauge-mini", mini, mini.train[:2])
    assert plain == ([mini.prompt(item) for item in mini.train[:2]], False)


def test_fine_tuning_and_ppo_read_the_tokens_that_scoring_reads(chat, mini):
    items = mini.train[:3]
    texts, is_chat = policy_prompts(str(chat), mini, items)
    tokenizer = AutoTokenizer.from_pretrained(chat)
    scored = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert all(ids.count(0) == 1 for ids in scored)
    learnt = sft.tokenized(tokenizer, sft.examples(items, texts))
    for row, ids, item in zip(learnt, scored, items, strict=True):
        answer = tokenizer(sft.completion(item), add_special_tokens=False)["input_ids"]
        assert row["input_ids"] == [*ids, *answer, tokenizer.eos_token_id]
        assert row["completion_mask"] == [0] * len(ids) + [1] * (len(answer) + 1)
    policy = Policy(find(str(chat)), TrainOptions(max_new_tokens=4, device="cpu", chat=is_chat))
    assert [one.ids for one in policy.encode(texts, chat=is_chat)] == scored


def test_fine_tuning_learns_the_answers_of_a_chat(chat, mini, tmp_path):
    items = mini.train[:2]
    rows = sft.examples(items, policy_prompts(str(chat), mini, items).texts)
    options = sft.SftOptions(epochs=20, batch=2, learning_rate=3e-3, max_length=512)
    trained = sft.train(str(chat), rows, tmp_path / "sft", options, is_chat=True)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    assert tokenizer.chat_template
    (row, _) = sft.tokenized(tokenizer, rows)
    ids, first = torch.tensor([row["input_ids"]]), row["completion_mask"].index(1)

    def losses(folder):
        """Of the prompt's tokens, and of the answer's with its end."""
        with torch.no_grad():
            logits = AutoModelForCausalLM.from_pretrained(folder).eval()(ids).logits[0, :-1]
        tokens = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        return tokens[: first - 1].mean(), tokens[first - 1 :].mean()

    before, after = losses(chat), losses(trained)
    assert after[1] < before[1] / 2
    assert after[1] < after[0], "nothing is learnt of the question"


def test_an_algorithm_that_would_add_special_tokens_again_is_refused(chat, mini, tmp_path):
    texts = policy_prompts(str(chat), mini, mini.train[:4]).texts
    options = TrainOptions(steps=1, batch=4, minibatch=4, microbatch=4, max_new_tokens=4, device="cpu", chat=True)
    with pytest.raises(UsageError, match=r"rloo: the tokenizer adds special tokens .* take ppo or dpo"):
        trl_train("rloo", str(chat), texts, lambda answers: [0.0] * len(answers), tmp_path, options)
    assert ppo.train(str(chat), texts, lambda answers: [0.0] * len(answers), tmp_path / "ppo", options).exists()


@pytest.mark.slow
def test_all_stages_of_a_recipe_use_the_template(chat, tmp_path):
    benchmark = str(little_mini.write(tmp_path / "benchmark"))
    training = recipe.Recipe(
        benchmark, model=str(chat), out=tmp_path, sandbox="process", accept_no_isolation=True, learn_from="labeler"
    )
    training = replace(
        training,
        sft=replace(training.sft, epochs=1, max_length=128),
        feedback=replace(training.feedback, samples=1, limit=4, max_new_tokens=4),
        train=TrainOptions(steps=1, batch=4, minibatch=4, microbatch=4, max_new_tokens=4, device="cpu"),
    )
    with pipeline.opened(training, None, lambda _: None) as (seed,):
        seed.run("feedback")
        seed.run("train")
    for run in ("feedback/answers", "runs/sft", "runs/step-000001"):
        manifest = json.loads((tmp_path / "seed-0" / run / "manifest.json").read_bytes())
        assert manifest["generator"]["prompt"] == "chat"
    assert json.loads((tmp_path / "seed-0/train/training.json").read_bytes())["options"]["chat"] is True
    assert json.loads((tmp_path / "seed-0/sft/stage.json").read_bytes())["inputs"]["prompts"] == "chat"


def test_training_questions_that_leave_no_room_for_an_answer_are_left_out(chat, mini):
    lengths = {item.id: len(AutoTokenizer.from_pretrained(chat)(item.instruction)["input_ids"]) for item in mini.train}
    median = sorted(lengths.values())[len(lengths) // 2]
    longest = 512 - median - 3  # a question has three tokens of the template besides
    fitted = with_fitting(str(chat), mini, Prompting(), longest)
    assert {item.id for item in fitted.train} == {name for name, length in lengths.items() if length - 1 <= median}
    assert 0 < len(fitted.train) < len(mini.train)
    assert fitted.items == mini.items
    assert with_fitting(str(chat), mini, Prompting(), 8) is mini
    shown = with_fitting(str(chat), mini, Prompting(retriever="bm25-calls"), 256)
    assert len(shown.train) < len(with_fitting(str(chat), mini, Prompting(), 256).train)
    with pytest.raises(UsageError, match="no training question leaves room for an answer of 512 tokens"):
        with_fitting(str(chat), mini, Prompting(), 512)
