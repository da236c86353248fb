"""Checkpoints as they are found: with code of their own, quantised, and with tokenizers and templates that trap."""

import json
import logging
import shutil

import pytest
from tiny_checkpoints import save_gpt2

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.tokens import CheckpointTokenizer, Tokenized
from apigauge.harness.generation.types import Request

SHORT = Sampling(max_new_tokens=12)


def opened(folder, prompting=None, **options):
    return open_generator(f"hf:{folder}", ModelOptions(SHORT, prompting or Prompting(), cached=False, **options))


def texts_of(generator, benchmark, items):
    return {one.item: one.text for one in generator.generate(benchmark, items)}


# Code of a checkpoint's own

CODE = """
import pathlib
from transformers import GPT2Config, GPT2LMHeadModel

pathlib.Path({marker!r}).write_text("ran")


class OwnConfig(GPT2Config):
    model_type = "own-kind"


class OwnForCausalLM(GPT2LMHeadModel):
    config_class = OwnConfig
"""


@pytest.fixture
def with_code(tmp_path, gpt2, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "own"
    shutil.copytree(gpt2, folder)
    (folder / "own.py").write_text(CODE.format(marker=str(tmp_path / "marker")))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own-kind", "architectures": ["OwnForCausalLM"]}
    config["auto_map"] = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_code_of_a_checkpoint_does_not_run_unless_it_may(with_code, tmp_path):
    with pytest.raises(ModelError, match=r"own comes with Python code .* --trust-remote-code"):
        opened(with_code)
    assert not (tmp_path / "marker").exists()


def test_code_that_may_run_does_after_a_warning_and_is_in_the_manifest(with_code, tmp_path, gpt2, mini, caplog):
    with caplog.at_level(logging.WARNING, "apigauge"):
        generator = opened(with_code, trust_remote_code=True)
    assert [record.getMessage() for record in caplog.records] == [
        "--trust-remote-code: Python code of own runs on this machine, with all your rights"
    ]
    assert (tmp_path / "marker").read_text() == "ran"
    assert generator.describe()["trust_remote_code"] is True
    items = mini.items[:3]
    assert texts_of(generator, mini, items) == texts_of(opened(gpt2), mini, items)


def test_permission_without_code_changes_nothing(gpt2, caplog):
    with caplog.at_level(logging.WARNING, "apigauge"):
        about = opened(gpt2, trust_remote_code=True).describe()
    assert caplog.records == []
    assert about == opened(gpt2).describe()


def test_a_tokenizer_s_code_needs_permission_too(with_code, tmp_path):
    settings = json.loads((with_code / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": ["own.OwnTokenizer", None]}}
    (with_code / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=r"own comes with Python code .* --trust-remote-code"):
        CheckpointTokenizer(find(str(with_code)))
    assert not (tmp_path / "marker").exists()


# Quantised checkpoints


@pytest.mark.parametrize(
    ("settings", "packages"),
    [
        ({"quant_method": "gptq", "bits": 4}, "optimum and gptqmodel"),
        ({"quant_method": "awq", "bits": 4}, "gptqmodel"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"load_in_8bit": True}, "bitsandbytes"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        ({"quant_method": "torchao", "quant_type": "int8_weight_only"}, "torchao"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_quantised_checkpoint_without_its_library_is_refused_by_the_library_s_name(
    tmp_path, gpt2, settings, packages
):
    folder = tmp_path / "quantised"
    shutil.copytree(gpt2, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))
    with pytest.raises(ModelError, match=rf"quantised .* needs {packages}, .* pip install "):
        opened(folder)


def test_a_way_of_quantising_that_nobody_knows_is_an_error_in_one_line(tmp_path, gpt2):
    folder = tmp_path / "quantised"
    shutil.copytree(gpt2, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "q17"}}))
    with pytest.raises(ModelError, match="a way that transformers does not know here: q17") as raised:
        opened(folder)
    assert "\n" not in str(raised.value)


@pytest.fixture
def fp8(tmp_path, texts):
    """A Llama whose linear layers are really stored in 8 bits, in blocks with a scale each."""
    import torch
    from safetensors.torch import load_file, save_file
    from tiny_checkpoints import save_llama

    folder = tmp_path / "fp8"
    save_llama(folder, texts)
    tensors = load_file(folder / "model.safetensors")
    for name in [name for name in tensors if "proj.weight" in name]:
        weight = tensors[name]
        scale = weight.abs().amax() / 448
        tensors[name] = (weight / scale).to(torch.float8_e4m3fn)
        tensors[f"{name}_scale_inv"] = torch.full((1, 1), float(scale))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    settings = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))
    return folder


