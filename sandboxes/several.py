"""Programs of one benchmark in several environments: each program runs in its own, or else in the benchmark's."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apigauge.errors import ApigaugeError
from apigauge.sandboxes.verdict import NOTHING, Limits, Program, Sandbox, Verdict

# Sandboxes that are open at once, besides the benchmark's: each holds workers, and memory.
_MOST_OPEN = 3


class SeveralSandboxes:
    """Opens the sandbox of an environment when its first program comes, and closes the one that was not used longest.

    Args:
        main: for programs without an environment of their own.
        locks: the digest of each other environment's lock, for the manifest.
        open_one: opens the sandbox of one of those.
    """

    def __init__(self, main: Sandbox, locks: Mapping[str, str], open_one: Callable[[str], Sandbox]) -> None:
        self._main, self._locks, self._open_one = main, dict(locks), open_one
        self.concurrency = main.concurrency
        self._lock = threading.Condition()
        self._open: dict[str, Sandbox] = {}
        self._users: dict[str, int] = {}
        self._is_closed = False

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs one program where it belongs; see :class:`apigauge.sandboxes.verdict.Sandbox`."""
        if not program.environment:
            return self._main.run(program, limits)
        try:
            with self._used(program.environment) as sandbox:
                return sandbox.run(program, limits)
        except ApigaugeError as error:
            return Verdict("infra", NOTHING, None, f"environment {program.environment}: {error}")

    @contextlib.contextmanager
    def _used(self, environment: str) -> Iterator[Sandbox]:
        sandbox = self._taken(environment)
        try:
            yield sandbox
        finally:
            with self._lock:
                self._users[environment] -= 1
                self._lock.notify_all()

    def _taken(self, environment: str) -> Sandbox:
        with self._lock:
            while environment not in self._open and not self._has_room():
                self._lock.wait()
            if environment not in self._open:
                self._open[environment] = self._open_one(environment)
                self._users[environment] = 0
            self._users[environment] += 1
            self._open[environment] = self._open.pop(environment)  # the last used is the last
            return self._open[environment]

    def _has_room(self) -> bool:
        """Whether another may be opened; closes one that nobody uses if there are too many."""
        if self._is_closed:
            raise ApigaugeError("the sandbox is closed")
        if len(self._open) < _MOST_OPEN:
            return True
        idle = next((name for name in self._open if not self._users[name]), None)
        if idle is None:
            return False
        self._open.pop(idle).close()
        return True

    def describe(self) -> dict[str, Any]:
        """As the benchmark's, with the locks of the others."""
        return self._main.describe() | {"environments": self._locks}

    def close(self) -> None:
        """Closes all that are open."""
        with self._lock:
            self._is_closed = True
            others = list(self._open.values())
            self._open.clear()
            self._lock.notify_all()
        for sandbox in (self._main, *others):
            sandbox.close()
