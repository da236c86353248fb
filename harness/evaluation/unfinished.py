"""Unfinished answers: those whose tokens ran out, and those that end inside the model's reasoning.

Their scores say how long the model may write rather than what it knows, so they are counted next to every score.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from apigauge.file_formats import ScoreRow, UnfinishedRecord

# Above this share a run's scores say little.
MOST = 0.1
LENGTH, REASONING = "length", "reasoning"
# What servers call the end of the tokens: OpenAI, Anthropic, Mistral, Google, OpenAI's Responses, TGI's older versions.
CUT_OFF = frozenset({LENGTH, "max_tokens", "model_length", "max_output_tokens", "max_length", "length_limit"})
_ARE_UNFINISHED = "answers are unfinished"


def count(rows: Sequence[ScoreRow]) -> UnfinishedRecord | None:
    """How many of a run's answers are unfinished; None if its rows, written by an older version, do not say."""
    return record(Counter(row["unfinished"] for row in rows if "unfinished" in row))


def record(states: Mapping[str | None, int]) -> UnfinishedRecord | None:
    """The same from how often each state occurs; None if none does."""
    answers = sum(states.values())
    if not answers:
        return None
    reasons = {state: number for state, number in states.items() if state}
    number = sum(reasons.values())
    return {"count": number, "answers": answers, "share": number / answers, "reasons": dict(sorted(reasons.items()))}


def is_much(record: Mapping[str, Any] | None) -> bool:
    """Whether so many answers are unfinished that the scores say little."""
    return record is not None and bool(record["share"] > MOST)


def words(record: Mapping[str, Any]) -> str:
    """How many are unfinished, and why, in one sentence without its full stop."""
    reasons = record.get("reasons", {})
    why = [
        f"{reasons[name]} {meaning}"
        for name, meaning in ((LENGTH, "cut off by the limit of tokens"), (REASONING, "inside the reasoning"))
        if reasons.get(name)
    ]
    return (
        f"{record['count']} of {record['answers']} {_ARE_UNFINISHED} ({record['share']:.1%}"
        f"{': ' if why else ''}{', '.join(why)})"
    )


def problem(record: Mapping[str, Any] | None) -> str:
    """What a summary says of too many unfinished answers; empty if there are few."""
    if record is None or not is_much(record):
        return ""
    return f"{words(record)}: the scores say little of the model. Give it more room: --max-new-tokens"


def is_problem(text: str) -> bool:
    """Whether a problem is that of :func:`problem`."""
    return _ARE_UNFINISHED in text
