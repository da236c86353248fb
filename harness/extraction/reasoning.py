"""Separates a model's reasoning from its answer: a draft inside the reasoning is not what the model answers.

Reasoning stands between tags (``<think>``, ``[THINK]``, ...), before a closing tag whose opening one was part of the
prompt, or in channels (``<|channel|>analysis<|message|>``). A tag inside a fenced block belongs to the program.
"""

import re
from typing import NamedTuple

# Tags that checkpoints are trained with: DeepSeek-R1, Qwen3, Magistral, Kimi, OpenThinker, Command A, Seed-OSS.
_NAMES = r"think|thinking|thought|thoughts|reasoning|analysis|reflection|scratchpad"
_OPEN = (
    rf"<(?:{_NAMES})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<seed:think>"
    r"|<\|channel\|>(?:analysis[^<\n]{0,80}|commentary)<\|message\|>"
)
_CLOSE = (
    rf"</(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|</seed:think>"
    r"|<\|end\|>(?=(?:<\|start\|>)?(?:assistant)?<\|channel\|>)"
)
_FINAL = r"<\|channel\|>final(?:\s{1,9}[^<\n]{0,80})?<\|message\|>"
_TOKEN = re.compile(
    rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})|(?P<final>{_FINAL})|(?P<fence>^[ \t]{{0,12}}(?:```|~~~))", re.MULTILINE
)
_TAG = re.compile(rf"{_OPEN}|{_CLOSE}|{_FINAL}")
# Channels of a text whose special tokens were removed when it was decoded.
_BARE_CHANNELS = re.compile(r"\A\s{0,9}(analysis.*)assistant(?:<\|channel\|>)?final", re.DOTALL)
_TURN_END = re.compile(r"(?:\s|<\|(?:end|return|start|im_end)\|>(?:assistant)?)+\Z")


class Parts(NamedTuple):
    """A completion in two parts.

    Attributes:
        reasoning: what the model wrote before it answered; empty if nothing.
        answer: what is left; the whole text if there is no reasoning.
        is_closed: whether the reasoning ends; if not, there is no answer.
    """

    reasoning: str
    answer: str
    is_closed: bool = True


def separate(text: str) -> Parts:
    """Splits a completion into reasoning and answer. Never raises; linear in the text."""
    if match := _BARE_CHANNELS.match(text):
        return Parts(match[1].strip(), text[match.end() :].strip())
    if not _TAG.search(text):
        return Parts("", text)
    reasoning: list[str] = []
    answer: list[str] = []
    start, is_open, is_fenced = 0, False, False
    for token in _TOKEN.finditer(text):
        if token["fence"]:
            is_fenced = is_fenced if is_open else not is_fenced
            continue
        stretch = text[start : token.start()]
        if token["final"] or (token["close"] and not is_open and not is_fenced and _is_at_edge(text, token)):
            # The channel of the answer begins, or a block ends that the prompt had opened: nothing before it counts.
            reasoning += [*answer, stretch]
            answer.clear()
            is_open = is_fenced = False
        elif token["close"] and is_open:
            reasoning.append(stretch)
            is_open = False
        elif token["open"] and not is_open and not is_fenced and _starts_line(text, token):
            answer.append(stretch)
            is_open = True
        else:
            continue
        start = token.end()
    (reasoning if is_open else answer).append(text[start:])
    written = "\n".join(part.strip() for part in reasoning if part.strip())
    if not written and start == 0:
        return Parts("", text)
    return Parts(written, _TURN_END.sub("", "".join(answer)).strip("\r\n"), is_closed=not is_open)


def _starts_line(text: str, token: re.Match[str]) -> bool:
    """Whether only white space, or the end of a turn, stands before a tag on its line."""
    before = text[max(text.rfind("\n", 0, token.start()) + 1, token.start() - 80) : token.start()]
    return not before.strip() or before.rstrip().endswith(("|>", "assistant"))


def _is_at_edge(text: str, token: re.Match[str]) -> bool:
    """Whether a closing tag begins or ends its line: one within a line may be a program's text."""
    return _starts_line(text, token) or not text[token.end() : token.end() + 80].partition("\n")[0].strip()
