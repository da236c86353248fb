"""A candidate's question, from the documentation's own words."""

import re

from apigauge.benchmarks.making.candidates import RESULT, Candidate

_MAX_TEXT = 240
# What refers to another part of the page.
_REFERS = re.compile(
    r"\b(?:above|again|also|always|below|compare|doctest|earlier|examples?|figure|following|here|however|instead|note|now|"
    r"otherwise|plot\w*|previous\w*|same|section|see|still|then|this|these|thus|too|we|works)\b|:ref:|::|\.\. ",
    re.IGNORECASE,
)
# "With weights:" is no sentence.
_FRAGMENT = re.compile(
    r"(?:And|As|At|But|By|For|From|If|In|On|Or|Passing|To|Using|When|With|Without)\b|(?:\S+ ){0,2}\S+$"
)
_ROLE = re.compile(r":(?:\w+:)?\w+:`~?\.?([^`<]+?)(?:\s*<[^>]*>)?`")


def instruction(candidate: Candidate) -> str:
    """The question: what is wanted, the data, the values to pass, and what to print."""
    api = candidate.api
    parts = [_sentence(plain(api.summary))]
    if text := _said_before(candidate):
        parts[0] += f" {text}"
    if given := "\n".join([*candidate.given_imports, *candidate.given]):
        parts.append(f"Given:\n\n```python\n{given}\n```")
    values = ", ".join(f"`{one}`" for one in candidate.values)
    receiver = f" on `{candidate.call.partition('.')[0]}`" if api.kind == "method" else ""
    how = f"Call it{receiver} with {values}." if values else f"Call it{receiver}." if receiver else ""
    if not candidate.after and candidate.result == RESULT and candidate.shown in (RESULT, f"print({RESULT})"):
        parts.append(f"{how} Print the result.".strip())
    else:
        shown = f"print({candidate.shown})" if candidate.is_value else candidate.shown
        ending = "\n".join([*candidate.after, shown])
        parts.append(f"{how} Assign the result to `{candidate.result}`, and end with:".strip())
        parts.append(f"```python\n{ending}\n```")
    return "\n\n".join(parts)


def plain(text: str) -> str:
    """A text without the marks of reStructuredText but for code."""
    text = _ROLE.sub(r"`\1`", text).replace("``", "`")
    return re.sub(r"(?<![\w*])\*{1,2}([^*\s][^*]*)\*{1,2}(?![\w*])", r"\1", text)


def _sentence(text: str) -> str:
    text = text.strip().rstrip(":")
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _said_before(candidate: Candidate) -> str:
    """What the documentation says just before the example, if it can stand alone and does not name the answer."""
    text = plain(candidate.text).strip()
    short = candidate.api.name.rpartition(".")[2]
    if (
        not text
        or text == plain(candidate.api.summary)
        or len(text) > _MAX_TEXT
        or not text[:1].isupper()
        or text[-1:] not in ".:"
        or "--" in text
    ):
        return ""
    if _FRAGMENT.match(text) and text.endswith(":"):
        return ""
    if _REFERS.search(text) or re.search(rf"\b{re.escape(short)}\b", text):
        return ""
    return _sentence(text)
