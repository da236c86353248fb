"""Tool calls, as servers and chat templates write them, are calls."""

import json

import pytest

from apigauge.harness.extraction.extract import extract

FUNCTIONS = frozenset({"torch.hub.load", "pipeline", "torch.nn.LSTM", "torch.nn.GRU", "AutoModel.from_pretrained"})
LSTM = "torch.nn.LSTM(input_size=8, hidden_size=16)"
PROGRAM = f"import torch\nlayer = {LSTM}\nprint(layer(torch.zeros(1, 3, 8))[0].shape)"
LOAD = "torch.hub.load(repo_or_dir='pytorch/vision', model='resnet50', pretrained=True)"
ARGUMENTS = {"repo_or_dir": "pytorch/vision", "model": "resnet50", "pretrained": True}


def indented(text, count):
    return "\n".join(" " * count + line if line else line for line in text.split("\n"))


CASES = [
    (
        "openai tool_calls",
        json.dumps(
            [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "torch.hub.load", "arguments": json.dumps(ARGUMENTS)},
                }
            ]
        ),
        LOAD,
        LOAD,
    ),
    (
        "openai msg",
        json.dumps(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c",
                        "type": "function",
                        "function": {"name": "torch.hub.load", "arguments": json.dumps(ARGUMENTS)},
                    }
                ],
            }
        ),
        LOAD,
        LOAD,
    ),
    (
        "openai response",
        json.dumps(
            {
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [
                                {"function": {"name": "torch.hub.load", "arguments": json.dumps(ARGUMENTS)}}
                            ],
                        }
                    }
                ]
            }
        ),
        LOAD,
        LOAD,
    ),
    (
        "function_call",
        json.dumps({"function_call": {"name": "torch.hub.load", "arguments": json.dumps(ARGUMENTS)}}),
        LOAD,
        LOAD,
    ),
    (
        "hermes",
        "<tool_call>\n" + json.dumps({"name": "torch.hub.load", "arguments": ARGUMENTS}) + "\n</tool_call>",
        LOAD,
        LOAD,
    ),
    (
        "hermes unclosed",
        "Ok.\n<tool_call>\n" + json.dumps({"name": "torch.hub.load", "arguments": ARGUMENTS}),
        LOAD,
        LOAD,
    ),
    (
        "hermes im_end",
        "<tool_call>\n" + json.dumps({"name": "torch.hub.load", "arguments": ARGUMENTS}) + "\n</tool_call><|im_end|>",
        LOAD,
        LOAD,
    ),
    (
        "hermes single quotes",
        "<tool_call>\n" + repr({"name": "torch.hub.load", "arguments": ARGUMENTS}) + "\n</tool_call>",
        LOAD,
        LOAD,
    ),
    (
        "llama python_tag json",
        "<|python_tag|>"
        + json.dumps({"type": "function", "name": "torch.hub.load", "parameters": ARGUMENTS})
        + "<|eom_id|>",
        LOAD,
        LOAD,
    ),
    ("llama python_tag py", f"<|python_tag|>{LOAD}<|eom_id|>", LOAD, LOAD),
    ("llama bare", json.dumps({"name": "torch.hub.load", "parameters": ARGUMENTS}), LOAD, LOAD),
    ("function=", "<function=torch.hub.load>" + json.dumps(ARGUMENTS) + "</function>", LOAD, LOAD),
    (
        "qwen3coder",
        "<tool_call>\n<function=torch.hub.load>\n<parameter=repo_or_dir>\npytorch/vision\n</parameter>\n<parameter=model>\nresnet50\n</parameter>\n<parameter=pretrained>\nTrue\n</parameter>\n</function>\n</tool_call>",
        LOAD,
        LOAD,
    ),
    ("mistral", "[TOOL_CALLS] " + json.dumps([{"name": "torch.hub.load", "arguments": ARGUMENTS}]), LOAD, LOAD),
    ("mistral new", "[TOOL_CALLS]torch.hub.load[ARGS]" + json.dumps(ARGUMENTS), LOAD, LOAD),
    ("mistral new id", "[TOOL_CALLS]torch.hub.load[CALL_ID]abc123[ARGS]" + json.dumps(ARGUMENTS) + "</s>", LOAD, LOAD),
    (
        "deepseek v3",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>torch.hub.load\n```json\n"
        + json.dumps(ARGUMENTS)
        + "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>",
        LOAD,
        LOAD,
    ),
    (
        "deepseek v31",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>torch.hub.load<｜tool▁sep｜>"
        + json.dumps(ARGUMENTS)
        + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        LOAD,
        LOAD,
    ),
    (
        "kimi",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.torch.hub.load:0<|tool_call_argument_begin|>"
        + json.dumps(ARGUMENTS)
        + "<|tool_call_end|><|tool_calls_section_end|>",
        LOAD,
        LOAD,
    ),
    (
        "glm",
        "<tool_call>torch.hub.load\n<arg_key>repo_or_dir</arg_key>\n<arg_value>pytorch/vision</arg_value>\n<arg_key>model</arg_key>\n<arg_value>resnet50</arg_value>\n<arg_key>pretrained</arg_key>\n<arg_value>true</arg_value>\n</tool_call>",
        LOAD,
        LOAD,
    ),
    (
        "anthropic",
        json.dumps(
            [
                {"type": "text", "text": "I will load(it)."},
                {"type": "tool_use", "id": "t", "name": "torch.hub.load", "input": ARGUMENTS},
            ]
        ),
        LOAD,
        LOAD,
    ),
    (
        "anthropic obj",
        json.dumps({"type": "tool_use", "id": "t", "name": "torch.hub.load", "input": ARGUMENTS}),
        LOAD,
        LOAD,
    ),
    (
        "anthropic xml",
        '<function_calls>\n<invoke name="torch.hub.load">\n<parameter name="repo_or_dir">pytorch/vision</parameter>\n<parameter name="model">resnet50</parameter>\n<parameter name="pretrained">true</parameter>\n</invoke>\n</function_calls>',
        LOAD,
        LOAD,
    ),
    ("bfcl list", f"[{LOAD}]", LOAD, f"[{LOAD}]"),
    ("bfcl json", json.dumps({"torch.hub.load": ARGUMENTS}), LOAD, LOAD),
    ("bfcl json list", json.dumps([{"torch.hub.load": ARGUMENTS}]), LOAD, LOAD),
    (
        "gpt-oss",
        "<|start|>assistant<|channel|>commentary to=functions.torch.hub.load <|constrain|>json<|message|>"
        + json.dumps(ARGUMENTS)
        + "<|call|>",
        LOAD,
        LOAD,
    ),
    ("gpt-oss2", "<|channel|>commentary to=functions.torch.hub.load<|message|>" + json.dumps(ARGUMENTS), LOAD, LOAD),
    (
        "gpt-oss analysis",
        "<|channel|>analysis<|message|>hm torch.nn.GRU(1)<|end|><|start|>assistant<|channel|>commentary to=functions.torch.hub.load <|constrain|>json<|message|>"
        + json.dumps(ARGUMENTS)
        + "<|call|>",
        LOAD,
        LOAD,
    ),
    (
        "gpt-oss role",
        "<|start|>assistant to=functions.torch.hub.load<|channel|>commentary json<|message|>"
        + json.dumps(ARGUMENTS)
        + "<|call|>",
        LOAD,
        LOAD,
    ),
    (
        "cohere",
        "<|START_ACTION|>"
        + json.dumps([{"tool_call_id": "0", "tool_name": "torch.hub.load", "parameters": ARGUMENTS}])
        + "<|END_ACTION|>",
        LOAD,
        LOAD,
    ),
    ("granite", "<|tool_call|>" + json.dumps([{"name": "torch.hub.load", "arguments": ARGUMENTS}]), LOAD, LOAD),
    ("react", "Thought: load it (now)\nAction: torch.hub.load\nAction Input: " + json.dumps(ARGUMENTS), LOAD, LOAD),
    ("code interpreter", json.dumps({"name": "python", "arguments": {"code": PROGRAM}}), LSTM, PROGRAM),
    (
        "prose json tool",
        "I call it:\n```json\n" + json.dumps({"name": "torch.hub.load", "arguments": ARGUMENTS}) + "\n```",
        LOAD,
        LOAD,
    ),
    (
        "kwargs weird",
        json.dumps({"name": "f.g", "arguments": {"top-k": 1, "class": None}}),
        "f.g(**{'top-k': 1, 'class': None})",
        None,
    ),
    (
        "messages in program cut",
        f"import torch\nm = [{{'name': 'f', 'arguments': {{'a': 1}}}}]\nlayer = {LSTM}\nprint(",
        LSTM,
        None,
    ),
    (
        "tool tag in program string",
        f'```python\nimport torch\ns = \'<tool_call>{{"name": "f", "arguments": {{}}}}</tool_call>\'\nlayer = {LSTM}\n```',
        LSTM,
        None,
    ),
    ("phi functools", "functools" + json.dumps([{"name": "torch.hub.load", "arguments": ARGUMENTS}]), LOAD, LOAD),
]