def test_weights_are_not_expanded_in_silence(fp8, mini):
    """transformers does so where a device cannot use them, with a warning that nobody sees."""
    with pytest.raises(ModelError, match=r"fp8 is quantised \(fp8\), .* expanded to (\w+), .*--dtype \1 "):
        opened(fp8, device="cpu")
    generator = opened(fp8, device="cpu", dtype="float32")
    about = generator.describe()
    assert (about["quantization"], about["dtype"]) == ("fp8, dequantized", "float32")
    assert len(texts_of(generator, mini, mini.items[:2])) == 2


# Tokenizers


def with_tokenizer(folder, gpt2, **changes):
    """The checkpoint with a tokenizer that adds special tokens itself."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    shutil.copytree(gpt2, folder)
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = [("<|user|>", 1), ("<|end|>", 0)]
    raw.post_processor = TemplateProcessing(single=changes["adds"], special_tokens=special)
    raw.save(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | {"bos_token": "<|user|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if chat := changes.get("chat"):
        (folder / "chat_template.jinja").write_text(chat)
    return folder


def ids(folder, prompt, style):
    tokens = CheckpointTokenizer(find(str(folder)))
    return tokens.tokenizer.convert_ids_to_tokens(tokens.ids([prompt], style)[0])


def test_the_beginning_of_a_text_is_marked_once(tmp_path, gpt2, mini):
    chat = "{{ bos_token }}{{ messages[0]['content'] }}"
    folder = with_tokenizer(tmp_path / "bos", gpt2, adds="<|user|> $A", chat=chat)
    [prompt] = opened(folder).prompts(mini, mini.items[:1])
    assert prompt.startswith("<|user|>")
    assert ids(folder, prompt, "chat").count("<|user|>") == 1
    # A template of the user's own that writes it, and one that does not.
    assert ids(folder, "<|user|>a", "/a/template.jinja") == ["<|user|>", "a"]
    assert ids(folder, "a", "/a/template.jinja") == ["<|user|>", "a"]
    assert ids(folder, "a", "instruction") == ["<|user|>", "a"]
    [one] = opened(folder).generate(mini, mini.items[:1])
    assert one.prompt_tokens == len(ids(folder, prompt, "chat"))


def test_a_prompt_does_not_end_with_the_end_of_a_text(tmp_path, gpt2):
    folder = with_tokenizer(tmp_path / "eos", gpt2, adds="$A <|end|>")
    assert ids(folder, "a", "instruction") == ["a"]
    assert ids(folder, "a<|end|>", "instruction")[:2] == ["a", "<|end|>"]
    as_pair = CheckpointTokenizer(find(str(folder)), is_pair=True)
    assert as_pair.ids(["a"], "instruction")[0][-1] == as_pair.tokenizer.eos_token_id


def test_tags_of_reasoning_stay_in_the_text_where_they_are_special_tokens(tmp_path, gpt2):
    folder = tmp_path / "thinks"
    shutil.copytree(gpt2, folder)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[THINK]", "[/THINK]"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    tokens = CheckpointTokenizer(find(str(folder)))
    generated = tokenizer("[THINK]a b[/THINK]f()<|user|>", add_special_tokens=False)["input_ids"]
    one = tokens.answer(Tokenized(Request("i", 0, "p", 0), [5], 24), generated, {0}, ())
    assert one.text == "[THINK]a b[/THINK]f()"
    assert tokens.describe() == {"kept_special_tokens": ["[/THINK]", "[THINK]"]}
    plain = CheckpointTokenizer(find(str(gpt2)))
    assert (plain.describe(), plain.decode([1, 66, 0])) == ({}, plain.tokenizer.decode([66]))


# Chat templates

ROLES = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + ROLES
)
USER_ONLY = "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}"
THINKS = ROLES + "<|model|>{% if enable_thinking is not defined or enable_thinking %}<think>\n{% endif %}"


@pytest.fixture(scope="module")
def chat(tmp_path_factory, texts):
    """Checkpoints by their template."""
    made = {}

    def make(template):
        if template not in made:
            made[template] = tmp_path_factory.mktemp("chat")
            save_gpt2(made[template], texts, chat=template)
        return made[template]

    return make


def test_the_system_prompt_stands_before_the_question_and_arguments_reach_the_template(chat, mini):
    item = mini.items[0]
    prompting = Prompting(system="Briefly.", chat_template_args={"enable_thinking": False})
    generator = opened(chat(THINKS), prompting)
    assert generator.prompts(mini, [item]) == [f"<|system|>Briefly.<|user|>{item.instruction}<|model|>"]
    about = generator.describe()
    assert (about["system"], about["chat_template_args"]) == ("Briefly.", {"enable_thinking": False})


def test_reasoning_that_the_template_opens_is_opened_in_the_answer(chat, mini):
    """Cut off, it would look like an answer without reasoning."""
    thinking = opened(chat(THINKS))
    for one in thinking.generate(mini, mini.items[:3]):
        assert one.text.startswith("<think>\n")
    plain = opened(chat(THINKS), Prompting(chat_template_args={"enable_thinking": False}))
    for one in plain.generate(mini, mini.items[:3]):
        assert not one.text.startswith("<think>")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (NO_SYSTEM, r"--system: the chat template of \S+ fails: System role not supported. Put it into a template of"),
        (USER_ONLY, r"--system: the chat template of \S+ leaves the system prompt out"),
    ],
)
def test_a_template_without_a_place_for_a_system_prompt_is_said(chat, mini, template, message):
    assert opened(chat(template)).prompts(mini, mini.items[:1])[0].endswith(mini.items[0].instruction)
    with pytest.raises(UsageError, match=message):
        opened(chat(template), Prompting(system="Briefly.")).prompts(mini, mini.items[:1])


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no') }}", "{% if %}", "{{ messages[7]['x'] }}", "{{ 1 / 0 }}"]
)
def test_a_template_that_fails_is_an_error_in_one_line(chat, mini, template):
    with pytest.raises(ModelError, match=r"the chat template of .* fails: .*--prompt instruction") as raised:
        opened(chat(template)).prompts(mini, mini.items[:1])
    assert "\n" not in str(raised.value)
    instruction = opened(chat(template), Prompting("instruction"))
    assert instruction.prompts(mini, mini.items[:1]) == [mini.prompt(mini.items[0])]


def test_an_argument_that_the_template_does_not_mention_is_said_once(chat, mini, caplog):
    generator = opened(chat(ROLES), Prompting(chat_template_args={"enable_thinkng": False}))
    with caplog.at_level(logging.WARNING, "apigauge"):
        generator.prompts(mini, mini.items)
    assert [record.getMessage().split(" of ")[0] for record in caplog.records] == [
        "--chat-template-arg enable_thinkng: the chat template"
    ]


def test_parts_of_a_chat_need_one(gpt2):
    with pytest.raises(UsageError, match="--system: is part of a chat, and the model has no chat template"):
        opened(gpt2, Prompting(system="Briefly."))
