"""Progress as plain lines, for logs and other places that are no terminal."""

import time
from collections.abc import Callable, Mapping
from typing import Any

# Seconds until the first line. A short list gets it later, since it is expected to end soon.
FIRST_SECONDS, FIRST_SECONDS_OF_FEW, FEW = 5.0, 30.0, 20
# Intervals double from the first one up to this.
LONGEST_SECONDS = 60.0


class ProgressLines:
    """Writes ``WHAT: DONE of TOTAL, SECONDS s, ...``: first after some seconds, at growing intervals, and at the end.

    What ends before its first line is due has none. A line is only written when something was done, so that it never
    repeats the previous one.

    Args:
        what: is done.
        total: how many; None if that is unknown.
        write: gets the lines, and the same as a record.
        clock: seconds, from any start.
        stages: how many have left each stage of the work, by its name, if it has several.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        write: Callable[[str, Mapping[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
        stages: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._what, self._total, self._write, self._clock, self._stages = what, total, write, clock, stages
        self._done = self._written = 0
        self._start = clock()
        self._interval = FIRST_SECONDS_OF_FEW if total is not None and total < FEW else FIRST_SECONDS
        self._due = self._start + self._interval

    def tick(self) -> None:
        """One more is done."""
        self._done += 1
        now = self._clock()
        if now >= self._due and self._done != self._total:
            self._line(now)
            self._interval = min(2 * self._interval, LONGEST_SECONDS)
            self._due = now + self._interval

    def close(self) -> None:
        """The last line, if there was a first one and something was done since."""
        if 0 < self._written < self._done:
            self._line(self._clock())

    def _line(self, now: float) -> None:
        record = record_of(self._what, self._done, self._total, now - self._start, self._stages())
        self._write(text_of(record), record)
        self._written = self._done


def record_of(
    what: str, done: int, total: int | None, seconds: float, stages: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """How far a work is; rates are those since it began, the time left is that at the same rate."""
    rate = done / seconds if seconds > 0 else None
    return {
        "what": what,
        "done": done,
        "total": total,
        "seconds": round(seconds, 1),
        "rate": rate and float(f"{rate:.6g}"),
        "seconds_left": _left(done, total, seconds),
        "stages": {
            name: {
                "done": count,
                "rate": float(f"{count / seconds:.6g}") if seconds > 0 else None,
                "seconds_left": _left(count, total, seconds),
            }
            for name, count in (stages or {}).items()
        },
    }


def _left(done: int, total: int | None, seconds: float) -> float | None:
    return round((total - done) * seconds / done, 1) if total is not None and done else None


def text_of(record: Mapping[str, Any]) -> str:
    """The same for people."""
    of = f" of {record['total']}" if record["total"] is not None else ""
    parts = [f"{record['what']}: {record['done']}{of}, {record['seconds']:.0f} s"]
    parts += [f"{record['rate']:.3g}/s"] if record["rate"] else []
    parts += [f"about {duration(record['seconds_left'])} left"] if record["seconds_left"] else []
    stages = [f"{name} {one['done']}" for name, one in record["stages"].items()]
    return ", ".join(parts) + (f" ({', '.join(stages)})" if stages else "")


def duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
