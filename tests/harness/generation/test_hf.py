import collections
import json
import math
import random
import shutil

import pytest
from few import few
from tiny_checkpoints import save_gpt2

from apigauge import ApigaugeError
from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.hf import HF, Gumbel
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling

SHORT = Sampling(max_new_tokens=24)
DRAWN = Sampling(max_new_tokens=24, temperature=1.3, top_p=0.95, samples=2)


def answers(folder, benchmark, items=None, sampling=SHORT, **options):
    opened = open_generator(f"hf:{folder}", ModelOptions(sampling, cached=False, **options))
    return {(one.item, one.sample): one for one in opened.generate(benchmark, items or benchmark.items)}


@pytest.mark.slow
@pytest.mark.parametrize("sampling", few([DRAWN, SHORT], 2), ids=["drawn", "greedy"])
@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_neither_batch_nor_order_changes_an_answer(kind, sampling, mini, request):
    folder = request.getfixturevalue(kind)
    alone = answers(folder, mini, sampling=sampling, batch_size=1)
    assert len(alone) == 56 * sampling.samples
    assert len({one.text for one in alone.values()}) > 10
    shuffled = list(mini.items)
    random.Random(3).shuffle(shuffled)
    for again in (
        answers(folder, mini, sampling=sampling, batch_size=8),
        answers(folder, mini, shuffled[:40], sampling=sampling, batch_size=64),
    ):
        same = sum(alone[key].text == one.text for key, one in again.items())
        assert same >= 0.995 * len(again)


def test_an_answer_is_what_the_library_itself_gives_to_the_prompt(gpt2, mini):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(gpt2), AutoModelForCausalLM.from_pretrained(gpt2)
    ours = answers(gpt2, mini, batch_size=16)
    for item in mini.items[:8]:
        ids = torch.tensor([tokenizer(mini.prompt(item))["input_ids"]])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0
        )
        tokens = out[0, ids.shape[1] :].tolist()
        kept = tokens[: tokens.index(0)] if 0 in tokens else tokens
        one = ours[item.id, 0]
        text = tokenizer.decode(kept, skip_special_tokens=True)
        # The tokens of a cut answer may end inside a character.
        assert one.text == (text if 0 in tokens else text.rstrip("\ufffd"))
        assert (one.prompt_tokens, one.completion_tokens) == (ids.shape[1], len(kept))
        assert one.finish_reason == ("stop" if 0 in tokens else "length")


def test_two_samples_of_an_item_differ_and_the_seed_decides(gpt2, mini):
    first, again = (answers(gpt2, mini, sampling=DRAWN) for _ in range(2))
    assert {key: one.text for key, one in first.items()} == {key: one.text for key, one in again.items()}
    assert sum(first[item.id, 0].text != first[item.id, 1].text for item in mini.items) > 50
    other = answers(gpt2, mini, sampling=Sampling(24, temperature=1.3, top_p=0.95, seed=1))
    assert sum(other[item.id, 0].text != first[item.id, 0].text for item in mini.items) > 50


def test_draws_follow_the_softmax():
    import torch

    logits = torch.tensor([[1.0, 0.0, -1.0, float("-inf")]])
    drawn = Gumbel([7])
    counts = collections.Counter(int(drawn(None, logits).argmax()) for _ in range(20_000))
    weights = [math.exp(1), 1, math.exp(-1)]
    assert counts[3] == 0
    for token, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(counts[token] / 20_000 - share) < 4 * math.sqrt(share * (1 - share) / 20_000)


def test_an_answer_ends_before_a_stop_text(gpt2, mini):
    plain = answers(gpt2, mini)
    stop = next(one.text[3:5] for one in plain.values() if len(one.text) > 8 and one.text[3:5] not in one.text[:4])
    for key, one in answers(gpt2, mini, sampling=Sampling(24, stop=(stop,))).items():
        whole = plain[key].text
        assert one.text == (whole[: whole.index(stop)] if stop in whole else whole)
        if stop in whole:
            assert one.finish_reason == "stop"


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost_or_made_twice(gpt2, mini, monkeypatch):
    import torch

    sizes, generate = [], HF._generate

    def limited(self, batch):
        sizes.append(len(batch))
        if len(batch) > 5:
            raise torch.OutOfMemoryError("no room")
        return generate(self, batch)

    whole = answers(gpt2, mini)
    monkeypatch.setattr(HF, "_generate", limited)
    opened = open_generator(f"hf:{gpt2}", ModelOptions(SHORT, cached=False))
    completions = list(opened.generate(mini, mini.items))
    assert sizes[:4] == [32, 16, 8, 4]
    assert max(sizes[3:]) == 4
    assert len(completions) == 56
    assert {(one.item, 0): one.text for one in completions} == {key: one.text for key, one in whole.items()}
    monkeypatch.setattr(HF, "_generate", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError))
    with pytest.raises(ModelError, match="alone does not fit memory"):
        list(opened.generate(mini, mini.items))


