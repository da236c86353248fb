"""Answers that could mislead the reader: hidden packages, several models at once, other places of the same function."""

import pytest

import apigauge

GRU = "GRU(8, 16, batch_first=True, bidirectional=True)"
RIGHT = "torch.hub.load('pytorch/vision', 'densenet161', pretrained=True)"
WRONG = "torch.hub.load('pytorch/vision', 'alexnet', pretrained=True)"


def label(answer, item="mini-034", benchmark="mini"):
    return apigauge.score_answer(answer, item, benchmark=benchmark).labels["ast.exact"]


def hub_label(answer):
    return label(answer, "21", "apibench-torchhub")


@pytest.mark.parametrize(
    "hidden",
    [
        "torch = None",
        "import torch\ndel torch",
        "def torch(): pass",
        "class torch:\n    hub = type('H', (), {'load': print})",
        "import torch\nfrom unittest.mock import MagicMock\ntorch = MagicMock()",
    ],
)
@pytest.mark.apibench
def test_what_the_program_puts_in_the_place_of_a_package_is_none(hidden):
    assert hub_label(f"{hidden}\nm = {RIGHT}") == "no_call"


@pytest.mark.apibench
def test_a_short_name_of_a_package_can_be_hidden_too():
    answer = "class hub:\n    load = staticmethod(print)\nhub.load('https://tfhub.dev/tensorflow/ssd_mobilenet_v2/2')"
    assert label(answer, "281", "apibench-tensorflowhub") == "no_call"


@pytest.mark.parametrize(
    "several",
    [
        f"{RIGHT}, {WRONG}",
        f"import torch\nmodels = [{RIGHT}, {WRONG}]",
        f"import torch\nmodels = ({RIGHT}, {WRONG})",
        f"import torch\nmodels = {{'a': {RIGHT}, 'b': {WRONG}}}",
    ],
)
@pytest.mark.apibench
def test_of_several_models_side_by_side_none_is_proposed(several):
    assert hub_label(several) == "wrong_model"


@pytest.mark.parametrize(
    "one",
    [
        f"{RIGHT}\n{WRONG}",
        f"import torch\na = {RIGHT}\nb = {WRONG}",
        f"import torch\na, b = {RIGHT}, {WRONG}",
        f"import torch\n{RIGHT}\nprint(1)\nx = {WRONG}",
        f"import torch\nmodels = [{RIGHT}, {RIGHT}]",
    ],
)
@pytest.mark.apibench
def test_the_first_of_several_with_names_of_their_own_counts(one):
    assert hub_label(one) == "exact"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (f"from torch.nn.modules.rnn import GRU\n{GRU}", "exact"),
        (f"import torch.nn.modules as mods\nmods.{GRU}", "exact"),
        (f"from torch.ao.nn.quantized.dynamic import GRU\n{GRU}", "outside_catalogue"),
        (f"from torch.nn.modules.gru import GRU\n{GRU}", "unknown_api"),
    ],
)
def test_a_function_is_the_same_where_it_is_defined(program, expected):
    assert label(program) == expected


def test_a_class_may_be_imported_from_the_module_of_its_model():
    answer = "from transformers.models.gpt2.modeling_gpt2 import GPT2LMHeadModel\nGPT2LMHeadModel(config)"
    assert label(answer, "mini-003") == "exact"


@pytest.mark.parametrize("before", ["Answer: ", "API:  ", "Call: "])
def test_a_label_before_the_only_call_is_no_annotation(before):
    assert label(f"{before}torch.nn.{GRU}") == "exact"
    assert label(f"{before}torch.nn.{GRU}\nx = 1") == "no_call"


def test_targets_of_one_value_are_bound_from_left_to_right():
    swapped = "import torch\nn, h = h, n = {}\ntorch.nn.GRU(n, h, batch_first=True, bidirectional=True)"
    assert label(swapped.format("16, 8")) == "exact"
    assert label(swapped.format("8, 16")) == "different_argument"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("net.parameters()", "exact"), ("list(net.parameters())", "exact"), ("3", "different_argument")],
)
def test_parameters_may_be_those_of_a_model_of_any_name(given, expected):
    answer = f"import torch\nnet = torch.nn.Linear(2, 2)\ntorch.optim.AdamW({given}, lr=1e-3, weight_decay=1e-2)"
    assert label(answer, "mini-085") == expected