@pytest.mark.parametrize(("text", "call", "program"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_tool_call_is_a_call(text, call, program):
    """``program`` is None where only the call matters."""
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == call
    if program is not None:
        assert extraction.program == program


def test_several_tool_calls_are_several_calls_of_which_the_first_counts():
    calls = [{"name": "pipeline", "arguments": {"task": "x"}}, {"name": "torch.hub.load", "arguments": ARGUMENTS}]
    extraction = extract(json.dumps(calls), FUNCTIONS)
    assert (extraction.call, extraction.program) == ("pipeline(task='x')", f"pipeline(task='x')\n{LOAD}")
    assert extraction.how == "tool call"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("it's", r"'it\'s'"),
        ("a\\b\n", r"'a\\b\n'"),
        ("\u00e9\x00", "'\u00e9\\x00'"),
        (None, "None"),
        (1.5, "1.5"),
        ([True, {"k": [1]}], "[True, {'k': [1]}]"),
    ],
)
def test_arguments_become_python_values(value, source):
    text = json.dumps([{"name": "pipeline", "arguments": {"a": value}}])
    assert extract(text, FUNCTIONS).call == f"pipeline(a={source})"


def test_a_program_that_writes_tool_calls_is_a_program():
    program = "import torch\ncall = {'name': 'f', 'arguments': {'a': 1}}\nlayer = torch.nn.LSTM(1, 2)"
    assert extract(program, FUNCTIONS).call == "torch.nn.LSTM(1, 2)"


def test_the_namespace_of_a_server_is_no_part_of_the_function():
    assert extract(json.dumps([{"name": "functions.torch.hub.load", "arguments": ARGUMENTS}]), FUNCTIONS).call == LOAD