def test_the_longest_prompts_come_first(gpt2, mini):
    opened = open_generator(f"hf:{gpt2}", ModelOptions(SHORT, cached=False, batch_size=8))
    lengths = [one.prompt_tokens for one in opened.generate(mini, mini.items)]
    assert lengths == sorted(lengths, reverse=True)


def test_an_answer_ends_with_the_context_and_a_prompt_that_fills_it_stops_the_run_before_it_starts(
    tmp_path, texts, mini
):
    save_gpt2(tmp_path / "m", texts, context=110)
    short = [item for item in mini.items if len(mini.prompt(item)) < 150]
    cut_off = answers(tmp_path / "m", mini, short, Sampling(100))
    assert cut_off
    assert all(one.prompt_tokens + one.completion_tokens <= 110 for one in cut_off.values())
    assert any(one.prompt_tokens + one.completion_tokens == 110 for one in cut_off.values())
    # A prompt with less room than its neighbours neither shortens their answers nor gets more for itself.
    assert cut_off == answers(tmp_path / "m", mini, short, Sampling(100), batch_size=1)
    opened = open_generator(f"hf:{tmp_path / 'm'}", ModelOptions(SHORT, Prompting(retriever="oracle"), cached=False))
    with pytest.raises(UsageError, match=r"56 items leave no room .* context of 110 tokens"):
        next(opened.generate(mini, mini.items))


def test_the_chat_template_is_used_where_there_is_one(chatty, gpt2, mini):
    item = mini.items[0]
    by_style = {
        style: open_generator(f"hf:{chatty}", ModelOptions(SHORT, Prompting(style))).prompts(mini, [item])[0]
        for style in ("auto", "chat", "instruction")
    }
    assert by_style["auto"] == by_style["chat"] == f"<|user|>{item.instruction}<|model|>"
    assert by_style["instruction"] == mini.prompt(item)
    with pytest.raises(UsageError, match="no chat template"):
        open_generator(f"hf:{gpt2}", ModelOptions(SHORT, Prompting("chat")))


@pytest.fixture
def adapter(tmp_path, gpt2):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(5)
    config = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(gpt2), config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_changes_the_answers_merged_or_not(gpt2, adapter, mini):
    plain = answers(gpt2, mini)
    merged, apart = (answers(gpt2, mini, adapter=str(adapter), merge=merge) for merge in (True, False))
    assert sum(merged[key].text != plain[key].text for key in plain) > 40
    assert sum(merged[key].text == apart[key].text for key in plain) >= 55
    about = open_generator(f"hf:{gpt2}", ModelOptions(SHORT, adapter=str(adapter))).describe()
    assert about["adapter"]["revision"].startswith("sha256:")
    assert about["spec"] == f"hf:{gpt2.name}+adapter"


def test_what_cannot_answer_is_refused_with_one_clear_message(tmp_path, gpt2, adapter):
    bert = tmp_path / "bert"
    shutil.copytree(gpt2, bert)
    (bert / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertForMaskedLM"]}))
    mute = tmp_path / "mute"
    shutil.copytree(gpt2, mute, ignore=lambda _, names: [name for name in names if name.startswith("tokenizer")])
    empty = tmp_path / "empty"
    empty.mkdir()
    torn = tmp_path / "torn"
    shutil.copytree(gpt2, torn)
    (torn / "model.safetensors").write_bytes((gpt2 / "model.safetensors").read_bytes()[:1000])
    for folder, message in (
        (bert, "BertForMaskedLM, which does not answer in text"),
        (mute, "has no tokenizer"),
        (empty, "has no config.json"),
        (torn, "cannot be loaded"),
        (tmp_path / "nowhere", "there is no such folder"),
    ):
        with pytest.raises(ModelError, match=message) as raised:
            open_generator(f"hf:{folder}", ModelOptions(SHORT))
        assert "\n" not in str(raised.value)
    other = json.loads((adapter / "adapter_config.json").read_text()) | {"target_modules": ["q_proj"]}
    (adapter / "adapter_config.json").write_text(json.dumps(other))
    with pytest.raises(ModelError, match=r"--adapter adapter is not for this model"):
        open_generator(f"hf:{gpt2}", ModelOptions(SHORT, adapter=str(adapter)))


def test_a_model_of_the_hub_that_cannot_be_reached_says_how_to_give_a_path(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"cannot be reached .*hf download gpt2-nowhere --local-dir DIR"):
        open_generator("hf:gpt2-nowhere", ModelOptions(SHORT))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Sampling(samples=2),
        lambda: Sampling(temperature=-1),
        lambda: Sampling(top_p=0),
        lambda: Prompting("no file"),
    ],
)
def test_options_that_make_no_sense_are_refused(made):
    with pytest.raises(UsageError):
        made()


def test_the_manifest_says_what_the_answers_depend_on_and_nothing_of_this_machine(gpt2):
    about = open_generator(f"hf:{gpt2}", ModelOptions(SHORT)).describe()
    assert about["kind"] == "hf"
    assert about["dtype"] == "float32"
    assert about["revision"].startswith("sha256:")
    assert str(gpt2.parent) not in json.dumps(about)
    assert issubclass(ModelError, ApigaugeError)
