"""One program, from its fork to its verdict."""

import os
import signal
import time
from typing import Any, Protocol

from apigauge.sandboxes.worker import arguments, child, classify, deprecations, kernel, stops, watch

_LOOK_EVERY = 0.05
_ALIVE_EVERY = 1.0
_KEPT_BYTES = 4_000
_FAILURES = ("failed", "memory", "process_limit", "early_exit")


class Starter(Protocol):
    """The supervisor, as far as a run needs it; its methods say what they do.

    Attributes:
        frames: reads a child's frames; None where they are not known.
        ends: "kernel" if the kernel reports where a stopped child stands, else "word".
    """

    frames: watch.Frames | None
    ends: str

    def fork(self, request: dict[str, Any], user: int | None, streams: tuple[int, int]) -> int:
        """Starts the child; returns its process id."""
        ...

    def watch(self, limits: dict[str, Any], *, sum_memory: bool) -> watch.Watch:
        """A watch on a new child."""
        ...

    def report(self) -> dict[str, Any]:
        """What the child has written to the shared page."""
        ...

    def hand_over_tests(self) -> None:
        """Writes the tests where the child reads them."""
        ...

    def wait(self, streams: list[int], seconds: float) -> list[int]:
        """Waits until a child changes, a stream can be read, or time is up."""
        ...

    def say_alive(self) -> None:
        """Tells the host that the supervisor is still alive."""
        ...


