"""Yes or no by the probabilities of a reply's first word, and how these are calibrated.

A reply is stored as JSON, ``{"yes": -0.2, "no": -1.9}``: the logarithms of the probability that the model begins its
reply with this word, in any spelling (`` Yes``, ``"yes``). A word that is not among the likeliest tokens which a server
reports is given the probability of the least likely of these, which it is at most.

Calibration is Platt's: a logistic regression of known labels on the log-odds (Platt, "Probabilistic Outputs for Support
Vector Machines and Comparisons to Regularized Likelihood Methods", 1999), for each question.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from apigauge.errors import ModelError
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Answer, Engine, Request
from apigauge.harness.plugins.rlaif.logistic import fit

WORDS = ("yes", "no")
# The likeliest tokens that are looked at: OpenAI's most; of a checkpoint, whose whole distribution is here, more.
MOST_TOKENS = {"openai": 20, "vllm": 20, "hf": 2000}
_MARKS = " \t\n\"'*`_({[:▁Ġ"


class FirstWord:
    """An engine whose answers are the log probabilities of yes and no as first word.

    Args:
        engine: reports the log probabilities of its first tokens.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.problems = engine.problems
        self.is_identified = engine.is_identified
        self.parameters = getattr(engine, "parameters", 0)

    def describe(self) -> dict[str, Any]:
        """The engine, and that its answers are these."""
        return {**self._engine.describe(), "answers": "log probabilities of yes and no"}

    def sampled(self, sampling: Sampling) -> Self:
        """The same model under another sampling."""
        return type(self)(self._engine.sampled(sampling))

    @property
    def has_chat(self) -> bool:
        """As the engine's."""
        return self._engine.has_chat

    def chat(self, message: str) -> str:
        """As the engine's."""
        return self._engine.chat(message)

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """The log probabilities, as JSON.

        Raises:
            ModelError: the server reports none.
        """
        for request, answer in self._engine.answer(requests, style):
            if not answer.first_tokens:
                raise ModelError('the server reports no log probabilities: set replies = "text" in [labeler_options]')
            text = json.dumps(of_words(answer.first_tokens))
            yield request, answer._replace(text=text, finish_reason="stop", first_tokens=())

    def stop(self, *, at_once: bool) -> None:
        """As the engine's."""
        self._engine.stop(at_once=at_once)


def of_words(tokens: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The log probabilities of the words; empty if none of the tokens is one of them.

    Args:
        tokens: the likeliest first tokens with their log probabilities.
    """
    sums = dict.fromkeys(WORDS, 0.0)
    for token, logarithm in tokens:
        if (word := token.strip(_MARKS).lower()) in sums:
            sums[word] += math.exp(logarithm)
    if not any(sums.values()):
        return {}
    least = min(logarithm for _, logarithm in tokens)
    return {word: math.log(value) if value else least for word, value in sums.items()}


def log_odds(reply: str) -> float | None:
    """Of yes against no, from a stored reply; None if the model would begin with neither."""
    values = json.loads(reply)
    return values["yes"] - values["no"] if values else None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns log-odds into the probability of yes: the logistic function of ``slope * odds + offset``."""

    slope: float = 1.0
    offset: float = 0.0

    def probability(self, odds: float) -> float:
        """From 0 to 1."""
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, self.slope * odds + self.offset))))


def calibrate(odds: Sequence[float], labels: Sequence[bool]) -> Calibration:
    """The calibration by known labels; none if all labels are the same, or the odds say nothing.

    A negative slope is not used: a model whose yes means no is not to be trusted with either.
    """
    if len(set(labels)) < 2:
        return Calibration()
    weights = fit([[value] for value in odds], labels)
    return Calibration(weights.slopes[0], weights.offset) if weights.slopes[0] > 0 else Calibration(0.0, weights.offset)
