"""Which tags a run's answers have their reasoning in: those of the chat template, own ones, or all that are in use.

``--reasoning strip`` takes the tags that the checkpoint's chat template names, and where no template is here, or it
names none, every tag of :data:`TAGS`. ``--reasoning OPEN,CLOSE`` takes those alone, and ``--reasoning keep`` none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.errors import UsageError, did_you_mean

Pair = tuple[str, str]

STRIP, KEEP = "strip", "keep"
# The channels of gpt-oss, written as one pair (openai/harmony, "Message format").
CHANNELS: Pair = ("<|channel|>analysis<|message|>", "<|end|>")
_NAMES = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection", "analysis"),
    *("scratchpad", "scratch_pad", "monologue", "inner_monologue", "inner_thoughts", "internal_thoughts"),
    *("chain_of_thought", "cot", "antthinking", "thinking_process", "thought_process"),
)
# Tags that checkpoints are trained with: DeepSeek-R1, Qwen3, Magistral, Kimi, OpenThinker, Command A, Seed-OSS, Gemma,
# Apertus; and names that prompts ask for.
TAGS: tuple[Pair, ...] = (
    *((f"<{name}>", f"</{name}>") for name in _NAMES),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<seed:think>", "</seed:think>"),
    ("<|channel>thought", "<channel|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|think|>", "<|/think|>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    CHANNELS,
)
# What a template writes around the reasoning of earlier turns: `'<plan>\n' + message.reasoning_content + '\n</plan>'`.
_AROUND_REASONING = re.compile(
    r"<(?P<name>[a-zA-Z][\w:.-]{0,40})>(?:(?!</(?P=name)>)[^<]){0,120}?reasoning(?:(?!</(?P=name)>)[^<]){0,120}?</(?P=name)>"
)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How a run's reasoning is recognised.

    Attributes:
        mode: ``strip``, ``keep``, or own tags as ``OPEN,CLOSE`` (more pairs after further commas).
        template_tags: the pairs that the checkpoint's chat template names; empty if it names none, or is not here.
        prompt_tag: the opening tag that the prompts end with, so that answers begin in the reasoning; empty if none.
    """

    mode: str = STRIP
    template_tags: tuple[Pair, ...] = ()
    prompt_tag: str = ""

    @property
    def tags(self) -> tuple[Pair, ...]:
        """The pairs of tags that count."""
        if self.mode == KEEP:
            return ()
        return self.template_tags or TAGS if self.mode == STRIP else parse_tags(self.mode)

    @property
    def is_begun(self) -> bool:
        """Whether an answer begins inside the reasoning."""
        return any(self.prompt_tag == opening for opening, _ in self.tags)

    def to_record(self) -> dict[str, Any]:
        """As in a manifest."""
        tags = {"template_tags": [list(pair) for pair in self.template_tags]} if self.template_tags else {}
        return {"mode": self.mode} | tags | ({"prompt_tag": self.prompt_tag} if self.prompt_tag else {})


def record_of(mode: str, template: str, prompts: Sequence[str]) -> dict[str, Any]:
    """The record of a new run.

    Args:
        mode: as for ``--reasoning``.
        template: the checkpoint's chat template; empty if there is none here.
        prompts: of all items.

    Raises:
        UsageError: there is no such mode.
    """
    pairs = tags_of_template(template)
    own = () if check_mode(mode) in (STRIP, KEEP) else parse_tags(mode)
    return Reasoning(mode, pairs, tag_at_end(prompts, (*own, *pairs, *TAGS))).to_record()


def of_record(record: Mapping[str, Any] | None, mode: str | None = None) -> Reasoning:
    """What a manifest records, with another mode if one is given; a manifest without a record means ``strip``."""
    record = record or {}
    pairs = tuple((str(opening), str(closing)) for opening, closing in record.get("template_tags", ()))
    return Reasoning(mode or str(record.get("mode", STRIP)), pairs, str(record.get("prompt_tag", "")))


def parse_tags(mode: str) -> tuple[Pair, ...]:
    """The pairs of ``--reasoning OPEN,CLOSE``.

    Raises:
        UsageError: it is neither pairs of tags nor one of the words.
    """
    tags = [tag.strip() for tag in mode.split(",")]
    if len(tags) % 2 or not all(tags) or any(one == other for one, other in zip(tags[::2], tags[1::2], strict=True)):
        hint = did_you_mean(mode, (STRIP, KEEP))
        raise UsageError(f"--reasoning {mode}: give strip, keep, or tags as OPEN,CLOSE such as '<plan>,</plan>'{hint}")
    return tuple(zip(tags[::2], tags[1::2], strict=True))


def check_mode(mode: str) -> str:
    """The value of ``--reasoning``, if it is one.

    Raises:
        UsageError: it is none.
    """
    if mode not in (STRIP, KEEP):
        parse_tags(mode)
    return mode


def tags_of_template(template: str) -> tuple[Pair, ...]:
    """The pairs of tags that a chat template names: known ones, and what it writes around ``reasoning_content``."""
    pairs = [pair for pair in TAGS if pair[1] in template and pair != CHANNELS]
    if "<|channel|>" in template and "analysis" in template:
        pairs.append(CHANNELS)
    pairs += [(f"<{match['name']}>", f"</{match['name']}>") for match in _AROUND_REASONING.finditer(template)]
    return tuple(dict.fromkeys(pairs))


def tag_at_end(prompts: Sequence[str], tags: tuple[Pair, ...]) -> str:
    """The opening tag that all prompts end with; empty if they do not."""
    for opening, _ in tags:
        if prompts and all(prompt.rstrip().endswith(opening) for prompt in prompts):
            return opening
    return ""
