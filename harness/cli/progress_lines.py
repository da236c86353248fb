"""Progress as plain lines, for logs and other places that are no terminal."""

import time
from collections.abc import Callable

# Seconds until the first line. A short list gets it later, since it is expected to end soon.
FIRST_SECONDS, FIRST_SECONDS_OF_FEW, FEW = 5.0, 30.0, 20
# Intervals double from the first one up to this.
LONGEST_SECONDS = 60.0


class ProgressLines:
    """Writes ``WHAT: DONE of TOTAL, SECONDS s``: first after some seconds, then at growing intervals, and at the end.

    What ends before its first line is due has none. A line is only written when something was done, so that it never
    repeats the previous one.

    Args:
        what: is done.
        total: how many; None if that is unknown.
        write: gets the lines.
        clock: seconds, from any start.
    """

    def __init__(
        self, what: str, total: int | None, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total, self._write, self._clock = what, total, write, clock
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
        of = f" of {self._total}" if self._total is not None else ""
        self._write(f"{self._what}: {self._done}{of}, {now - self._start:.0f} s")
        self._written = self._done
