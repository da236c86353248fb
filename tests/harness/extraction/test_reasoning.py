"""What a model writes before it answers is no part of its answer."""

import pytest

from apigauge.harness.extraction.extract import extract
from apigauge.harness.extraction.reasoning import separate

DRAFT, ANSWER = "torch.nn.GRU(8, 16)", "torch.nn.LSTM(8, 16)"
FENCED = f"```python\nimport torch\nlayer = {ANSWER}\n```"
FUNCTIONS = frozenset({"torch.nn.GRU", "torch.nn.LSTM"})


@pytest.mark.parametrize(
    "opening_and_closing",
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<seed:think>", "</seed:think>"),
    ],
    ids=lambda pair: pair[0],
)
@pytest.mark.parametrize(
    "draft", [DRAFT, f"```python\n{DRAFT}\n```", f"```python\n{DRAFT}", f"<<<api_call>>>: {DRAFT}"]
)
@pytest.mark.parametrize("shape", ["{opening}{draft}{closing}{answer}", "{opening}\n{draft}\n{closing}\n\n{answer}"])
def test_a_draft_between_tags_is_not_the_answer(opening_and_closing, draft, shape):
    opening, closing = opening_and_closing
    text = shape.format(opening=opening, closing=closing, draft=draft, answer=f"Use {ANSWER}.")
    extraction = extract(text, FUNCTIONS)
    assert (extraction.call, extraction.reasoning, extraction.text) == (ANSWER, draft, text)
    assert extraction.how.endswith(", without reasoning")


def test_a_block_whose_opening_tag_was_in_the_prompt_ends_at_its_closing_tag():
    text = f"First {DRAFT}.\n```python\n{DRAFT}\n```\nNo.\n</think>\n\n{FENCED}"
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == ANSWER
    assert DRAFT not in extraction.program


def test_several_blocks_leave_what_is_between_them():
    parts = separate("<think>a</think>\none\n<think>\nb\n</think>\ntwo")
    assert (parts.reasoning, parts.answer.split()) == ("a\nb", ["one", "two"])


def test_a_block_within_a_block_is_reasoning_as_a_whole():
    parts = separate(f"<think>a\n<think>b</think>\n{DRAFT}\n</think>\nanswer")
    assert parts.answer == "answer"
    assert DRAFT in parts.reasoning


@pytest.mark.parametrize("text", [f"<think>\n{DRAFT}", f"<think>{DRAFT}\n```python\n{DRAFT}\n```\nBut"])
def test_reasoning_that_never_ends_is_no_answer(text):
    parts = separate(text)
    assert (parts.answer, parts.is_closed) == ("", False)
    assert (extract(text, FUNCTIONS).call, extract(text, FUNCTIONS).program) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        f"<|channel|>analysis<|message|>Maybe {DRAFT}.<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
        f"<|start|>assistant<|channel|>analysis<|message|>{DRAFT}<|end|>\n<|start|>assistant<|channel|>final<|message|>{ANSWER}",
        (
            f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>commentary<|message|>{DRAFT}<|end|>"
            f"<|start|>assistant<|channel|>final<|message|>{ANSWER}"
        ),
        f"analysisMaybe {DRAFT}.assistantfinal{ANSWER}",
    ],
    ids=["channels", "a turn before", "commentary", "decoded without special tokens"],
)
def test_of_channels_only_the_final_one_is_the_answer(text):
    assert separate(text).answer == ANSWER
    assert extract(text, FUNCTIONS).call == ANSWER


def test_channels_without_a_final_one_hold_no_answer():
    assert not separate(f"<|channel|>analysis<|message|>Maybe {DRAFT}.").is_closed


@pytest.mark.parametrize(
    "text",
    [
        f"import torch\nlayer = {ANSWER}\nprint(reply.split('</think>')[-1])",
        f"import torch\nreply = '''\n<think>\nhm\n</think>\n'''\nlayer = {ANSWER}",
        f"Split it:\n```python\nreply = '''\n<think>\nhm\n</think>\n'''\nimport torch\nlayer = {ANSWER}\n```",
        f"The model writes <think> first.\n{FENCED}",
        f"Between <think> and </think> it reasons.\n{FENCED}",
        FENCED,
        "",
    ],
    ids=["a string", "a program", "a fenced program", "a mention", "both mentioned", "no tag", "nothing"],
)
def test_a_tag_that_the_answer_is_about_is_no_reasoning(text):
    assert extract(text, FUNCTIONS).reasoning == ""
    assert (extract(text, FUNCTIONS).call == ANSWER) is bool(text)


def test_an_empty_block_changes_nothing():
    program = f"import torch\nlayer = {ANSWER}"
    assert extract(f"<think>\n\n</think>\n\n{program}", FUNCTIONS).program == program


@pytest.mark.parametrize(
    "unit", ["<think>", "</think>\n", "\n<think>", "```\n", "<|channel|>analysis", "<", "analysis", "assistant"]
)
def test_a_model_that_repeats_itself_is_read_to_its_end(unit):
    text = "analysis" + unit * 100_000
    parts = separate(text)
    assert len(parts.reasoning) + len(parts.answer) <= len(text)
