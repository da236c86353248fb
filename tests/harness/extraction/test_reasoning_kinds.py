"""Reasoning in all the ways that models write it: the call is that of the answer, never that of the draft."""

import pytest

from apigauge.harness.extraction.extract import extract
from apigauge.harness.extraction.reasoning import separate
from apigauge.harness.extraction.reasoning_tags import Reasoning

DRAFT, ANSWER = "torch.nn.GRU(8, 16)", "torch.nn.LSTM(8, 16)"
PROGRAM = f"import torch\nlayer = {ANSWER}"
FENCED, FENCED_DRAFT = f"```python\n{PROGRAM}\n```", f"```python\nimport torch\nlayer = {DRAFT}\n```"
FUNCTIONS = frozenset({"torch.nn.GRU", "torch.nn.LSTM"})
SEPARATED = {
    "upper case": f"<THINK>{DRAFT}</THINK>\n{FENCED}",
    "mixed case": f"<Think>\n{DRAFT}\n</Think>\n\n{ANSWER}",
    "attributes": f'<think type="deep" budget="10">{DRAFT}</think>\n{ANSWER}',
    "attributes and a fence": f"<thinking mode='x'>\n{FENCED_DRAFT}\n</thinking>\n{FENCED}",
    "all in one fence": f"```\n<think>\nimport torch\nlayer = {DRAFT}\n</think>\n{PROGRAM}\n```",
    "the block in a fence": f"```xml\n<think>\nmaybe {DRAFT}\n</think>\n```\n{FENCED}",
    "several blocks": f"<think>{DRAFT}</think>\nHm.\n<think>{DRAFT}</think>\n{FENCED}",
    "several on one line": f"<think>{DRAFT}</think> well <think>{DRAFT} hmm</think> {ANSWER}",
    "several kinds": f"<think>{DRAFT}</think>\n<reflection>{DRAFT}</reflection>\n{FENCED}",
    "one kind in another": f"<thinking>\na <reflection>{DRAFT}</reflection> {DRAFT}\n</thinking>\n<output>\n{PROGRAM}\n</output>",
    "tags spoken of": f"<think>I use <think> and `</think>` tags. {DRAFT}\n</think>\n{FENCED}",
    "a tag in a string": f"<think>```python\nx = t.split('</think>')\nlayer = {DRAFT}\n```\n</think>\n{FENCED}",
    "closed only": f"Maybe {DRAFT}.\n</think>\n{ANSWER}",
    "closed only, one line": f"Maybe {DRAFT}. No.</think>{ANSWER}",
    "closed only, in a sentence": f"Maybe {DRAFT}, hm</think>{ANSWER}",
    "closed only, between spaces": f"Maybe {DRAFT}. No. </think> {ANSWER}",
    "closed only, draft in a fence": f"Maybe\n{FENCED_DRAFT}\nno\n</think>\n\n{FENCED}",
    "closed only, fence left open": f"Maybe\n```python\nlayer = {DRAFT}\n</think>\n\n{FENCED}",
    "closed only, fence left open, prose": f"Maybe\n```python\nlayer = {DRAFT}\n</think>\n\nUse {ANSWER}.",
    "closed only, upper case": f"x {DRAFT}\n</THINKING>\n{FENCED}",
    "channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FENCED}<|return|>",
    "bare channels": f"analysisWe need {DRAFT}. Or.assistantfinal{ANSWER}",
    "bare channels, line ends": f"analysis\nWe need {DRAFT}.\nassistant\nfinal\n{ANSWER}",
    "bare commentary": f"analysisWe {DRAFT}.assistantcommentaryok {DRAFT}assistantfinal{FENCED}",
    "a bare final channel": f"final{PROGRAM}",
    "an answer in tags": f"<think>{DRAFT}</think><answer>{ANSWER}</answer>",
    "a fence in tags": f"<think>{DRAFT}</think>\n<answer>\n{FENCED}\n</answer>",
    "a program in tags": f"<think>{DRAFT}</think>\n<answer>\n{PROGRAM}\n</answer>\nDone.",
    "only the answer in tags": f"First {DRAFT}.\n<answer>{ANSWER}</answer>",
    "the answer in tags on the same line": f"First {DRAFT}. So <answer>{ANSWER}</answer>",
    "an answer in other tags": f"{DRAFT}?\n<Final_Answer lang='py'>{ANSWER}</Final_Answer>",
    "an answer in tags, reasoning left open": f"<think>{DRAFT} hmm\n<answer>\n{FENCED}\n</answer>",
    "thought and solution": (
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>\n\n<|begin_of_solution|>\n{PROGRAM}\n<|end_of_solution|>"
    ),
    "thinking and response": f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
    "think and response": f"<think>{DRAFT}</think><response>{ANSWER}</response>",
    "boxed": f"We try {DRAFT}. So $\\boxed{{{ANSWER}}}$",
    "boxed text": f"We try {DRAFT}.\n\\[\n\\boxed{{\\texttt{{{ANSWER}}}}}\n\\]",
    "boxed in the reasoning": f"<think>\\boxed{{{DRAFT}}}</think>\n{ANSWER}",
    "boxed prose after a program": f"{FENCED}\nThe answer: \\boxed{{42 (ok)}}",
    "a heading": f"Maybe {DRAFT}.\n\n**Final Answer**\n{ANSWER}",
    "a heading before a fence": f"Maybe {DRAFT}.\n\n### Final answer:\n\n{FENCED}",
    "escaped tags": f"&lt;think&gt;{DRAFT}&lt;/think&gt;\n{ANSWER}",
    "tags like tokens": f"<|think|>{DRAFT}<|/think|>{ANSWER}",
    "a byte order mark": f"\ufeff<think>{DRAFT}</think>\n{FENCED}",
    "prose before": f"Sure! <think>{DRAFT}</think>\n{FENCED}",
    "prose lines before": f"Sure!\n\n<think>\n{DRAFT}\n</think>\n{FENCED}",
    "quoted lines": f"> <think>\n> {DRAFT}\n> </think>\n\n{FENCED}",
    "folded": f"<details>\n<summary>Thought for 3 seconds</summary>\n> {DRAFT}\n</details>\n{FENCED}",
    "sections": f"<think>{DRAFT}</think>\n<<<api_call>>>: {ANSWER}\n<<<code>>>: {PROGRAM}",
    "indented": f"  <think>\n{DRAFT}\n</think>\n  {ANSWER}",
    "channels of Gemma": f"<|channel>thought\n{DRAFT}<channel|>{ANSWER}",
    "carriage returns": f"<think>\r\n{DRAFT}\r\n</think>\r\n\r\n{FENCED}",
    "written-out line ends": f"<think>\\n{DRAFT}\\n</think>\\n{ANSWER}",
}
NOT_REASONING = {
    "one tag spoken of": f"The model writes <think> first.\n{FENCED}",
    "both spoken of": f"Between <think> and </think> it reasons.\n{FENCED}",
    "both in backquotes": f"Use `<think>` and `</think>`:\n{FENCED}",
    "in a string": f"{PROGRAM}\nprint(reply.split('</think>')[-1])",
    "in a docstring": f'"""\n<think>\nx\n</think>\n"""\n{PROGRAM}',
    "in a comment": f"{PROGRAM}\n# </think>\n",
    "in a fenced string": f"Split:\n```python\nreply = '''\n<think>\nhm\n</think>\n'''\n{PROGRAM}\n```",
    "a mark in a fenced string": f"Here:\n```python\n{PROGRAM}\nt = '<answer>'\nu = f(t)\n```\n",
    "in a section's string": f"<<<api_call>>>: {ANSWER}\n<<<code>>>: {PROGRAM}\nprint(r.split('</think>')[1])\n",
    "an answer in words": f"{FENCED}\n<answer>The code above.</answer>",
    "a heading over words": f"{FENCED}\n\nFinal answer: call it (as above).",
    "a heading in a string": f"{PROGRAM}\nprint('Final answer: f(x)')\n",
    "a name that begins like a channel": f"finalModel = {ANSWER}\nanalysisResult = finalModel",
}
NO_ANSWER = {
    "open": f"<think>\n{FENCED_DRAFT}\nBut",
    "open, upper case": f"<THINK>{DRAFT}",
    "an analysis channel": f"<|channel|>analysis<|message|>{DRAFT}",
    "an analysis channel that ends": f"<|channel|>analysis<|message|>{DRAFT}<|end|>",
    "a bare analysis channel": f"analysisWe could {DRAFT}",
    "open after prose": f"Sure. <think>\n{DRAFT}",
    "a second block open": f"<think>{DRAFT}</think>\n<think>{DRAFT}",
    "a closing tag spoken of": f"<think>I close with `</think>` later. {DRAFT}",
}


