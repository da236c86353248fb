"""Reads an answer in the form of OpenAI's protocol: a choice of a chat or of a completion, and what stands around it.

Servers differ in where they put what a model wrote before its answer, and in what they return instead of a text:

- ``reasoning_content`` (DeepSeek, llama.cpp, SGLang, older vLLM) or ``reasoning`` (vLLM, Ollama, OpenRouter, Groq)
  next to ``content``, which is null if the answer was cut off within the reasoning;
- ``content`` as a list of parts (Mistral and gateways), reasoning among them;
- ``tool_calls``, or ``function_call`` in older ones, with ``content`` null;
- ``refusal`` with ``content`` null.
"""

import json
from typing import Any

from apigauge.harness.generation.sampling import cut
from apigauge.harness.generation.types import Answer

_REASONING = ("reasoning_content", "reasoning")
_SAID = ("content", "tool_calls", "function_call", "refusal", *_REASONING)
_TEXT_PARTS = frozenset({"text", "output_text"})
_REASONING_PARTS = frozenset({"thinking", "reasoning", "reasoning_content", "redacted_thinking"})
# Where a part has its text, by what it may be called.
_PART_FIELDS = ("text", "thinking", "reasoning", "reasoning_content", "content", "summary")


def read_choice(choice: Any, usage: Any, stop: tuple[str, ...] = ()) -> Answer:
    """The answer in one entry of ``choices``.

    Args:
        choice: with ``message`` (a chat) or ``text`` (a completion), and ``finish_reason``.
        usage: the response's ``usage``; None if it has none.
        stop: the answer's text ends before the first of these. Tool calls are not cut.

    Raises:
        LookupError: a field is missing.
        TypeError: a field has a value of another kind than the protocol's.
    """
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    if not isinstance(reason, str | None):
        raise TypeError("finish_reason is no text")
    text, reasoning, calls = _message(choice["message"]) if "message" in choice else (choice["text"], "", "")
    if not isinstance(text, str | None):
        raise TypeError("text is no text")
    text, is_cut = cut(text or "", stop)
    counts = [usage.get(f"{of}_tokens") if isinstance(usage, dict) else None for of in ("prompt", "completion")]
    prompt, completion = (count if type(count) is int else None for count in counts)
    text = "\n".join(filter(None, (text, calls)))
    first = _first_tokens(choice.get("logprobs"))
    return Answer(text, "stop" if is_cut else reason or "stop", prompt, completion, reasoning, first_tokens=first)


def _first_tokens(logprobs: Any) -> tuple[tuple[str, float], ...]:
    """The likeliest first tokens with their log probabilities; none where the choice has no ``logprobs``.

    A chat has a list of ``content``, with ``top_logprobs`` for each token; a completion a list of dictionaries.
    """
    if not isinstance(logprobs, dict):
        return ()
    if content := logprobs.get("content"):
        return tuple((str(one["token"]), float(one["logprob"])) for one in content[0]["top_logprobs"])
    return tuple(
        (str(token), float(value)) for top in (logprobs.get("top_logprobs") or ())[:1] for token, value in top.items()
    )


def _message(message: Any) -> tuple[str, str, str]:
    """The text, the reasoning and the calls (as JSON) of a message."""
    if not isinstance(message, dict) or not any(name in message for name in _SAID):
        raise TypeError("the message has no content")
    text, reasoning = _content(message.get("content"))
    apart = (message.get(name) for name in _REASONING)
    reasoning = next((part for part in map(_joined, apart) if part), reasoning)
    refusal = message.get("refusal")
    if not text and isinstance(refusal, str):
        text = refusal
    return text, reasoning, _calls(message)


def _content(content: Any) -> tuple[str, str]:
    """The text and the reasoning of ``content``: a text, or a list of parts; images and the like are left out."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise TypeError("content is neither a text nor a list of parts")
    texts, reasoning = [], []
    for part in content:
        kind = part.get("type", "text")
        if kind == "refusal" or kind in _TEXT_PARTS:
            texts.append(_joined(part.get("refusal", part.get("text"))))
        elif kind in _REASONING_PARTS:
            reasoning.append(_joined(next((part[name] for name in _PART_FIELDS if part.get(name)), "")))
    return "".join(texts), "\n".join(filter(None, reasoning))


def _joined(value: Any) -> str:
    """A text, or the texts of a list of parts, each a text or a dictionary that has one."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    parts = (part.get("text", part.get("content")) if isinstance(part, dict) else part for part in value)
    return "".join(part for part in parts if isinstance(part, str))


def _calls(message: dict[str, Any]) -> str:
    """The calls of tools as ``{"tool_calls": [...]}``, without ids, which are new in each answer; empty if none."""
    calls: Any = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise TypeError("tool_calls is no list")
    if function := message.get("function_call"):
        calls = [*calls, {"type": "function", "function": function}]
    calls = [
        {name: value for name, value in call.items() if name not in ("id", "index")} if isinstance(call, dict) else call
        for call in calls
    ]
    return json.dumps({"tool_calls": calls}, ensure_ascii=False) if calls else ""
