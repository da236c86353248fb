"""Reads what a model says to a yes/no question, in the forms that models use; anything ambiguous stays unread.

A reply is read if all verdicts that it states agree: JSON objects with ``answer``, lines ``Answer: yes``, and a yes or
no that begins the reply or a sentence and stands alone. Reasoning in tags is not part of the reply. A verdict that the
reply takes back, doubts or denies makes it unreadable, as does a yes or no within a sentence.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_WORD = r"(?P<word>yes|no|true|false)"
_REASONING = re.compile(r"<(think|thinking|thought|reasoning|reason|analysis)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_REASONING = re.compile(r"<(think|thinking|thought|reasoning|reason|analysis)>", re.IGNORECASE)
_LATE_END = re.compile(r".*</(?:think|thinking|thought|reasoning|reason|analysis)>", re.DOTALL | re.IGNORECASE)
# An object that ends within a reason that was cut off.
_CUT = re.compile(r'\{\s*"answer"\s*:\s*(?P<value>"[^"\\{}]*"|true|false)\s*(?:,[^{}]*)?\Z', re.IGNORECASE)
_LINE = re.compile(rf"^[\W_]*(?:final )?answer[\W_]*[:=][\W_]*{_WORD}\b[\W_]*$", re.IGNORECASE | re.MULTILINE)
_FIRST = re.compile(rf"[\W_]*{_WORD}[\"'*`_)\]]*(?=[.,;:!\n]|\s+[-–—(]|\s*\Z)", re.IGNORECASE)  # noqa: RUF001
_ALONE = re.compile(rf"(?:\A|[.!?:\n]\s*)[\"'*`_(]*{_WORD}[\"'*`_)]*(?=[.,;!\n]|\s*\Z)", re.IGNORECASE)
_TAKEN_BACK = re.compile(
    r"\b(actually|wait|hold on|correction|scratch that|on second thoughts?|rather|however|but|although|unless|except|"
    r"partly|partially|maybe|perhaps|probably|not sure|unsure|depends|yes and no|yes or no|yes/no|true or false)\b"
    r"|\b(yes|no|true|false)[\"'*`_)\]]*\?",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(not|no|never|none|cannot|without|fails?|wrong|incorrect)\b|n['’]t\b", re.IGNORECASE)  # noqa: RUF001
# "No, there are no bugs" says yes to "free of bugs".
_NO_FAULT = re.compile(
    r"\b(no|any|without|free of) (?:\w+ )?(bug|problem|issue|error|mistake|fault)s?\b", re.IGNORECASE
)


def read_reply(text: str) -> bool | None:
    """True for yes, False for no, None for a reply that does not state one of them unmistakably."""
    reply = _without_reasoning(text)
    if reply is None:
        return None
    objects = list(_objects(reply))
    verdicts = [value for _, _, value in objects]
    rest = reply
    for start, end, _ in reversed(objects):
        if not _stands_apart(reply[:start], reply[end:]):
            return None
        rest = rest[:start] + "\n" + rest[end:]
    verdicts += [_WORDS[match["word"].lower()] for match in _LINE.finditer(rest)]
    verdicts += [_WORDS[match["word"].lower()] for match in _ALONE.finditer(rest)]
    if first := _FIRST.match(rest):
        verdicts.append(_WORDS[first["word"].lower()])
        if not objects and _is_denied(verdicts[-1], rest[first.end() :]):
            return None
    if _TAKEN_BACK.search(rest) or None in verdicts or len(set(verdicts)) != 1:
        return None
    return verdicts[0]


def _without_reasoning(text: str) -> str | None:
    """The reply behind its reasoning; None if the reasoning was cut off. Some templates write the opening tag."""
    reply = _LATE_END.sub("", _REASONING.sub("", text))
    return None if _OPEN_REASONING.search(reply) else reply.strip()


def _objects(reply: str) -> Iterator[tuple[int, int, bool | None]]:
    """Start, end and verdict of each JSON object with ``answer``, in order; None for a value that is no verdict."""
    decoder, at = json.JSONDecoder(object_pairs_hook=_Pairs), reply.find("{")
    while at >= 0:
        try:
            pairs, end = decoder.raw_decode(reply, at)
        except (ValueError, RecursionError):
            if cut := _CUT.match(reply, at):
                yield at, len(reply), _verdict(json.loads(cut["value"].lower()))
                return
            at = reply.find("{", at + 1)
            continue
        values = [_verdict(value) for name, value in pairs if name.lower() == "answer"]
        if values:
            is_flat = not any(isinstance(value, list) for _, value in pairs)
            yield at, end, values[0] if is_flat and len(set(values)) == 1 else None
        at = reply.find("{", end)


class _Pairs(list[tuple[str, Any]]):
    """An object's pairs, so that a second answer cannot replace the first."""


def _verdict(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.strip().rstrip(".!").lower()) if isinstance(value, str) else None


def _stands_apart(before: str, after: str) -> bool:
    """Whether an object is no part of a sentence: on its line, the text before it ends there, and none goes on."""
    line, rest = before.rpartition("\n")[2].strip(" \t`\"'*"), after.partition("\n")[0].strip()
    return (not line or line[-1] in ":.!=}" or line.endswith("json")) and not rest[:1].islower()


def _is_denied(verdict: object, reason: str) -> bool:
    """Whether the reason in the verdict's own sentence seems to say the opposite."""
    sentence = re.split(r"[.!?\n]", reason.lstrip(",;:–— -"), maxsplit=1)[0] if reason[:1] in ",;: " else ""  # noqa: RUF001
    return bool((_NEGATION if verdict else _NO_FAULT).search(sentence))
