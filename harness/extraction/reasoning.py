r"""Separates a model's reasoning from its answer: a draft inside the reasoning is not what the model answers.

Reasoning stands between tags (``<think>``, ``[THINK]``, ...), before a closing tag whose opening one was part of the
prompt, or in channels (``<|channel|>analysis<|message|>``). A tag that belongs to a program, or that the answer speaks
of, separates nothing: one in a fenced block, in quotation marks, or in the middle of a sentence. Where the answer
itself is marked (``<answer>``, ``\boxed{}``), what stands before it is reasoning too.
"""

import re

from apigauge.harness.extraction.marked_answer import BOXED, marked, marked_at_end
from apigauge.harness.extraction.reasoning_blocks import Parts, grammar_of, separate_blocks
from apigauge.harness.extraction.reasoning_tags import KEEP, STRIP, Reasoning
from apigauge.harness.extraction.syntax import parses

# Channels of a text whose special tokens were removed when it was decoded.
_BARE_CHANNELS = re.compile(r"\A\s{0,9}(analysis.*)assistant\s{0,3}(?:<\|channel\|>)?\s{0,3}final", re.DOTALL)
_BARE_ANALYSIS = re.compile(r"\A\s{0,9}analysis(?=[A-Z`\"'*])")
_BARE_FINAL = re.compile(r"\A\s{0,9}(?:assistant)?final(?=[A-Z`#*<]|(?:import|from)\s)")
_DEFAULT = Reasoning()


def separate(text: str, how: Reasoning = _DEFAULT) -> Parts:
    """Splits a completion into reasoning and answer. Never raises; linear in the text.

    Args:
        text: the completion.
        how: which tags count; by default all that are in use.
    """
    if how.mode == KEEP:
        return Parts("", text)
    # An engine may give the prompt's tag back with the text.
    is_begun = bool(how.prompt_tag) and how.is_begun and not text.lstrip().startswith(how.prompt_tag)
    channels = None if is_begun else _bare_channels(text)
    grammar = grammar_of(how)
    channels = channels if grammar.has_channels else None
    if not (channels or is_begun or BOXED in text or grammar.hint.search(text.lower())):
        return Parts("", text)  # nearly every answer of a model that does not reason
    parts = channels or separate_blocks(text, grammar, how.prompt_tag if is_begun else "")
    if how.mode == STRIP:
        parts = _with_marked(parts)
    if parts.answer == text or (parses(text) and not is_begun):  # the second: a program that has a tag in its text
        return Parts("", text)
    return parts


def _with_marked(parts: Parts) -> Parts:
    """What stands before an answer that is marked as such is reasoning, also where that was left open."""
    if parts.is_closed:
        split = marked(parts.answer)
        reasoning = parts.reasoning
    else:
        split = marked_at_end(parts.reasoning)
        reasoning = parts.answer
    if split is None:
        return parts
    return Parts("\n".join(part for part in (reasoning, split[0].strip()) if part), split[1])


def _bare_channels(text: str) -> Parts | None:
    """The parts of a text in channels without special tokens; None if it is none."""
    if match := _BARE_CHANNELS.match(text):
        return Parts(match[1].strip(), text[match.end() :].strip())
    if _BARE_ANALYSIS.match(text):
        return Parts(text.strip(), "", is_closed=False)
    if match := _BARE_FINAL.match(text):
        return Parts("", text[match.end() :].strip())
    return None
