"""Checkpoints whose parts do not fit each other or the questions: each ends in a sentence, none in torch's index error."""

import shutil

import pytest
from tiny_checkpoints import save_gpt2, save_tokenizer

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling

SMALL = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
SMALL |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_start_token_id": 0, "pad_token_id": 0}
PLAIN = {"forced_eos_token_id": None, "bos_token_id": 0, "eos_token_id": 0}


def answered(folder, mini, prompting=None, length=24):
    options = ModelOptions(Sampling(max_new_tokens=length), prompting or Prompting(), cached=False)
    return list(open_generator(f"hf:{folder}", options).generate(mini, mini.items[:4]))


def test_a_token_that_the_model_does_not_have_is_named(tmp_path, texts, mini):
    """As of a folder with another model's tokenizer, or one that got tokens without the embeddings being resized."""
    save_gpt2(tmp_path, texts)
    larger = save_tokenizer(tmp_path / "other", [*texts, "x" * 50])
    words = [word for item in mini.items[:4] for word in item.instruction.split()]
    larger.add_tokens(sorted({word for word in words if len(word) > 5}))
    larger.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"item mini-\d+ has token \d+ \('.+'\), and the model has \d+ tokens: copy"):
        answered(tmp_path, mini)


def test_padding_that_the_model_does_not_have_is_replaced(tmp_path, texts, gpt2, mini):
    """A padding token is often added to a tokenizer alone; it is masked, so another does as well."""
    shutil.copytree(gpt2, tmp_path / "padded")
    tokenizer = save_tokenizer(tmp_path / "padded", texts)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(tmp_path / "padded")
    assert [one.text for one in answered(tmp_path / "padded", mini)] == [one.text for one in answered(gpt2, mini)]


def pair(folder, texts, kind, positions):
    import torch
    import transformers

    torch.manual_seed(0)
    names = {
        "bart": ("BartForConditionalGeneration", "BartConfig"),
        "marian": ("MarianMTModel", "MarianConfig"),
        "led": ("LEDForConditionalGeneration", "LEDConfig"),
        "m2m": ("M2M100ForConditionalGeneration", "M2M100Config"),
    }
    lengths = {"max_position_embeddings": positions}
    if kind == "led":
        lengths = {"max_encoder_position_embeddings": positions, "max_decoder_position_embeddings": 8}
        lengths["attention_window"] = [4]
    vocabulary = len(save_tokenizer(folder, texts))
    model, config = (getattr(transformers, name) for name in names[kind])
    model(config(vocab_size=vocabulary, **SMALL, **PLAIN, **lengths)).save_pretrained(folder)


@pytest.mark.parametrize("kind", ["bart", "marian", "led"])
def test_a_prompt_longer_than_the_encoder_takes_is_refused(tmp_path, texts, mini, kind):
    pair(tmp_path, texts, kind, 8)
    with pytest.raises(UsageError, match=r"4 items have more tokens, up to \d+, than the 8 that the model's encoder"):
        answered(tmp_path, mini)


@pytest.mark.parametrize(("kind", "positions", "longest"), [("bart", 200, 200), ("led", 200, 8), ("m2m", 8, 250)])
def test_an_answer_ends_where_the_decoder_does(tmp_path, texts, mini, kind, positions, longest):
    """Not one token earlier; positions that are computed as they are needed end nowhere."""
    pair(tmp_path, texts, kind, positions)
    made = answered(tmp_path, mini, length=250)
    assert max(one.completion_tokens for one in made) == longest
    assert {one.finish_reason for one in made if one.completion_tokens == longest} == {"length"}


NOTHING = "{% for message in messages %}{% endfor %}"
NEEDS_SYSTEM = (
    "{% if messages[0].role != 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages[1].content }}"
)


def test_a_chat_template_that_leaves_everything_out_is_no_prompt(tmp_path, texts, mini):
    save_gpt2(tmp_path, texts, chat=NOTHING)
    with pytest.raises(UsageError, match=r"4 items, such as mini-.*, have no token: the chat template"):
        answered(tmp_path, mini)


def test_a_chat_template_that_raises_without_a_system_prompt_takes_one(tmp_path, texts, mini):
    save_gpt2(tmp_path, texts, chat=NEEDS_SYSTEM)
    with pytest.raises(ModelError, match=r"the chat template of .* fails: no system"):
        answered(tmp_path, mini)
    assert len(answered(tmp_path, mini, Prompting(system="Be brief."))) == 4


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "empty prompt of 4 of 4 items"),
        (" \n", "empty prompt of 4 of 4 items"),
        ("{% if document %}{{ instruction }}{% endif %}", "empty prompt of 4 of 4 items, such as mini-"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ instruction + 1 }}", "can only concatenate"),
        ("{% include 'other' %}", "no loader"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
    ],
)
def test_a_template_without_a_prompt_ends_in_a_sentence(tmp_path, mini, template, message):
    file = tmp_path / "prompt.jinja"
    file.write_text(template, encoding="utf-8")
    options = ModelOptions(prompting=Prompting(str(file)), base_url="http://127.0.0.1:9/v1")
    with pytest.raises(UsageError, match=f"--prompt .*prompt.jinja: .*{message}"):
        open_generator("openai:m", options).prompts(mini, mini.items[:4])
