"""Adapters that were really trained, with tokens that their model does not have: loaded as they were, or refused."""

import json
import shutil

import pytest
from tiny_checkpoints import save_tokenizer

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.adapters import stored_rows, tensor_shapes, trained_tokens
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.tokens import CheckpointTokenizer
from apigauge.harness.generation.vllm import refuse_added_tokens

NEW = ["<call>", "</call>", "<doc>"]
TEMPLATE = "{% for message in messages %}<doc>{{ message['content'] }}{% endfor %}<call>"
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def model(request, tmp_path_factory, texts):
    return save_model(tmp_path_factory.mktemp("model"), texts, tied=request.param)


def save_model(folder, texts, *, tied, spare=0, layers=2):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = save_tokenizer(folder, texts)
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 0, "num_key_value_heads": 2, "max_position_embeddings": 256}
    sizes = SIZES | {"num_hidden_layers": layers, "tie_word_embeddings": tied}
    made = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer) + spare, **sizes, **ends))
    for parameter in made.parameters():
        parameter.data *= 4
    made.save_pretrained(folder)
    return folder


def train(folder, adapter, texts, *, add=NEW, tokenizer_too=True, save="auto", template=TEMPLATE, rows=None, **config):
    """An adapter, trained for a few steps on texts with the new tokens; the model and tokenizer it was trained as."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(add, special_tokens=True)
    tokenizer.chat_template = template
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(folder)
    if add or rows:
        base.resize_token_embeddings(rows or len(tokenizer))
    indices = [tokenizer.convert_tokens_to_ids(token) for token in add]
    given = {name: indices if value == "new" else value for name, value in config.items()}
    standard = {"r": 4, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
    made = get_peft_model(base, LoraConfig(**standard | given))
    optimiser = torch.optim.SGD([one for one in made.parameters() if one.requires_grad], lr=0.5)
    for text in texts[:6]:
        ids = tokenizer(f"<doc>{text[:60]}<call>{text[:20]}</call>", return_tensors="pt")["input_ids"]
        made(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    made.save_pretrained(adapter, save_embedding_layers=save)
    if tokenizer_too:
        tokenizer.save_pretrained(adapter)
    return made.eval(), tokenizer


def reference(trained, tokenizer, prompt):
    """What the model in memory answers, by the library itself."""
    import torch

    ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
    out = trained.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False, pad_token_id=0
    )
    tokens = out[0, ids.shape[1] :].tolist()
    kept = tokens[: tokens.index(0)] if 0 in tokens else tokens
    return tokenizer.decode(kept, skip_special_tokens=True).rstrip("\ufffd")


def opened(folder, adapter, **options):
    return open_generator(f"hf:{folder}", ModelOptions(Sampling(16), cached=False, adapter=str(adapter), **options))


KINDS = {
    "saved because resized": {},
    "modules_to_save": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "trainable tokens, embeddings saved": {"trainable_token_indices": "new"},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("merge", [True, False], ids=["merged", "apart"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_adapter_that_added_tokens_answers_as_the_model_that_was_trained(model, tmp_path, texts, mini, kind, merge):
    trained, tokenizer = train(model, tmp_path / "adapter", texts, **kind)
    generator = opened(model, tmp_path / "adapter", merge=merge)
    items = mini.items[:5]
    prompts = generator.prompts(mini, items)
    assert prompts[0] == f"<doc>{items[0].instruction}<call>"
    completions = {one.item: one for one in generator.generate(mini, items)}
    expected = [reference(trained, tokenizer, prompt) for prompt in prompts]
    assert [completions[item.id].text for item in items] == expected
    assert len(set(expected)) > 1
    # A new token is one token.
    ids = tokenizer(prompts[0], add_special_tokens=False)["input_ids"]
    assert completions[items[0].id].prompt_tokens == len(ids)
    assert max(ids) >= 600
    assert generator.describe()["adapter"]["tokenizer"] == "adapter"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_single_trained_tokens_without_whole_layers_are_enough_where_the_layers_are_tied(tmp_path, texts, mini):
    tied = save_model(tmp_path / "tied", texts, tied=True)
    trained, tokenizer = train(tied, tmp_path / "adapter", texts, save=False, trainable_token_indices="new")
    shapes = tensor_shapes(find(str(tmp_path / "adapter")))
    assert not any(name.endswith("embed_tokens.weight") for name in shapes)
    generator = opened(tied, tmp_path / "adapter")
    items = mini.items[:3]
    prompts = generator.prompts(mini, items)
    completions = {one.item: one.text for one in generator.generate(mini, items)}
    assert [completions[item.id] for item in items] == [reference(trained, tokenizer, prompt) for prompt in prompts]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_lora_on_the_embeddings_is_not_merged_into_the_output_too(tmp_path, texts, mini, tied):
    model = save_model(tmp_path / "model", texts, tied=tied)
    targets = ["q_proj", "embed_tokens"] + ([] if tied else ["lm_head"])
    trained, tokenizer = train(model, tmp_path / "adapter", texts, target_modules=targets, save=True)
    if tied:
        with pytest.raises(UsageError, match="give --no-merge"):
            opened(model, tmp_path / "adapter")
    for merge in (False,) if tied else (True, False):
        generator = opened(model, tmp_path / "adapter", merge=merge)
        prompts = generator.prompts(mini, mini.items[:3])
        completions = {one.item: one.text for one in generator.generate(mini, mini.items[:3])}
        expected = [reference(trained, tokenizer, prompt) for prompt in prompts]
        assert [completions[item.id] for item in mini.items[:3]] == expected


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", [{}, {"trainable_token_indices": [600, 601]}], ids=["none", "two of three"])
def test_tokens_whose_embeddings_are_lost_are_refused_by_name(model, tmp_path, texts, kind):
    train(model, tmp_path / "adapter", texts, save=False, **kind)
    with pytest.raises(ModelError, match=r"added 3 tokens .* no weights of .*'<doc>'.*modules_to_save") as raised:
        opened(model, tmp_path / "adapter")
    assert ("'<call>'" in str(raised.value)) == (not kind)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_single_tokens_are_not_enough_where_the_output_has_weights_of_its_own(tmp_path, texts):
    untied = save_model(tmp_path / "untied", texts, tied=False)
    train(untied, tmp_path / "adapter", texts, save=False, trainable_token_indices="new")
    with pytest.raises(ModelError, match=r"no weights of lm_head for 3"):
        opened(untied, tmp_path / "adapter")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_more_rows_than_the_tokenizer_has_tokens_are_refused(model, tmp_path, texts):
    train(model, tmp_path / "adapter", texts, tokenizer_too=False)
    with pytest.raises(ModelError, match=r"603 rows, .* 600 tokens .*copy the tokenizer"):
        opened(model, tmp_path / "adapter")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_embeddings_that_were_padded_or_shrunk_fit(tmp_path, texts, mini):
    """As ``pad_to_multiple_of`` makes them, and ``resize_token_embeddings(len(tokenizer))`` on a model with spare rows."""
    model = save_model(tmp_path / "model", texts, tied=True, spare=40)
    for name, rows in (("padded", 704), ("shrunk", 603)):
        trained, tokenizer = train(model, tmp_path / name, texts, rows=rows)
        generator = opened(model, tmp_path / name)
        [prompt] = generator.prompts(mini, mini.items[:1])
        [one] = generator.generate(mini, mini.items[:1])
        assert one.text == reference(trained, tokenizer, prompt)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tokens_in_spare_rows_of_the_model_need_no_weights(tmp_path, texts, mini):
    """They were not trained, and are what they were in training."""
    model = save_model(tmp_path / "model", texts, tied=True, spare=40)
    trained, tokenizer = train(model, tmp_path / "adapter", texts, rows=640, save=False)
    generator = opened(model, tmp_path / "adapter")
    [prompt] = generator.prompts(mini, mini.items[:1])
    [one] = generator.generate(mini, mini.items[:1])
    assert one.text == reference(trained, tokenizer, prompt)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_adapter_for_a_larger_model_is_refused_and_not_half_loaded(tmp_path, texts):
    """PEFT leaves out the weights of layers that the model lacks, and sets those that the adapter lacks to nothing."""
    small = save_model(tmp_path / "small", texts, tied=True, layers=1)
    large = save_model(tmp_path / "large", texts, tied=True, layers=3)
    for name, folder in (("of-large", large), ("of-small", small)):
        train(folder, tmp_path / name, texts, add=[], tokenizer_too=False)
    with pytest.raises(ModelError, match=r"of-large is not for this model, which has no layer for 8 of its 12 weights"):
        opened(small, tmp_path / "of-large")
    with pytest.raises(ModelError, match=r"of-small is not for this model: Found missing adapter keys"):
        opened(large, tmp_path / "of-small")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_adapter_with_a_template_alone_is_asked_in_it(tmp_path, texts, mini):
    model = save_model(tmp_path / "model", texts, tied=True)
    train(model, tmp_path / "adapter", texts, add=[], tokenizer_too=False)
    item = mini.items[0]
    assert opened(model, tmp_path / "adapter").prompts(mini, [item]) == [mini.prompt(item)]
    (tmp_path / "adapter" / "chat_template.jinja").write_text("Q {{ messages[0]['content'] }} A")
    generator = opened(model, tmp_path / "adapter")
    assert generator.prompts(mini, [item]) == [f"Q {item.instruction} A"]
    assert generator.describe()["adapter"]["chat_template"] == "adapter"
    (tmp_path / "adapter" / "chat_template.jinja").unlink()
    (tmp_path / "adapter" / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ bos_token }}X"}))
    assert opened(model, tmp_path / "adapter", prompting=Prompting("chat")).prompts(mini, [item]) == ["X"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_adapter_in_the_older_file_format_and_a_torn_one(tmp_path, texts):
    import torch
    from safetensors.torch import load_file

    model = save_model(tmp_path / "model", texts, tied=True)
    train(model, tmp_path / "adapter", texts)
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    older = tmp_path / "older"
    shutil.copytree(tmp_path / "adapter", older)
    torch.save(load_file(file), older / "adapter_model.bin")
    (older / file.name).unlink()
    assert tensor_shapes(find(str(older))) == tensor_shapes(find(str(tmp_path / "adapter")))
    opened(model, older)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ModelError, match="--adapter adapter cannot be read"):
        opened(model, tmp_path / "adapter")
    file.unlink()
    with pytest.raises(ModelError, match="--adapter adapter cannot be read"):
        opened(model, tmp_path / "adapter")


def test_an_adapter_on_quantised_weights_is_kept_apart(tmp_path, texts, gpt2):
    """Merging would round it, and the answers would be those of neither."""
    model = save_model(tmp_path / "model", texts, tied=True)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "bitsandbytes"}}))
    with pytest.raises(UsageError, match="give --no-merge"):
        opened(model, gpt2)


def test_rows_and_tokens_are_read_from_every_form_of_them():
    shapes = {
        "base_model.model.transformer.wte.lora_embedding_A": (4, 610),
        "base_model.model.transformer.wte.lora_embedding_B": (32, 4),
        "base_model.model.lm_head.lora_A.weight": (4, 32),
        "base_model.model.lm_head.lora_B.weight": (611, 4),
        "base_model.model.model.embed_tokens.base_layer.weight": (612, 32),
    }
    assert stored_rows(shapes, "transformer.wte") == 610
    assert stored_rows(shapes, "transformer.wte", is_whole=True) is None
    assert stored_rows(shapes, "lm_head") == 611
    assert stored_rows(shapes, "model.embed_tokens", is_whole=True) == 612
    assert stored_rows(shapes, "model.layers") is None
    assert trained_tokens({"trainable_token_indices": [1, 2]}) == {"": {1, 2}}
    assert trained_tokens({"trainable_token_indices": {"lm_head": [3]}}) == {"lm_head": {3}}
    assert trained_tokens({"trainable_token_indices": None, "token_indices": [4]}) == {"": {4}}
    assert trained_tokens({}) == {"": set()}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({}, "its tokenizer has 603 tokens and the model 600"),
        ({"add": [], "modules_to_save": ["embed_tokens"]}, "modules_to_save, embed_tokens"),
        ({"add": [], "trainable_token_indices": [5, 6]}, "trainable_token_indices"),
        ({"add": [], "modules_to_save": ["lm_head"]}, "modules_to_save, lm_head"),
    ],
)
def test_vllm_is_not_given_what_it_would_leave_out(tmp_path, texts, kind, message):
    model = save_model(tmp_path / "model", texts, tied=False)
    train(model, tmp_path / "adapter", texts, **kind)
    checkpoint, adapter = find(str(model)), find(str(tmp_path / "adapter"))
    with pytest.raises(ModelError, match=f"{message}.*merge the adapter"):
        refuse_added_tokens(checkpoint, adapter, CheckpointTokenizer(checkpoint, adapter))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_vllm_is_given_an_adapter_that_trained_neither(tmp_path, texts):
    model = save_model(tmp_path / "model", texts, tied=False)
    train(model, tmp_path / "adapter", texts, add=[])
    checkpoint, adapter = find(str(model)), find(str(tmp_path / "adapter"))
    refuse_added_tokens(checkpoint, adapter, CheckpointTokenizer(checkpoint, adapter))