class ProgramRun:
    """One program, from its fork to its verdict."""

    def __init__(self, supervisor: Starter, request: dict[str, Any], user: int | None) -> None:
        self._supervisor = supervisor
        self._limits = request["limits"]
        self._lines = request["source"].count("\n") + 1
        self._written = 0
        self._ends: dict[int, bytes] = {}
        self._stops: stops.Stops | None = None
        self._returned = False
        # Of an item's tests: whether there are any, whether the program's last statement is done, how they went.
        self._is_tested = bool(request.get("is_tested"))
        self._is_done = False
        self._tests: dict[str, Any] | None = None
        # As much of the output as is to be compared.
        self._kept, self._keeps = b"", int(request.get("output_bytes", 0))
        self._excess: watch.Excess | None = None
        self._oom, self._forks = kernel.out_of_memory_kills(), kernel.refused_forks()
        (out, out_end), (err, err_end) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        self._streams = {out: "stdout", err: "stderr"}
        for stream in (out, err):
            os.set_blocking(stream, False)
        self._watch = supervisor.watch(self._limits, sum_memory=bool(request.get("sum_memory")))
        self._pid = supervisor.fork(request, user, (out_end, err_end))
        os.close(out_end)
        os.close(err_end)

    def until_it_ends(self) -> dict[str, Any]:
        """Watches the child until its verdict is decided."""
        look_at = time.monotonic() + _LOOK_EVERY
        alive_at = time.monotonic() + _ALIVE_EVERY
        open_streams = list(self._streams)
        while True:
            for stream in self._supervisor.wait(open_streams, max(0.0, look_at - time.monotonic())):
                if not self._read(stream):
                    open_streams.remove(stream)
            if (verdict := self._changed()) is not None:
                return verdict
            now = time.monotonic()
            if now >= look_at or self._excess:
                self._excess = self._excess or self._watch.look()
                if over := self._over():
                    return over
                look_at = now + _LOOK_EVERY
            if now >= alive_at:
                self._supervisor.say_alive()
                alive_at = now + _ALIVE_EVERY

    def drain(self) -> None:
        """Reads what is in the pipes, up to the limit on output."""
        for stream in self._streams:
            while self._written <= self._limits["output_bytes"] and self._read(stream):
                pass

    def close(self) -> None:
        """Closes the pipes."""
        for stream in self._streams:
            os.close(stream)

    def _read(self, stream: int) -> bool:
        left = self._limits["output_bytes"] + 1 - self._written
        try:
            data = os.read(stream, min(max(left, 1), 1 << 16))
        except BlockingIOError:
            return False
        self._written += len(data)
        self._ends[stream] = (self._ends.get(stream, b"") + data)[-_KEPT_BYTES:]
        if self._streams[stream] == "stdout" and not self._is_done:
            self._kept += data[: max(0, self._keeps - len(self._kept))]
        if self._written > self._limits["output_bytes"]:
            self._excess = watch.Excess("output_limit", f"wrote more than {self._limits['output_bytes']} bytes")
        return bool(data)

    def _over(self) -> dict[str, Any] | None:
        if self._excess and self._stops and (report := self._supervisor.report()).get("status") in _FAILURES:
            return self._failed(report, None)  # it had failed before, and was showing how
        return self._verdict(self._excess.status, reason=self._excess.reason) if self._excess else None

    def _changed(self) -> dict[str, Any] | None:
        """Handles children that stopped or died; returns the verdict once the program's own process has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return self._verdict("killed", reason="disappeared")
            if pid == 0:
                return None
            if pid != self._pid:
                continue  # an orphan of the program
            if not os.WIFSTOPPED(status):
                return self._died(status)
            if (verdict := self._stopped()) is not None:
                return verdict

    def _stopped(self) -> dict[str, Any] | None:
        if self._stops is None:
            self._begin()
        elif self._is_tested and self._has_gone_on(self._stops):
            pass
        elif self._stops.at_end():
            self._watch.look()
            self.drain()
            return self._over() or self._verdict("passed")
        else:
            # Both, if two threads have stopped at the same time; the same twice, if two return at the same time.
            recorded, returned = self._stops.records(), self._stops.has_returned()
            if not recorded and not returned:
                self._watch.look()
                return self._verdict("killed", reason="stopped itself before its end")
            self._returned = self._returned or returned
        os.kill(self._pid, signal.SIGCONT)
        return None

    def _has_gone_on(self, at: stops.Stops) -> bool:
        """Whether the child has stopped before or behind its tests; notes that."""
        if not self._is_done:
            if not at.at_end("ended"):
                return False
            self.drain()
            self._is_done = True
            self._supervisor.hand_over_tests()
            return True
        # Where frames are not known, a stop without a report of a failure is behind the tests.
        self._tests = self._tests or self._tests_failed()
        if self._tests or not at.at_end("tested"):
            return False
        self._tests = {"status": "passed", "reason": "", "line": None}
        return True

    def _tests_failed(self) -> dict[str, Any] | None:
        """How the tests failed, as the child reports it; a program can only choose how that is described."""
        report = self._supervisor.report().get("tests")
        if not isinstance(report, dict):
            return None
        line = report.get("line")
        reason = _text_of(report.get("reason", ""))
        return {"status": "failed", "reason": reason, "line": line if type(line) is int and line > 0 else None}

    def _begin(self) -> None:
        """The child is about to begin the program: its report so far was written by apigauge's own code."""
        report = self._supervisor.report()
        self._stage = report.get("stage", 0)
        self._stops = stops.Stops(self._pid, report, self._supervisor.frames)
        self._supervisor.frames = self._stops.frames
        if not self._stops.has_place:
            self._supervisor.ends = "word"

    def _died(self, status: int) -> dict[str, Any]:
        self._watch.look()
        code = os.waitstatus_to_exitcode(status)
        report = self._supervisor.report()
        if kernel.out_of_memory_kills() > self._oom:
            return self._verdict("memory", reason="was killed by the kernel for want of memory", exit=code)
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and self._spent()):
            return self._verdict("timeout", reason=f"used {self._limits['cpu_seconds']:g} s of CPU time", exit=code)
        if code >= 0 and report.get("status") in _FAILURES:
            return self._failed(report, code)
        if kernel.refused_forks() > self._forks:
            return self._verdict("process_limit", reason="was refused another process or thread", exit=code)
        if code < 0:
            return self._verdict("killed", reason=f"died of {kernel.signal_name(-code)}", exit=code)
        return self._verdict("early_exit", reason=f"ended with exit status {code} before its last statement", exit=code)

    def _spent(self) -> bool:
        return bool(self._watch.cpu_seconds >= self._limits["cpu_seconds"])

    def _failed(self, report: dict[str, Any], code: int | None) -> dict[str, Any]:
        """The verdict for a failure that the child reported: a program can only choose how the failure is described."""
        status, line = report["status"], report.get("line")
        if status == "failed" and kernel.refused_forks() > self._forks:
            status = "process_limit"
        category = str(report.get("category")) if status == "failed" else None
        if category == "syntax" and self._stops:
            category = "other"  # a program that has started has compiled
        reason = _text_of(report.get("reason", ""))
        in_program = type(line) is int and 0 < line <= self._lines
        verdict = self._verdict(status, category, reason, exit=code, line=line if in_program else None)
        if category == "import":
            verdict["stage"] = min(verdict["stage"], child.PARSES) if not self._returned else verdict["stage"]
        return verdict

    def _verdict(self, status: str, category: str | None = None, reason: str = "", **evidence: Any) -> dict[str, Any]:
        self.drain()
        if self._is_done and status != "passed" and not self._tests:
            self._tests = self._tests_failed()
            if not self._tests:  # the tests ended the process, or took too long, and not the program
                self._tests = {"status": status, "reason": reason, "line": None}
                status, category, evidence = "passed", None, {}
        stage = self._stage if self._stops else self._supervisor.report().get("stage", 0)
        if self._returned:
            stage = 4 if status == "passed" else 3
        elif status == "passed":
            stage = 2
            reason = (
                "ran to its end without making its API call"
                if self._stops and self._stops.is_watched
                else "ran to its end"
            )
        return {
            "status": status,
            "stage": stage,
            "category": category,
            "reason": reason,
            "calls": self._calls(),
            "tests": self._tests,
            "deprecations": deprecations.checked(self._supervisor.report().get("deprecated")),
            "output": self._kept.decode("utf-8", "replace"),
            "evidence": {
                **{name: value for name, value in evidence.items() if value is not None},
                "cpu_seconds": round(self._watch.cpu_seconds, 3),
                "peak_bytes": self._watch.peak_bytes,
                "output_bytes": self._written,
                **{name: self._text(stream) for stream, name in self._streams.items()},
            },
        }

    def _calls(self) -> list[dict[str, Any]]:
        """The calls recorded; where a child's memory cannot be read, those that it reports."""
        if self._supervisor.frames:
            return self._stops.calls if self._stops else []
        return arguments.checked(self._supervisor.report().get("calls"))

    def _text(self, stream: int) -> str:
        return self._ends.get(stream, b"").decode("utf-8", "replace")


def _text_of(value: object) -> str:
    """A text that a child reports, shortened and without what JSON has no place for."""
    return str(value)[: classify.MAX_TEXT].encode("utf-8", "backslashreplace").decode()
