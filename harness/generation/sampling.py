"""How answers are drawn from a model."""

import hashlib
from dataclasses import dataclass

from apigauge.errors import UsageError


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn, the same for every backend.

    Attributes:
        max_new_tokens: the longest answer, in tokens; less where the model's context ends earlier.
        samples: answers to each question.
        temperature: 0 takes the likeliest token.
        top_p: the smallest set of tokens with this much probability is drawn from; 1 for all.
        top_k: only so many of the likeliest tokens are drawn from; 0 for all.
        seed: together with item and sample it decides each draw.
        stop: an answer ends before the first of these texts.
    """

    max_new_tokens: int = 512
    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise UsageError(f"--temperature {self.temperature}: must be 0 or more")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p {self.top_p}: must be above 0 and at most 1")
        if self.samples > 1 and self.is_greedy:
            raise UsageError(
                f"--samples {self.samples} at temperature 0 would be so many equal answers: set --temperature"
            )
        if isinstance(self.stop, str):
            raise UsageError(f"stop: give a tuple of texts, such as ({self.stop!r},)")
        if "" in self.stop:
            raise UsageError("--stop: an empty text would end every answer at once")
        if any(text != text.encode("utf-8", "ignore").decode("utf-8") for text in self.stop):
            raise UsageError("--stop: a text that is not UTF-8 is in no answer")

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature == 0


def seed_of(seed: int, item: str, sample: int) -> int:
    """The seed of one answer, from 0 to 2**31 - 1; it depends only on run seed, item and sample, not on the order."""
    digest = hashlib.sha256(f"{seed}\0{item}\0{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def cut(text: str, stop: tuple[str, ...]) -> tuple[str, bool]:
    """A text up to the first of the stop texts, and whether it had one."""
    ends = [end for stop_text in stop if (end := text.find(stop_text)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)
