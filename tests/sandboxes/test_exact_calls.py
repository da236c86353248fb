"""``exec.exact`` on programs whose text misleads: what is called decides, however the program gets there."""

import contextlib

import labelled_programs
import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.metrics.executability import program_of, scores
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.docker import DockerSandbox

# torch.nn.LSTM(input_size=8, hidden_size=16, num_layers=2, batch_first=True)
LSTM = "mini-023"
CALL = "input_size=8, hidden_size=16, num_layers=2, batch_first=True"

COMMAND_LINE = """
import argparse, torch
parser = argparse.ArgumentParser()
parser.add_argument('--width', type=int, default=16)
torch.nn.LSTM(8, parser.parse_args().width, 2, batch_first=True)
"""
IN_VAIN = """
import torch
for name in ('nothing', 'resnet34'):
    try:
        torch.hub.load('pytorch/vision', name, pretrained=True)
    except Exception:
        pass
"""

MINI = {
    "all of a module": (f"from torch.nn import *\nLSTM({CALL})", 1),
    "a module's other name": (f"import torch\nlayers = torch.nn\nlayers.LSTM({CALL})", 1),
    "a class's other name": (f"import torch\nMake = torch.nn.LSTM\nMake({CALL})", 1),
    "a name made of parts": (f"import torch\ngetattr(torch.nn, 'LS' + 'TM')({CALL})", 1),
    "a dictionary of classes": (f"import torch\nkinds = {{'lstm': torch.nn.LSTM}}\nkinds['lstm']({CALL})", 1),
    "a dictionary of arguments": ("import torch\ncfg = dict(hidden_size=16, num_layers=2)\ntorch.nn.LSTM(8, batch_first=True, **cfg)", 1),
    "arguments in advance": ("import functools, torch\nfunctools.partial(torch.nn.LSTM, 8, batch_first=True)(16, 2)", 1),
    "an attribute": (f"import torch\nclass Net:\n    kind = torch.nn.LSTM\n    def make(self): return self.kind({CALL})\nNet().make()", 1),
    "a subclass": ("import torch\nclass Own(torch.nn.LSTM): pass\nOwn(8, 16, 2, batch_first=True)", 1),
    "a subclass that passes it on": (
        "import torch\nclass Own(torch.nn.LSTM):\n    def __init__(self, n): super().__init__(8, n, 2, batch_first=True)\nOwn(16)",
        1,
    ),
    "a thread": (f"import threading, torch\nthreading.Thread(target=torch.nn.LSTM, kwargs=dict({CALL})).start()", 1),
    "a computed number": ("import torch\ntorch.nn.LSTM(2 ** 3, len('x' * 16), 2, batch_first=not False)", 1),
    "the arguments of a command line": (
        COMMAND_LINE,
        1,
    ),
    "one among several": (f"import torch\nfor kind in (torch.nn.GRU, torch.nn.LSTM): kind({CALL})", 1),
    "a default that is overridden": ("import torch\ndef make(n=16): return torch.nn.LSTM(8, n, 2, batch_first=True)\nmake(99)", 0),
    "a name that is bound again": ("import torch\nn = 16\nfor n in (4, 5): pass\ntorch.nn.LSTM(8, n, 2, batch_first=True)", 0),
    "a dead branch": (f"import torch\nif 0:\n    torch.nn.LSTM({CALL})\ntorch.nn.GRU({CALL})", 0),
    "a function never called": (f"import torch\ndef make(): return torch.nn.LSTM({CALL})", 0),
    "behind an exit": (f"import sys, torch\nsys.exit(0)\ntorch.nn.LSTM({CALL})", 0),
    "behind an exception": (f"import torch\nraise SystemExit\ntorch.nn.LSTM({CALL})", 0),
    "a comment": (f"import torch\n# torch.nn.LSTM({CALL})\nx = 1", 0),
    "a text": (f"import torch\nx = 'torch.nn.LSTM({CALL})'", 0),
    "a class of its own": (f"class LSTM:\n    def __init__(self, **_): pass\nLSTM({CALL})", 0),
    "a class of its own in the library's place": (f"import torch\ntorch.nn.LSTM = dict\ntorch.nn.LSTM({CALL})", 0),
    "a library's own call": ("import torch\ntorch.nn.Transformer(8, 2, 1, 1, 8)", 0),
    "an object for a number": ("import torch\nclass N(int): pass\ntorch.nn.LSTM(8, N(16), 2, batch_first=True)", 0),
}  # fmt: skip

