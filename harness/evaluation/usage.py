"""What a run's answers cost: tokens, money by the user's prices, and limits of both.

An answer from the cache of completions costs nothing, and one whose server does not say how many tokens it took is
counted apart: a sum without it would be too low.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from apigauge.errors import UsageError
from apigauge.file_formats import PriceRecord, UsageRecord
from apigauge.harness.evaluation.keys import Keys
from apigauge.harness.generation.types import Completion

_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of prompts, and of answers (which include a model's reasoning).

    Attributes:
        prompt: of prompts.
        completion: of answers.
        batch: the same two for answers from a batch; None if they are not given.
        as_of: the date (ISO 8601) of the table of prices; empty if it has none.
    """

    prompt: float
    completion: float
    batch: tuple[float, float] | None = None
    as_of: str = ""

    def __post_init__(self) -> None:
        if not all(0 <= price < math.inf for price in (self.prompt, self.completion, *(self.batch or ()))):
            raise UsageError("--price: give two numbers of dollars, 0 or more")

    def dollars(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / _MILLION

    def batch_dollars(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens of a batch cost; None without a price of them."""
        return Price(*self.batch).dollars(prompt_tokens, completion_tokens) if self.batch else None

    def to_json(self) -> PriceRecord:
        """For the manifest."""
        record: PriceRecord = {"prompt": self.prompt, "completion": self.completion}
        if self.batch:
            record["batch_prompt"], record["batch_completion"] = self.batch
        if self.as_of:
            record["as_of"] = self.as_of
        return record


def price_of(record: Mapping[str, object] | None) -> Price | None:
    """The price in a manifest; None if there is none, or it is damaged."""
    if not isinstance(record, Mapping):
        return None
    values, batch = ([record.get(f"{kind}{of}") for of in ("prompt", "completion")] for kind in ("", "batch_"))
    if not all(isinstance(value, int | float) for value in values):
        return None
    is_whole = all(isinstance(value, int | float) for value in batch)
    prompt, completion = cast("list[float]", values)
    return Price(prompt, completion, cast("tuple[float, float]", tuple(batch)) if is_whole else None)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take, in all its parts together; at a limit no further answer is begun.

    Attributes:
        tokens: of prompts and answers together.
        dollars: needs a price.
        price: of the model's tokens.
        others: tokens and dollars that other runs have taken under the same limits, as in a sweep.
    """

    tokens: int | None = None
    dollars: float | None = None
    price: Price | None = None
    others: tuple[int, float] = (0, 0.0)

    def __post_init__(self) -> None:
        if self.dollars is not None and not 0 < self.dollars < math.inf:
            raise UsageError("--max-cost: give a number of dollars above 0")
        if self.dollars is not None and self.price is None:
            raise UsageError("--max-cost: needs the model's price: --price IN OUT, or --prices FILE")


@dataclass(slots=True)
class Usage:
    """Sums over a run's answers."""

    answers: int = 0
    cached: int = 0
    unknown: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    batch_prompt_tokens: int = 0
    batch_completion_tokens: int = 0
    _items: Keys = field(default_factory=Keys)

    def add(self, completion: Completion) -> None:
        """Counts one answer; each is counted once."""
        key = (completion.item, completion.sample)
        if key in self._items:
            return
        self._items.add(key)
        self.answers += 1
        if completion.cached:
            self.cached += 1
        elif completion.prompt_tokens is None or completion.completion_tokens is None:
            self.unknown += 1
        else:
            self.prompt_tokens += completion.prompt_tokens
            self.completion_tokens += completion.completion_tokens
            if completion.batch:
                self.batch_prompt_tokens += completion.prompt_tokens
                self.batch_completion_tokens += completion.completion_tokens

    def dollars(self, price: Price) -> float | None:
        """What the answers cost; None if some came from a batch whose price is not given."""
        batch_tokens = (self.batch_prompt_tokens, self.batch_completion_tokens)
        of_batches = price.batch_dollars(*batch_tokens) if any(batch_tokens) else 0.0
        if of_batches is None:
            return None
        own = (self.prompt_tokens - batch_tokens[0], self.completion_tokens - batch_tokens[1])
        return price.dollars(*own) + of_batches

    def reached(self, limits: Limits) -> str:
        """The limit that is reached, as its option with what was used; empty if none is."""
        tokens = self.prompt_tokens + self.completion_tokens + limits.others[0]
        by = " by all runs together" if any(limits.others) else ""
        if limits.tokens is not None and tokens >= limits.tokens:
            return f"--max-tokens {limits.tokens} is reached ({tokens} tokens{by})"
        if limits.dollars is not None and limits.price:
            dollars = self.dollars(limits.price)
            if dollars is None:  # an upper bound: no batch costs more
                dollars = limits.price.dollars(self.prompt_tokens, self.completion_tokens)
            dollars += limits.others[1]
            if dollars >= limits.dollars:
                return f"--max-cost {limits.dollars:g} is reached (${dollars:.4f}{by})"
        return ""

    def to_json(self, price: Price | None = None) -> UsageRecord | None:
        """For the summary; None if no model was run, as for a file of answers."""
        if self.answers == self.unknown:
            return None
        record: UsageRecord = {
            "answers": self.answers,
            "cached": self.cached,
            "unknown": self.unknown,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        if price and (dollars := self.dollars(price)) is not None:
            record["dollars"] = dollars
        return record


def usage_of(completions: Iterable[Completion]) -> Usage:
    """What these answers took."""
    usage = Usage()
    for completion in completions:
        usage.add(completion)
    return usage


def tokens_each(record: UsageRecord) -> float | None:
    """Tokens of prompt and answer that an answer took, over those whose tokens are counted; None if none are."""
    counted = record["answers"] - record["cached"] - record["unknown"]
    return (record["prompt_tokens"] + record["completion_tokens"]) / counted if counted > 0 else None


def words(record: UsageRecord) -> str:
    """A run's usage in one sentence without its full stop."""
    parts = [f"{record['prompt_tokens']:,} + {record['completion_tokens']:,} tokens of prompts and answers"]
    if "dollars" in record:
        parts.append(f"${record['dollars']:.4f}")
    if record["cached"]:
        parts.append(f"{record['cached']} of {record['answers']} answers came from the cache and cost nothing")
    if record["unknown"]:
        parts.append(f"not counted are {record['unknown']} answers, whose tokens the server does not report")
    return "; ".join(parts)
