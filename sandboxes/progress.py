"""Lines for a person, and a sign of life wherever none would come for a while."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Self

# Without a line for so long, people begin to wonder whether anything still goes on.
SILENCE_SECONDS = 12.0


class Progress:
    """Passes lines on, and while nothing is said repeats from time to time what is going on, and since when.

    A line is the name of the step that it begins; ``str()`` gives the present one. ``say`` is called by one thread at a
    time, and by none once the block is left.

    Args:
        say: gets the lines.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._step = ""
        self._began = self._spoke = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, line: str) -> None:
        """Says that a step begins."""
        with self._lock:
            self._say(line)
            self._step = line
            self._began = self._spoke = time.monotonic()

    def at(self, step: str) -> None:
        """Begins a step that is not worth a line unless it takes long."""
        with self._lock:
            self._step, self._began = step, time.monotonic()

    def __str__(self) -> str:
        return self._step

    def _left(self) -> float:
        return self._spoke + SILENCE_SECONDS - time.monotonic()

    def _repeat(self) -> None:
        # Nobody may be listening any more; the work itself will notice, or does not mind.
        with contextlib.suppress(OSError):
            while not self._over.wait(max(self._left(), 0)):
                with self._lock:
                    if self._left() <= 0 and not self._over.is_set():
                        self._say(f"{self._step}: still at work after {time.monotonic() - self._began:.0f} s")
                        self._spoke = time.monotonic()