# torch.hub.load('pytorch/vision', 'resnet34', pretrained=True), of item 9.
HUB = {
    "another name": ("import torch\nload = torch.hub.load\nload('pytorch/vision', 'resnet34', pretrained=True)", 1),
    "a module's other name": ("import torch\nh = torch.hub\nh.load('pytorch/vision', 'resnet34', pretrained=True)", 1),
    "all of a module": ("from torch.hub import *\nload('pytorch/vision', 'resnet34', pretrained=True)", 1),
    "a tag": ("import torch\ntorch.hub.load('pytorch/vision:v0.10.0', 'resnet34', pretrained=True)", 1),
    "a format": ("import torch\ntorch.hub.load('pytorch/vision', f'resnet{34:02d}', pretrained=True)", 1),
    "a format that cuts": ("import torch\nn = 'resnet34'\ntorch.hub.load('pytorch/vision', f'{n:.5}', pretrained=True)", 0),
    "a model that no hub has, then the right one": (
        IN_VAIN,
        1,
    ),
    "a value that is followed": ("import torch\nn = 'resnet'\nn += '34'\ntorch.hub.load('pytorch/vision', n, pretrained=True)", 1),
}  # fmt: skip


def judge(sandbox, observed, item, source):
    verdict = sandbox.run(program_of(None, source, observed.functions))
    return scores(verdict, item, observed).metrics["exec.exact"], verdict


@pytest.fixture(scope="module")
def mini():
    with contextlib.closing(DockerSandbox(environments.load("mini"), concurrency=1)) as sandbox:
        yield sandbox, ObservedCalls(load_benchmark("mini"))


@pytest.mark.docker("mini")
@pytest.mark.parametrize("name", MINI)
def test_a_program_of_mini_with(mini, name):
    source, expected = MINI[name]
    exact, verdict = judge(*mini, LSTM, source)
    assert exact == expected, verdict


@pytest.fixture(scope="module")
def torchhub(data_dir):
    environment, hub = environments.load("torchhub"), hubs.stand_in_hub("torchhub")
    with contextlib.closing(DockerSandbox(environment, concurrency=1, hub=hub)) as sandbox:
        yield sandbox, ObservedCalls(load_benchmark("apibench-torchhub", data_dir))


@pytest.mark.docker("torchhub")
@pytest.mark.apibench
@pytest.mark.parametrize("name", HUB)
def test_a_program_of_torch_hub_with(torchhub, name):
    source, expected = HUB[name]
    exact, verdict = judge(*torchhub, "9", source)
    assert exact == expected, verdict


@pytest.mark.docker("mini")
@pytest.mark.slow
def test_the_references_programs_make_the_references_calls(mini):
    sandbox, observed = mini
    items = load_benchmark("mini").items
    wrong = {item.id: judge(sandbox, observed, item.id, item.reference_program) for item in items}
    assert not {name: verdict for name, (exact, verdict) in wrong.items() if not exact}


@pytest.mark.docker("mini")
@pytest.mark.slow
def test_the_sandbox_sees_the_call_that_a_careful_reader_sees(mini):
    wrong = labelled_programs.unexpected(load_benchmark("mini"), *mini)
    assert not wrong, "\n".join(wrong)


def test_what_differs_is_in_the_tables():
    names = {case["case"] for benchmark in labelled_programs.PROGRAMS for case in labelled_programs.answers(benchmark)}
    assert set(labelled_programs.DIFFERENT) <= names