@pytest.mark.parametrize("text", SEPARATED.values(), ids=SEPARATED.keys())
def test_the_call_is_that_of_the_answer(text):
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == ANSWER
    assert "GRU" not in (extraction.program or "")
    assert extraction.unfinished == ""


@pytest.mark.parametrize("text", NOT_REASONING.values(), ids=NOT_REASONING.keys())
def test_a_tag_that_the_answer_is_about_separates_nothing(text):
    assert separate(text) == ("", text, True)
    assert extract(text, FUNCTIONS).call == ANSWER


@pytest.mark.parametrize("text", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_reasoning_without_an_end_is_unfinished_and_holds_no_call(text):
    extraction = extract(text, FUNCTIONS)
    assert (extraction.call, extraction.program, extraction.unfinished) == (None, None, "reasoning")
    assert "GRU" in extraction.reasoning


def test_an_answer_that_declines_is_finished():
    extraction = extract(f"<think>{DRAFT}</think>\nI do not know.", FUNCTIONS)
    assert (extraction.call, extraction.unfinished) == (None, "")


def test_kept_reasoning_is_read_with_the_answer():
    text = f"<think>{DRAFT}</think>\n{ANSWER}"
    extraction = extract(text, FUNCTIONS, Reasoning("keep"))
    assert (extraction.call, extraction.reasoning) == (DRAFT, "")
    assert extract(f"<think>{DRAFT}", FUNCTIONS, Reasoning("keep")).unfinished == ""


def test_own_tags_are_the_only_ones():
    how = Reasoning("<plan>,</plan>,<<,>>")
    assert separate(f"<plan>{DRAFT}</plan>\n<<\n{DRAFT}>>\n{ANSWER}", how).answer.strip() == ANSWER
    assert extract(f"<think>{DRAFT}</think>\n{ANSWER}", FUNCTIONS, how).call == DRAFT
    marked = f"{DRAFT}\n<answer>{ANSWER}</answer>"
    assert separate(marked, how).answer == marked
    assert not separate(f"<PLAN>{DRAFT}", how).is_closed


def test_the_tags_of_a_template_are_the_only_ones():
    how = Reasoning(template_tags=(("<plan>", "</plan>"),))
    assert extract(f"<plan>{DRAFT}</plan>\n{ANSWER}", FUNCTIONS, how).call == ANSWER
    assert extract(f"<think>{DRAFT}</think>\n{ANSWER}", FUNCTIONS, how).call == DRAFT


def test_an_answer_that_begins_in_the_reasoning_has_none_until_that_ends():
    """DeepSeek-R1's and QwQ's templates end the prompt with ``<think>``: cut off, such a text has no tag at all."""
    how = Reasoning(prompt_tag="<think>")
    for cut in (f"Maybe {DRAFT}", FENCED_DRAFT, f"layer = {DRAFT}"):
        assert extract(cut, FUNCTIONS).call == DRAFT
        assert (extract(cut, FUNCTIONS, how).call, extract(cut, FUNCTIONS, how).unfinished) == (None, "reasoning")
    assert extract(f"Maybe {DRAFT} </think> {ANSWER}", FUNCTIONS, how).call == ANSWER
    given_back = extract(f"<think>\nMaybe {DRAFT}</think>\n{ANSWER}", FUNCTIONS, how)
    assert (given_back.call, given_back.reasoning) == (ANSWER, f"Maybe {DRAFT}")
    assert extract(f"Maybe {DRAFT}", FUNCTIONS, Reasoning("keep", prompt_tag="<think>")).call == DRAFT


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "<think>a",
            "a</think>b",
            "`</think>`",
            "```\n<think>\n",
            "~~~\n</think>\n",
            "<answer>f(",
            "\\boxed{(",
            "<",
            "</",
        ),
        *("<think ", "<details><summary>thinking", "analysisA", "assistantfinal", "<|channel|>", "<|end|>", "\\text{("),
        *("<think>\n```\n</think>\n```\n", "x</answer>", "'</think>'", "\n</think>\n"),
    ],
)
def test_a_million_characters_of_anything_are_read(unit):
    """As in a model that repeats itself: a step that read the text again at each tag would take hours."""
    text = (unit * (1_000_000 // len(unit)))[:1_000_000]
    for how in (Reasoning(), Reasoning(prompt_tag="<think>"), Reasoning("<think,</think")):
        assert len(separate(text, how).answer) <= len(text)
