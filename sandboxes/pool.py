"""A warm pool of workers, and the rule on ``infra``: a sandbox failure is retried, then reported, never scored."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from apigauge.errors import SandboxError
from apigauge.sandboxes.verdict import CATEGORIES, Deprecation, Limits, ObservedCall, OutcomeOfTests, Program, Verdict
from apigauge.sandboxes.worker_channel import LostError

# A program is tried on this many workers before its verdict is ``infra``.
TRIES = 3
# More than any model writes; every character is sent, parsed and stored.
MAX_SOURCE = 1_000_000
# How long to wait for an engine that is being restarted.
_PATIENCE_SECONDS = 20.0
# How often a program that waits for a worker looks whether another is to be started.
_LOOK_SECONDS = 0.05


# Of the output of a program that is compared: a verdict is one message, in which a byte may take six.
MAX_OUTPUT = 256 << 10


class Worker(Protocol):
    """A started worker."""

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The supervisor's answer.

        Raises:
            LostError: the worker is gone.
        """
        ...

    def is_out_of_memory(self) -> bool:
        """Whether the kernel killed the worker itself for lack of memory, which the program has caused."""
        ...

    def close(self) -> None:
        """Stops the worker and all that it started."""
        ...


class Pool:
    """Runs programs on workers that are started when needed and replaced when they are lost or unclean.

    A worker that preloads torch takes a core five seconds before its first program: more than a few dozen programs
    take. So programs share the first worker until together they have waited for it as long as its start took; then
    there is one for each place. (Who rents until the price is spent pays at most twice what the best choice would have
    cost: Karlin, Manasse, Rudolph, Sleator, "Competitive snoopy caching", 1988.)

    Args:
        start: starts a worker; raises SandboxError if that is impossible, LostError if it may work the next time.
        limits: for programs that are run without limits of their own.
        concurrency: number of workers.
    """

    def __init__(self, start: Callable[[], Worker], limits: Limits, concurrency: int) -> None:
        self._start = start
        self.limits = limits
        self.concurrency = concurrency
        self._places = threading.Semaphore(concurrency)
        # Notified when a worker comes back, is lost, or could not be started, and when all is closed.
        self._lock = threading.Condition()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._starting = 0
        # Seconds: what the first start took, and what all programs together have waited for a worker.
        self._price: float | None = None
        self._waited = 0.0
        self._closed = False

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs one program; see :class:`apigauge.sandboxes.verdict.Sandbox`."""
        request_limits = (limits or self.limits).to_json()
        for name in ("memory_bytes", "processes"):
            if request_limits[name] > getattr(self.limits, name):
                raise ValueError(f"{name}: {request_limits[name]} is more than the sandbox was opened with")
        if len(program.source) > MAX_SOURCE:
            return Verdict("failed", 0, "syntax", f"longer than {MAX_SOURCE} characters")
        request = {
            "source": program.source,
            "callee": program.callee,
            "functions": program.functions,
            "limits": request_limits,
            "tests": program.tests,
            "keeps": program.keeps,
            "output_bytes": min(program.output_bytes, MAX_OUTPUT),
        }
        failures: list[str] = []
        with self._places:
            while len(failures) < TRIES:
                try:
                    return self._try(request)
                except LostError as error:
                    failures.append(str(error))
                except SandboxError as error:
                    failures += [str(error)] * TRIES
        reason = f"the sandbox failed {TRIES} times: {failures[-1]}"
        return Verdict("infra", 0, reason=reason, evidence={"troubles": failures})

    def _try(self, request: dict[str, Any]) -> Verdict:
        worker = self._take()
        try:
            answer = worker.run(request)
        except LostError:
            out_of_memory = worker.is_out_of_memory()
            self._drop(worker)
            if out_of_memory:
                return Verdict("memory", 0, reason="the kernel ended the whole container for want of memory")
            raise
        except BaseException:
            self._drop(worker)  # interrupted: its late answer must not be taken for the answer to the next request
            raise
        if answer["clean"]:
            self._give_back(worker)
        else:
            self._drop(worker)
        return _verdict(answer)

    def _take(self) -> Worker:
        with self._lock:
            while not self._idle and not self._closed and self._is_worth_waiting():
                began, is_rent = time.monotonic(), self._price is not None
                self._lock.wait(_LOOK_SECONDS)
                self._waited += time.monotonic() - began if is_rent else 0.0
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if self._idle:
                return self._idle.pop()
            self._starting += 1
        began, worker = time.monotonic(), None
        try:
            worker = self._started()
        finally:
            with self._lock:
                self._starting -= 1
                if worker and not self._closed:
                    self._all.add(worker)
                    self._price = self._price or time.monotonic() - began
                self._lock.notify_all()
        if worker in self._all:
            return worker
        self._drop(worker)
        raise SandboxError("the sandbox was closed while a worker was being started")

    def _is_worth_waiting(self) -> bool:
        """Whether a worker will come back, or is being started, before the wait costs more than another start."""
        if self._price is None:
            return self._starting > 0
        return bool(self._all or self._starting) and self._waited < self._price

    def _started(self) -> Worker:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self._start()
            except LostError:
                if self._closed or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                self._lock.notify()

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
            self._lock.notify_all()
        with contextlib.suppress(Exception):  # a lost worker may already be gone
            worker.close()

    def warm_up(self) -> None:
        """Starts one worker, so that a sandbox that cannot work is reported before anything depends on it.

        Raises:
            SandboxError: it cannot be started.
        """
        try:
            self._give_back(self._take())
        except LostError as error:
            raise SandboxError(f"a sandbox cannot be started: {error}") from error

    def close(self) -> None:
        """Stops every worker."""
        with self._lock:
            self._closed = True
            workers, self._all = list(self._all), set()
            self._idle.clear()
            self._lock.notify_all()
        for worker in workers:
            with contextlib.suppress(Exception):
                worker.close()


def _verdict(answer: dict[str, Any]) -> Verdict:
    """The verdict that a supervisor has sent."""
    category = answer["category"]
    if category is not None and category not in CATEGORIES:
        category = "other"  # a program can write what it likes into its own failure
    calls = tuple(
        ObservedCall(call["function"], tuple(call["positional"]), call["keywords"]) for call in answer.get("calls", ())
    )
    tests = OutcomeOfTests(**one) if (one := answer.get("tests")) else None
    return Verdict(
        answer["status"],
        answer["stage"],
        category,
        answer["reason"],
        answer["evidence"],
        calls,
        tests,
        tuple(Deprecation(**one) for one in answer.get("deprecations", ())),
        answer.get("output", ""),
    )


def default_concurrency() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
