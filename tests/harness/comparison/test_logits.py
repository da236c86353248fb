"""Tokens and gaps of tiny checkpoints, against the tokenizer's own library and forward passes written here."""

import json
import shutil
import sys

import pytest
from compared_runs import edit, stubs
from tiny_checkpoints import CHAT, save_gpt2, save_tokenizer

from apigauge.__main__ import main


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory, mini):
    folder = tmp_path_factory.mktemp("gpt2")
    save_gpt2(folder, [item.instruction for item in mini.train], chat=CHAT, context=1024)
    return folder


@pytest.fixture(scope="module")
def raw(gpt2):
    """The checkpoint's tokenizer without transformers."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(gpt2 / "tokenizer.json"))


@pytest.mark.parametrize("option", ["tokenizer", "logits"])
def test_with_a_tokenizer_texts_diverge_at_one_of_its_tokens(make, mini, gpt2, raw, compared, option):
    item = mini.items[0].id
    texts = "Find the three greatest of these scores.", "Find the three greyest of these scores."
    a, b = (make(name, {item: text}, None) for name, text in zip("ab", texts, strict=True))
    left, right_ = (raw.encode(text, add_special_tokens=False) for text in texts)
    position = next(at for at, pair in enumerate(zip(left.ids, right_.ids, strict=False)) if pair[0] != pair[1])
    result, _ = compared(a, b, f"--{option}", f"hf:{gpt2}" if option == "logits" else gpt2)
    assert result["different"][0]["text"] == {
        "position": position,
        "a": left.tokens[position],
        "b": right_.tokens[position],
        "before": texts[0][: left.offsets[position][0]],
    }
    assert position != compared(a, b)[0]["different"][0]["text"]["position"]


def test_an_unavailable_tokenizer_is_reported(make, mini, tmp_path, capsys):
    run = str(make("a", {mini.items[0].id: "text"}, None))
    assert main(["compare", run, run, "--tokenizer", "./nowhere/at/all"]) == 4
    assert "--tokenizer ./nowhere/at/all" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["compare", run, run, "--tokenizer", str(tmp_path / "empty")]) == 4
    assert "has no tokenizer" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["torch", "transformers"])
@pytest.mark.parametrize("options", [["--tokenizer", "x"], ["--logits", "hf:x"]], ids=lambda options: options[0])
def test_without_the_libraries_the_message_says_how_to_install_them(make, mini, capsys, monkeypatch, options, missing):
    run = str(make("a", {mini.items[0].id: "text"}, None))
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["compare", run, run, *options]) == 2
    assert f"{options[0]} needs transformers and torch: pip install 'apigauge[hf]'" in capsys.readouterr().err


def instructed(item):
    return f"###Instruction: {item.instruction}\n###Output:"


def chatted(item):
    return f"<|user|>{item.instruction}<|model|>"


def shown_a_document(item):
    return f"###Instruction: {item.instruction}\n Use this API documentation for reference: {item.document}\n###Output:"


def expected_gap(model, raw, prompt, text, position, *, started=None, first=()):
    """The two highest logits after the prompt and the text up to a token, by a forward pass of the model itself.

    ``first`` are tokens before the prompt, ``started`` those before the answer of a model with an encoder.
    """
    import torch

    before = [*first, *raw.encode(prompt, add_special_tokens=False).ids]
    answered = raw.encode(text, add_special_tokens=False).ids[:position]
    with torch.no_grad():
        if started:
            logits = model(
                input_ids=torch.tensor([before]), decoder_input_ids=torch.tensor([[*started, *answered]])
            ).logits
        else:
            logits = model(input_ids=torch.tensor([before + answered])).logits
    ordered = logits[0, -1].double().sort(descending=True)
    return float(ordered.values[0] - ordered.values[1]), [raw.id_to_token(int(at)) for at in ordered.indices[:2]]


@pytest.mark.parametrize(
    ("prompt", "manifest"),
    [
        (instructed, {}),
        (instructed, {"prompt": "instruction", "retriever": "none"}),
        (chatted, {"prompt": "chat", "retriever": "none"}),
        (shown_a_document, {"prompt": "instruction", "retriever": "oracle"}),
    ],
    ids=["not recorded", "instruction", "chat", "oracle"],
)
def test_the_gap_is_that_of_the_two_likeliest_tokens_where_the_texts_diverge(
    tmp_path, mini, gpt2, raw, compared, prompt, manifest
):
    from transformers import GPT2LMHeadModel

    a, b = stubs(tmp_path, mini, prompt, manifest)
    result, stderr = compared(a, b, "--logits", f"hf:{gpt2}")
    assert "other weights" not in stderr
    model = GPT2LMHeadModel.from_pretrained(gpt2).eval()
    gaps = []
    for item, one in zip(mini.items[:3], result["different"], strict=True):
        assert one["text"]["position"] > 0
        gap, top = expected_gap(model, raw, prompt(item), "torch.topk(x, 3)", one["text"]["position"])
        assert one["logits"] == {"gap": pytest.approx(gap, abs=1e-3), "top": top}
        gaps.append(gap)
    assert len(set(gaps)) == 3


def save_words(folder, seed):
    """A model of two dozen words that writes every text as its tokenizer reads it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = ["<|end|>", *(f"word{number}" for number in range(24))]
    raw = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="word0"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>").save_pretrained(folder)
    torch.manual_seed(seed)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=25, n_positions=128, n_embd=32, n_layer=2, n_head=2, **ends))
    for parameter in model.parameters():
        parameter.data *= 4
    model.save_pretrained(folder)


