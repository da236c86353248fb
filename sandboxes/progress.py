"""Progress lines for a person, and a sign of life during long silent steps."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Self

# After this long without a line, people wonder whether the work has stopped.
SILENCE_SECONDS = 12.0


class Progress:
    """Passes lines on, and during a silence repeats from time to time which step is running, and for how long.

    A line names the step that it begins; ``str()`` gives the current step. ``say`` is called by one thread at a time,
    and not after the ``with`` block has ended.

    Args:
        say: receives the lines.
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
        """Begins a step and reports it."""
        with self._lock:
            self._say(line)
            self._step = line
            self._began = self._spoke = time.monotonic()

    def at(self, step: str) -> None:
        """Begins a step that is reported only if it takes long."""
        with self._lock:
            self._step, self._began = step, time.monotonic()

    def __str__(self) -> str:
        return self._step

    def _silence_left(self) -> float:
        return self._spoke + SILENCE_SECONDS - time.monotonic()

    def _repeat(self) -> None:
        # The reader may be gone; the main thread will notice that itself if it matters.
        with contextlib.suppress(OSError):
            while not self._over.wait(max(self._silence_left(), 0)):
                with self._lock:
                    if self._silence_left() <= 0 and not self._over.is_set():
                        self._say(f"{self._step}: still at work after {time.monotonic() - self._began:.0f} s")
                        self._spoke = time.monotonic()
