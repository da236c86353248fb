"""Whether a call that a program made is the reference's: by the rules of ``ast.exact``, on values."""

import dataclasses

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.harness.metrics.observed_calls import ObservedCalls, source_of
from apigauge.sandboxes.verdict import ObservedCall, Verdict

REFERENCES = {
    "hub": "torch.hub.load('pytorch/vision:v0.10.0', 'resnet34', pretrained=True)",
    "pipe": "pipeline('sentiment-analysis', model='a/b', tokenizer=tokenizer)",
    "auto": "AutoModel.from_pretrained('a/b')",
    "dict": "torch.hub.load('a/b', 'c', sizes=[1, 2], rate=0.5)",
    "nested": "pipeline('text-generation', model=AutoModel.from_pretrained('a/b'))",
    "file": "joblib.load(cached_download(hf_hub_url('a/b', 'm.joblib')))",
    "none": "pip install something",
}


def judged(item, *calls):
    program = "from transformers import pipeline, AutoModel\nimport joblib, torch\n"
    program += "from huggingface_hub import cached_download, hf_hub_url\n"
    items = tuple(
        Item(name, "", call, program + call if name != "none" else "", "Vision", name)
        for name, call in REFERENCES.items()
    )
    catalogue = tuple(Api(one.reference_call, "Vision", example=one.reference_program) for one in items)
    observed = ObservedCalls(Benchmark("test", items, catalogue, "0"))
    return observed.judge(item, Verdict("passed", 4, calls=calls))


def hub(*positional, **keywords):
    return ObservedCall("torch.hub.load", positional, keywords)


def pipe(*positional, **keywords):
    return ObservedCall("transformers.pipeline", positional, keywords)


@pytest.mark.parametrize(
    ("item", "call"),
    [
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="True")),
        ("hub", hub(repo_or_dir="'pytorch/vision:main'", model="'resnet34'", pretrained="True")),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="True", source="'github'")),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="True", trust_repo="True", verbose="False")),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="True", map_location="'cpu'")),
        ("pipe", pipe("'text-classification'", model="'a/b'", tokenizer="...")),
        ("pipe", pipe(task="'sentiment-analysis'", model="'a/b'", tokenizer="'a/b'", device="0")),
        ("auto", ObservedCall("transformers.AutoModel.from_pretrained", ("'a/b'",), {"torch_dtype": "..."})),
        ("dict", hub("'a/b'", "'c'", sizes="[1, 2]", rate="0.5")),
    ],
)
def test_the_references_call(item, call):
    assert judged(item, call) == (True, "")


PATH = "'/hub/0123/m.joblib'"
MADE = {
    "model": ObservedCall("transformers.AutoModel.from_pretrained", ("'a/b'",), {"torch_dtype": "..."}),
    "another model": ObservedCall("transformers.AutoModel.from_pretrained", ("'a/c'",)),
    "another class": ObservedCall("transformers.BertModel.from_pretrained", ("'a/b'",)),
    "address": ObservedCall("huggingface_hub.hf_hub_url", ("'a/b'",), {"filename": "'m.joblib'"}),
    "another address": ObservedCall("huggingface_hub.hf_hub_url", ("'a/b'", "'n.joblib'")),
    "download": ObservedCall(
        "huggingface_hub.cached_download", ("'https://huggingface.co/a/b/resolve/main/m.joblib'",)
    ),
    "nested": pipe("'text-generation'", model="..."),
    "file": ObservedCall("joblib.load", (PATH,)),
}