def test_where_greedy_answers_diverge_a_model_took_its_likeliest_token(tmp_path, mini, compared, capsys):
    """Two checkpoints answer for themselves, as ``run --model hf:`` has them do; the gap is of the first one."""
    from apigauge.harness.evaluation.evaluate import generate
    from apigauge.harness.generation.backends import open_generator
    from apigauge.harness.generation.options import ModelOptions
    from apigauge.harness.generation.sampling import Sampling

    options = ModelOptions(Sampling(max_new_tokens=12), cached=False, device="cpu")
    for seed, name in enumerate("ab"):
        save_words(tmp_path / f"model-{name}", seed)
        generate(mini, open_generator(f"hf:{tmp_path}/model-{name}", options), tmp_path / name, limit=8)
    result, stderr = compared(tmp_path / "a", tmp_path / "b", "--logits", f"hf:{tmp_path / 'model-a'}")
    assert stderr.count(f"{tmp_path / 'b'} was answered by other weights") == stderr.count("other weights") == 1
    assert len(result["different"]) >= 4
    for one in result["different"]:
        assert one["logits"]["top"][0] == (one["text"]["a"] or "<|end|>")
        assert one["logits"]["gap"] > 0
    # The first answer goes on with the second likeliest token, as after a rounding error.
    first, second = result["different"][0]["item"], result["different"][0]["logits"]["top"][1]
    assert result["different"][0]["text"]["position"] == 0
    edit(
        tmp_path / "b" / "generations.jsonl",
        lambda row: row.update({"text": second}) if row["item"] == first else None,
    )
    result, _ = compared(tmp_path / "a", tmp_path / "b", "--logits", f"hf:{tmp_path / 'model-a'}")
    strange = [one for one in result["different"] if one["text"]["b"] not in (None, *one["logits"]["top"])]
    assert first not in {one["item"] for one in strange}
    assert 0 < len(strange) < len(result["different"])
    main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--logits", f"hf:{tmp_path / 'model-a'}"])
    assert capsys.readouterr().out.count("the texts have other tokens there") == len(strange)


@pytest.mark.parametrize(("forced", "started"), [(None, [0]), (5, [0, 5])])
def test_a_model_with_an_encoder_reads_the_prompt_there_and_the_text_in_its_decoder(
    tmp_path, mini, raw, compared, forced, started
):
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path / "t5"
    save_tokenizer(folder, [item.instruction for item in mini.train])
    torch.manual_seed(3)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": raw.get_vocab_size()}
    tokens = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 0}
    model = T5ForConditionalGeneration(T5Config(**sizes, **tokens)).eval()
    model.generation_config.forced_bos_token_id = forced
    model.save_pretrained(folder)
    a, b = stubs(tmp_path, mini, instructed)
    result, _ = compared(a, b, "--logits", f"hf:{folder}")
    for item, one in zip(mini.items[:3], result["different"], strict=True):
        gap, top = expected_gap(
            model, raw, instructed(item), "torch.topk(x, 3)", one["text"]["position"], started=started
        )
        assert one["logits"] == {"gap": pytest.approx(gap, abs=1e-3), "top": top}


@pytest.fixture
def respelled(gpt2, tmp_path):
    """The checkpoint with a change to the file of its tokenizer."""

    def save(**change):
        folder = shutil.copytree(gpt2, tmp_path / "respelled")
        settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        (folder / "tokenizer.json").write_text(json.dumps(settings | change), encoding="utf-8")
        return folder

    return save


STARTS = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<|user|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {"<|user|>": {"id": "<|user|>", "ids": [1], "tokens": ["<|user|>"]}},
}


