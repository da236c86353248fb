"""Which tags a run's reasoning is recognised by: those of templates as they are published, and of the option."""

import pytest

from apigauge.errors import UsageError
from apigauge.harness.extraction.reasoning_tags import (
    CHANNELS,
    TAGS,
    Reasoning,
    check_mode,
    of_record,
    parse_tags,
    tag_at_end,
    tags_of_template,
)

THINK = ("<think>", "</think>")
# The lines of published templates that deal with reasoning.
TEMPLATES = {
    "Qwen3": (
        (
            "{%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
            "{{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' }}"
        ),
        (THINK,),
    ),
    "DeepSeek-R1": (
        (
            "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
            "{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
        ),
        (THINK,),
    ),
    "Magistral": (
        "First draft your thinking process: [THINK]Your thoughts or/and draft.[/THINK]Here, provide a response.",
        (("[THINK]", "[/THINK]"),),
    ),
    "gpt-oss": (
        "{{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking + '<|end|>' }}",
        (CHANNELS,),
    ),
    "Granite": (
        "Respond to every user query between <response></response>, after thoughts between <think></think> tags.",
        (THINK,),
    ),
    "Command A": (
        "{{ '<|START_THINKING|>' + message.thinking + '<|END_THINKING|>' }}",
        (("<|START_THINKING|>", "<|END_THINKING|>"),),
    ),
    "own tags": (
        "{% if message.reasoning_content %}<plan>\n{{ message.reasoning_content }}\n</plan>{% endif %}",
        (("<plan>", "</plan>"),),
    ),
    "none": ("{% for message in messages %}<|user|>{{ message['content'] }}{% endfor %}<|model|>", ()),
    "no template": ("", ()),
}


@pytest.mark.parametrize(("template", "tags"), TEMPLATES.values(), ids=TEMPLATES.keys())
def test_the_tags_of_a_template_are_read_from_its_text(template, tags):
    assert tags_of_template(template) == tags


def test_without_tags_in_a_template_all_that_are_in_use_count():
    assert Reasoning().tags == TAGS
    assert Reasoning(template_tags=(THINK,)).tags == (THINK,)
    assert Reasoning("keep", (THINK,)).tags == ()
    assert Reasoning("<a>,</a>", (THINK,)).tags == (("<a>", "</a>"),)


def test_a_manifest_says_all_and_reads_back():
    how = Reasoning("strip", (THINK, CHANNELS), "<think>")
    assert of_record(how.to_record()) == how
    assert how.is_begun
    assert of_record(how.to_record(), "keep") == Reasoning("keep", (THINK, CHANNELS), "<think>")
    assert of_record(None) == of_record({}) == Reasoning()
    assert Reasoning().to_record() == {"mode": "strip"}


def test_the_tag_is_that_which_all_prompts_end_with():
    assert tag_at_end(["a<think>\n", "b<think>\n"], TAGS) == "<think>"
    assert tag_at_end(["a<think>\n", "b"], TAGS) == ""
    assert tag_at_end([], TAGS) == ""


@pytest.mark.parametrize("mode", ["strip", "keep", "<plan>,</plan>", "<a>, </a>,[b],[/b]"])
def test_modes(mode):
    assert check_mode(mode) == mode


@pytest.mark.parametrize("mode", ["", "stirp", "<plan>", "<plan>,", ",</plan>", "<a>,</a>,<b>", "<a>,<a>"])
def test_what_is_no_mode_is_refused(mode):
    with pytest.raises(UsageError, match="give strip, keep, or tags as OPEN,CLOSE"):
        check_mode(mode)


def test_pairs_are_separated_by_commas():
    assert parse_tags("<a>, </a>,[b],[/b]") == (("<a>", "</a>"), ("[b]", "[/b]"))
