"""The tags around a model's reasoning, where an engine must keep them: in a prompt's end, among special tokens.

Extraction separates reasoning from the answer by these tags; here they are only kept from being lost.
"""

import re

# Opening and closing tags of checkpoints that are trained with them, as tokens.
_TAGS = (
    *(f"<{slash}{name}>" for name in ("think", "thinking", "thought", "reasoning") for slash in ("", "/")),
    *("[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<seed:think>", "</seed:think>"),
    *("<|START_THINKING|>", "<|END_THINKING|>", "<|begin_of_thought|>", "<|end_of_thought|>"),
)
# The channels of gpt-oss, which are separated by these. Only together: other checkpoints end a turn with <|end|>.
_CHANNEL = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>")
_OPENED = re.compile(
    r"(?:<(?:think|thinking|thought|reasoning)>|\[THINK\]|◁think▷|<seed:think>|<\|START_THINKING\|>"
    r"|<\|begin_of_thought\|>)\s*\Z"
)
# How much of a prompt's end may hold a tag and blank lines after it.
_END = 100


def opened_reasoning(prompt: str) -> str:
    """The opening tag at a prompt's end, with the blank after it; empty if there is none.

    Some chat templates (DeepSeek-R1's, QwQ's) open the reasoning themselves. The answer then begins within it, and one
    that is cut off before the closing tag would be taken for an answer without reasoning.
    """
    match = _OPENED.search(prompt[-_END:])
    return match[0] if match else ""


def structural(tokens: set[str]) -> set[str]:
    """Those of a tokenizer's special tokens that separate reasoning from the answer."""
    return (tokens & set(_TAGS)) | (set(_CHANNEL) & tokens if _CHANNEL[0] in tokens else set())