@pytest.mark.parametrize(
    ("prompt", "style", "first"), [(instructed, "instruction", [1]), (chatted, "chat", [])], ids=["instruction", "chat"]
)
def test_a_token_that_begins_every_text_comes_before_the_prompt_unless_the_chat_template_has_it(
    tmp_path, mini, raw, respelled, compared, prompt, style, first
):
    """Llama's tokenizer begins so. Before the answer it does not come again, nor does it count as a token there."""
    from transformers import GPT2LMHeadModel

    folder = respelled(post_processor=STARTS)
    a, b = stubs(tmp_path, mini, prompt, {"prompt": style})
    result, _ = compared(a, b, "--logits", f"hf:{folder}")
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    left, right = (raw.encode(text, add_special_tokens=False).ids for text in ("torch.topk(x, 3)", "torch.tops(x, 3)"))
    position = next(at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1])
    for item, one in zip(mini.items[:3], result["different"], strict=True):
        assert one["text"]["position"] == position
        gap, top = expected_gap(model, raw, prompt(item), "torch.topk(x, 3)", position, first=first)
        assert one["logits"] == {"gap": pytest.approx(gap, abs=1e-3), "top": top}


def reasons(result):
    assert len(result["different"]) == 3
    assert {one["logits"]["gap"] for one in result["different"]} == {None}
    (why,) = {one["logits"]["why"] for one in result["different"]}
    return why


@pytest.mark.parametrize(
    ("prompt", "manifest", "why"),
    [
        (lambda item: f"{instructed(item)} ", {}, "cannot be rendered again"),
        (instructed, {"prompt": "chat"}, "cannot be rendered again"),
        (instructed, {"retriever": "dense"}, "cannot be rendered again"),
        (instructed, {"prompt": "template"}, "template file"),
    ],
    ids=["another digest", "another style", "an unknown retriever", "a template"],
)
def test_a_prompt_that_cannot_be_rendered_again_has_no_gap_but_a_reason(
    tmp_path, mini, gpt2, compared, prompt, manifest, why
):
    assert why in reasons(compared(*stubs(tmp_path, mini, prompt, manifest), "--logits", f"hf:{gpt2}")[0])


def test_prompts_that_differ_between_the_runs_have_no_gap(tmp_path, mini, gpt2, compared):
    a, b = stubs(tmp_path, mini, instructed)
    edit(b / "generations.jsonl", lambda row: row.update({"prompt_sha256": "0" * 64}))
    assert "different prompts" in reasons(compared(a, b, "--logits", f"hf:{gpt2}")[0])


def test_texts_with_equal_tokens_have_no_gap(tmp_path, mini, respelled, compared):
    a, b = stubs(tmp_path, mini, instructed, texts=("Torch.topk", "torch.topk"))
    result, _ = compared(a, b, "--logits", f"hf:{respelled(normalizer={'type': 'Lowercase'})}")
    assert "gives both texts the same tokens" in reasons(result)
    assert (result["different"][0]["text"]["a"], result["different"][0]["text"]["b"]) == (None, None)


def test_a_chat_has_no_gap_of_a_model_without_a_chat_template(tmp_path, mini, gpt2, compared):
    folder = shutil.copytree(gpt2, tmp_path / "plain")
    (folder / "chat_template.jinja").unlink()
    a, b = stubs(tmp_path, mini, chatted, {"prompt": "chat"})
    assert "cannot be rendered again" in reasons(compared(a, b, "--logits", f"hf:{folder}")[0])


def test_a_lone_surrogate_is_read_by_a_tokenizer_too(make, mini, gpt2, compared):
    """A server may send one. It has no UTF-8 encoding, and tokenizers accept only UTF-8."""
    item = mini.items[0].id
    a, b = make("a", {item: "f(1)"}, None), make("b", {item: "g(1)"}, None)
    edit(a / "generations.jsonl", lambda row: row.update({"text": "\ud800"}))
    result, _ = compared(a, b, "--tokenizer", gpt2)
    assert (result["different"][0]["text"]["position"], result["different"][0]["text"]["a"]) == (0, "?")


def test_a_text_beyond_the_models_context_has_no_gap(tmp_path, mini, gpt2, compared):
    a, b = stubs(tmp_path, mini, instructed, texts=("topk " * 1000 + "x", "topk " * 1000 + "y"))
    assert "longer than the model's context" in reasons(compared(a, b, "--logits", f"hf:{gpt2}")[0])


def test_people_see_the_gap_or_why_there_is_none(tmp_path, mini, gpt2, capsys):
    a, b = stubs(tmp_path, mini, instructed)
    first = mini.items[0].id
    for run in (a, b):
        edit(
            run / "generations.jsonl", lambda row: row.update({"prompt_sha256": "0"}) if row["item"] == first else None
        )
    assert main(["compare", str(a), str(b), "--logits", f"hf:{gpt2}"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("  logits: no gap: its prompt cannot be rendered again") == 1
    assert shown.count(" is ahead of ") == 2


@pytest.mark.parametrize("manifest", [{"revision": "sha256:other"}, {"adapter": {"model": "lora"}}], ids=str)
def test_other_weights_than_the_run_s_are_reported(tmp_path, mini, gpt2, compared, manifest):
    a, b = stubs(tmp_path, mini, instructed, manifest)
    _, stderr = compared(a, b, "--logits", f"hf:{gpt2}")
    assert stderr.count("was answered by other weights than --logits reads") == 2
