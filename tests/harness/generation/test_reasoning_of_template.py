"""A checkpoint's chat template says in which tags its reasoning stands, and whether prompts open it."""

import pytest
from compared_runs import lines
from tiny_checkpoints import CHAT, save_gpt2

from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling

THINKING = (
    "{% for message in messages %}{% if message.reasoning_content %}<plan>{{ message.reasoning_content }}</plan>"
    "{% endif %}<|user|>{{ message['content'] }}{% endfor %}<|model|><plan>\n"
)


@pytest.fixture(scope="module")
def thinking(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("tiny-thinking")
    save_gpt2(folder, texts, chat=THINKING)
    return folder


def reasoning_of(run):
    return run_directory.read_manifest(run)["reasoning"]


def test_the_answers_of_a_template_that_opens_the_reasoning_begin_in_it(thinking, mini, tmp_path):
    """They are noise, which never ends it: without the template each would be taken for an answer."""
    options = ModelOptions(Sampling(max_new_tokens=8))
    summary = evaluate(mini, open_generator(f"hf:{thinking}", options), tmp_path / "chat", ["ast_match"], limit=2)
    record = {"mode": "strip", "template_tags": [["<plan>", "</plan>"]], "prompt_tag": "<plan>"}
    assert reasoning_of(tmp_path / "chat") == record
    assert summary["unfinished"]["reasons"] == {"reasoning": 2}
    rows = lines(tmp_path / "chat" / "scores.jsonl")
    assert [row["labels"]["ast.exact"] for row in rows] == ["unfinished"] * 2


def test_prompts_without_the_template_open_nothing(thinking, mini, tmp_path):
    options = ModelOptions(Sampling(max_new_tokens=8), Prompting("instruction"))
    evaluate(mini, open_generator(f"hf:{thinking}", options), tmp_path, ["ast_match"], limit=1)
    assert reasoning_of(tmp_path) == {"mode": "strip", "template_tags": [["<plan>", "</plan>"]]}


def test_a_template_without_reasoning_names_no_tags(chatty, mini, tmp_path):
    generator = open_generator(f"hf:{chatty}", ModelOptions(Sampling(max_new_tokens=8)))
    assert generator.chat_template == CHAT
    evaluate(mini, generator, tmp_path, ["ast_match"], limit=1)
    assert reasoning_of(tmp_path) == {"mode": "strip"}
