"""What counts as a reply: the forms that models use, and nothing that must be guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.harness.plugins.rlaif.replies import read_reply


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "yes"}',
        "yes",
        '"yes"',
        '"Yes"',
        "Yes",
        "true",
        "True",
        "Yes.",
        "**Yes**",
        "Yes, it is.",
        '{"answer": "Yes"}',
        '{"answer": true}',
        '{"Answer": "yes"}',
        '{"answer": "yes"} I hope this helps.',
        'Here you are: {"answer": "yes"}',
        '{"answer": "yes"',
        '{"answer": "yes", "reason": "there is no bug"}',
        '{"answer": "yes", "reason": "the prog',
        '```json\n{"answer": "yes"}',
        'Sure:\n```json\n{"answer": "yes"}\n```',
        '<think>no bug?\n</think>{"answer": "yes"}',
        "it is no good</think>\nYes.",
        "Yes. There is no bug.",
        "Answer: yes",
        "The imports exist.\nAnswer: Yes.",
        "**Answer:** yes",
        'The program is right.\n\n{"answer": "yes"}',
        "Yes - all names exist",
        "Yes\n\nThe program is valid.",
        "<think></think>yes",
        '{"answer": "yes."}',
        "yes (it parses)",
        '\n  {"answer":"yes"} \n',
        '```\n{"answer": "yes"}\n```\n',
    ],
)
def test_a_yes_is_read_in_the_forms_that_models_use(text):
    assert read_reply(text) is True


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "no"}',
        "No",
        "no.",
        "false",
        '"No"',
        "No, it does not parse.",
        '{"answer": "no", "reason": "a bug"}',
        "Answer: no",
        "No.\nThe import is missing.",
        '{"answer": false}',
    ],
)
def test_a_no_is_read_in_the_forms_that_models_use(text):
    assert read_reply(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes or no? hm",
        "Yes?",
        '{"answer": "maybe"}',
        '{"answer": ["yes"]}',
        '{"answer": "yes", "answer": "no"}',
        '{"answer": "yes"}{"answer": "no"}',
        "I would not say yes.",
        "Yes and no.",
        'It is not {"answer": "yes"}',
        '{"answer": "yes"}\nActually, no.',
        '[["answer", "yes"]]',
        "{}",
        "null",
        "No problem, it is right",
        "No bugs were found",
        "Yes, but it fails",
        "Yes, it is not valid",
        "No, there are no bugs.",
        "<think>yes",
        '<think>\nit is {"answer": "yes"}',
        'Reply with {"answer": "yes"} or {"answer": "no"}',
        "I cannot say: yes or no",
        'Saying "yes" would be wrong.',
        "yes, yes, no",
        "Yes.\nNo.",
        "Not yes",
        '```json\n{"answer": "yes"}\n```\nor is it? No.',
        "the answer is yes",
        '{"answer": "yes"} is wrong, no',
        "no idea",
        "yeah",
        "Is it right? No idea. The reply is not yes",
        '{"answer": "yes"} - wait',
        '{"answer": null}',
        "answer yes or no: yes/no",
        '{"answer": "yes", "note": {"answer": "no"}}',
        "Yes? No!",
        "True or false: true",
        "[" * 100_000,
        "{" * 1_000,
        '{"answer": "yes", ' * 1_000,
    ],
)
def test_a_reply_that_denies_doubts_or_contradicts_is_not_guessed(text):
    """A yes in prose that denies is no yes. A fix could be wrong by searching the text for one of the two words."""
    assert read_reply(text) is None


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_two_verdicts_that_differ_are_never_read(between):
    assert read_reply(f'{{"answer": "yes"}}\n{between}\n{{"answer": "no"}}') is None
