"""How far a run is, stage by stage, and where its time goes.

Two different clocks:

- The stages of the thread that writes a run add up to its time: it waits for answers, for scoring and for programs, and
  writes. Answers come from a thread of their own, whose time is counted apart.
- The parts of scoring (extraction, each module of metrics) are CPU seconds, summed over all processes that score.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Literal, ParamSpec, TypeVar

from apigauge.harness.executors.prefetch import Pending

Stage = Literal["answering", "waiting", "scoring", "programs", "writing"]
# What a row brings from the process that scored it; never written.
PARTS = "_parts"
Value = TypeVar("Value")
P = ParamSpec("P")


class Meter:
    """Counts and times of one run.

    Args:
        expected: answers that there will be.
        profiles: whether the parts of scoring are timed, in every process.

    Attributes:
        done: values that have left each stage.
        seconds: by stage, of the thread that the stage is in, without the stages inside it.
        parts: CPU seconds by the name of a part.
    """

    def __init__(self, expected: int = 0, *, profiles: bool = False) -> None:
        self.expected, self.profiles = expected, profiles
        self.done: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.parts: defaultdict[str, float] = defaultdict(float)

    def through(self, stage: Stage, values: Iterable[Value], inside: tuple[Stage, ...] = ()) -> Iterator[Value]:
        """The values of a stage, counted and timed; a ``PENDING`` takes time and is no value.

        Args:
            stage: which.
            values: drawn here.
            inside: the stages that are drawn from while this one is, whose time is not this one's.
        """
        iterator = iter(values)
        try:
            while True:
                before, started = self._sum(inside), time.perf_counter()
                try:
                    value = next(iterator)
                except StopIteration:
                    return
                finally:
                    self.seconds[stage] += time.perf_counter() - started - self._sum(inside) + before
                if not isinstance(value, Pending):
                    self.done[stage] += 1
                yield value
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def write(self, row: dict[str, Any], append: Callable[[dict[str, Any]], None]) -> None:
        """Writes a row, without the times that it brings."""
        started = time.perf_counter()
        for name, seconds in row.pop(PARTS, {}).items():
            self.parts[name] += seconds
        append(row)
        self.done["writing"] += 1
        self.seconds["writing"] += time.perf_counter() - started

    def _sum(self, stages: Iterable[str]) -> float:
        return sum(self.seconds[stage] for stage in stages)


class Parts:
    """CPU seconds of the functions that score, in one process."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[P, Value]) -> Callable[P, Value]:
        """The function, whose time counts as this part's."""

        def call(*args: P.args, **kwargs: P.kwargs) -> Value:
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[name] += time.thread_time() - started

        return call

    def take(self) -> Mapping[str, float]:
        """The times since the last call."""
        taken = dict(self._seconds)
        self._seconds.clear()
        return taken