@pytest.mark.parametrize(
    ("item", "calls", "is_exact"),
    [
        ("nested", ("model", "nested"), True),
        ("nested", ("another model", "model", "nested"), True),
        ("nested", ("nested",), False),
        ("nested", ("another model", "nested"), False),
        ("nested", ("another class", "nested"), False),
        ("file", ("address", "download", "file"), True),
        ("file", ("another address", "download", "file"), False),
        ("file", ("address", "file"), False),
        ("file", ("file",), False),
    ],
)
def test_what_the_reference_computes_by_calls_the_program_must_have_called(item, calls, is_exact):
    """The value is an object that is not recorded, or a path that depends on the machine."""
    assert judged(item, *(MADE[name] for name in calls))[0] is is_exact


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (pipe("'sentiment-analysis'", task="'sentiment-analysis'", model="'a/b'", tokenizer="..."), "task twice"),
        (hub("'pytorch/vision'", "'resnet34'", repo_or_dir="'pytorch/vision'", pretrained="True"), "repo_or_dir twice"),
    ],
)
def test_a_call_that_python_refuses_is_none(call, said):
    is_exact, difference = judged("hub" if "hub" in call.function else "pipe", call)
    assert not is_exact
    assert said in difference


@pytest.mark.parametrize(
    ("item", "call", "difference"),
    [
        ("hub", hub("'pytorch/vision'", "'resnet18'", pretrained="True"), "resnet18"),
        ("hub", hub("'pytorch/vision'", "'resnet34'"), "pretrained is missing"),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="1"), "pretrained is 1"),
        ("hub", hub("'pytorch/vision'", "...", pretrained="True"), "model is"),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="..."), "pretrained is"),
        ("hub", hub("'pytorch/vision'", "'resnet34'", pretrained="'True'"), "pretrained is"),
        ("hub", pipe("'pytorch/vision'", "'resnet34'"), "the reference calls torch.hub.load"),
        ("pipe", pipe("'sentiment-analysis'", model="'a/b'"), "tokenizer is missing"),
        ("pipe", pipe("'sentiment-analysis'", model="...", tokenizer="..."), "model is"),
        ("auto", ObservedCall("transformers.AutoModelForCausalLM.from_pretrained", ("'a/b'",)), "the reference calls"),
        ("dict", hub("'a/b'", "'c'", sizes="[2, 1]", rate="0.5"), "sizes is"),
        ("none", hub("'a/b'", "'c'"), "the reference is no call"),
    ],
)
def test_another_call(item, call, difference):
    is_exact, said = judged(item, call)
    assert not is_exact
    assert difference in said


def test_one_right_call_among_others_is_enough():
    wrong, right = hub("'a/b'", "'d'"), hub("'pytorch/vision'", "'resnet34'", pretrained="True")
    assert judged("hub", wrong, right, wrong) == (True, "")
    assert judged("hub", wrong, wrong)[0] is False


def test_no_call_says_so():
    assert judged("hub") == (False, "made no call of a function of the catalogue")


@pytest.mark.parametrize(
    "keyword", ["a-b", "class", "__import__('os')", "x=1)", "\n", "'", "ö", "", "a" * 1000, "\ud800", "\x00"]
)
def test_a_keyword_is_never_read_as_a_program(keyword):
    """Names of keywords are the program's to choose."""
    call = ObservedCall("torch.hub.load", ("'pytorch/vision'", "'resnet34'"), {"pretrained": "True", keyword: "1"})
    assert judged("hub", call) == (True, "")
    call = ObservedCall("torch.hub.load", ("'pytorch/vision'",), {"pretrained": "True", keyword: "1"})
    assert judged("hub", call)[0] is False
    assert source_of(call).startswith("torch.hub.load('pytorch/vision', ")


def test_the_functions_are_those_of_catalogue_and_references():
    mini = load_benchmark("mini")
    functions = ObservedCalls(mini).functions
    assert len(functions) == 28
    assert {"torch.nn.LSTM", "itertools.combinations", "transformers.set_seed"} <= set(functions)
    more = dataclasses.replace(mini.items[0], id="more", reference_call="os.getcwd()", reference_program="import os")
    observed = ObservedCalls(dataclasses.replace(mini, items=(*mini.items, more)))
    assert set(observed.functions) - set(functions) == {"os.getcwd"}
