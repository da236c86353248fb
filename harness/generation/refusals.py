"""Which field of a request a server refuses, read from its error: models that reason take no temperature, for example.

What the user set and the server understands is not dropped: a temperature of 9 that is out of range stays an error. A
value that means "as if it were not there" (``top_p`` of 1, a temperature of 0) may be left out wherever a server does
not want it, as TGI does not. The fields that say what is asked (messages, ``chat_template_kwargs``) are never left out.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# Those whose loss changes an answer least first: of two that may not stand together, the first is left out.
_OPTIONAL = ("n", "top_p", "top_k", "seed", "temperature", "stop")
# What changes nothing by being left out: one answer is the default, and answers are cut at stop texts here as well.
HARMLESS = frozenset({"n", "stop"})
_NEUTRAL = {"top_p": 1.0, "temperature": 0.0}
# Every server knows the older name of the limit; models that reason want the newer one.
LIMIT, NEWER_LIMIT = "max_tokens", "max_completion_tokens"
# Words of any message, which name a field only where they are quoted or introduced.
_WORDS = frozenset({"n", "stop", "seed"})
_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"})
_REFUSED = re.compile(
    r"unsupported|not support|n't support|unrecogni[sz]ed|unknown|not permitted|not allowed|not accepted|not available"
    r"|unexpected|cannot (?:both )?be|can't be|must (?:be unset|not be)|may not|only the default|default value"
    r"|deprecated|only be (?:set|used)|cannot find field|not (?:a )?valid (?:parameter|argument|field)|extra inputs"
    r"|incompatible|use only one|remove",
    re.IGNORECASE,
)
_STATUSES = frozenset({400, 422})


class Change(NamedTuple):
    """What to do about a refusal: leave a field out, or send its value under another name."""

    name: str
    renamed: str | None = None


def refused_field(status: int, error: Any, message: str, fields: Mapping[str, Any]) -> Change | None:
    """The field of a request that a server refuses; None if it refuses something else.

    Args:
        status: of the response.
        error: the response's body as JSON; None if it is none.
        message: the server's error message.
        fields: the request's.
    """
    if status not in _STATUSES:
        return None
    named = _named_fields(error)
    is_refusal = bool(_codes(error) & _CODES or _REFUSED.search(message))
    if LIMIT in fields and (NEWER_LIMIT in message or (is_refusal and _is_named(LIMIT, named, message))):
        return Change(LIMIT, NEWER_LIMIT)
    for name in _OPTIONAL:
        is_dispensable = is_refusal or name in HARMLESS or fields.get(name) == _NEUTRAL.get(name)
        if name in fields and is_dispensable and _is_named(name, named, message):
            return Change(name)
    return None


def _is_named(name: str, named: set[str], message: str) -> bool:
    """Whether an error is about a field: by the fields that it names for programs, else by its message."""
    if named:
        return name in named
    pattern = rf"(?<![\w.]){name}(?!\w)"
    if name in _WORDS:
        pattern = rf"['\"`]{name}['\"`]|(?:argument|field|name|parameter|supplied)s?:? {name}\b|: {name}\s*\Z"
    return bool(re.search(pattern, message, re.IGNORECASE))


def _entries(error: Any) -> list[dict[str, Any]]:
    """The dictionaries of an error that may describe it: itself, ``error``, and the list of ``detail``."""
    entries: list[dict[str, Any]] = []
    todo = [error]
    while todo and len(entries) < 20:
        value = todo.pop(0)
        if isinstance(value, list):
            todo += value[:20]
        elif isinstance(value, dict):
            entries.append(value)
            todo += [value[name] for name in ("error", "detail", "message", "errors") if name in value]
    return entries


def _named_fields(error: Any) -> set[str]:
    """The fields that an error names for programs: in ``param`` (OpenAI) or ``loc`` (FastAPI, Mistral)."""
    names: set[str] = set()
    for entry in _entries(error):
        place = entry.get("param") or entry.get("loc")
        parts = place if isinstance(place, list) else [place]
        names |= {part for part in parts if isinstance(part, str) and part and part != "body"}
    return names


def _codes(error: Any) -> set[str]:
    return {str(entry[name]) for entry in _entries(error) for name in ("code", "type") if name in entry}
