"""Measures what a program and its processes use, so that one that runs too long is killed, and where it stopped."""

import contextlib
import ctypes
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from apigauge.sandboxes.worker import arguments, kernel

# Wall time is a limit only on a machine so busy that a program gets a tenth of the time it could use.
_PATIENCE = 10


class Excess(NamedTuple):
    """The limit that was exceeded: a verdict's status and a sentence."""

    status: str
    reason: str


class Watch:
    """Adds up what every process of a program uses, each time ``look`` is called.

    CPU time is what counts. Idle time is limited too, but it is counted only while none of the program's threads is on
    a core or waiting for one, so that a busy machine does not change the verdict.
    """

    def __init__(self, limits: dict[str, Any], everyone: Callable[[], list[int]], reaped: Callable[[], float]) -> None:
        self._limits = limits
        self._everyone = everyone
        self._reaped = reaped
        self._reaped_before = reaped()
        self._began_at = self._seen_at = time.monotonic()
        self._threads: dict[int, float] = {}
        self._cpu: dict[int, float] = {}
        self.idle_seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_bytes = 0

    def look(self) -> Excess | None:
        """Measures; returns the limit that has been exceeded, if any."""
        stats = {pid: stat for pid in self._everyone() if (stat := kernel.stat(pid))}
        computed = sum(max(0.0, stat.cpu_seconds - self._cpu.get(pid, 0.0)) for pid, stat in stats.items())
        busy = max(computed, self._busiest(list(stats)))
        self._cpu = {pid: stat.cpu_seconds for pid, stat in stats.items()}
        # CPU time of ended processes is counted in their parents', or in the supervisor's once it has reaped them.
        total = sum(self._cpu.values()) + self._reaped() - self._reaped_before
        self.cpu_seconds = max(self.cpu_seconds, total)
        now = time.monotonic()
        self.idle_seconds += max(0.0, now - self._seen_at - busy)
        self._seen_at = now
        self.peak_bytes = max(self.peak_bytes, self._resident(stats))
        return self._excess(sum(stat.threads for stat in stats.values()))

    def _resident(self, stats: dict[int, kernel.Stat]) -> int:
        """Bytes in memory; shared pages are counted once if counting them several times would exceed the limit."""
        total = sum(stat.resident_bytes for stat in stats.values())
        if len(stats) > 1 and total > self._limits["memory_bytes"]:
            return sum(kernel.proportional_bytes(pid) for pid in stats)
        return total

    def _busiest(self, pids: list[int]) -> float:
        """The most that one thread has computed or waited for a core: by the sum, many threads would never be idle."""
        now = {thread: used for pid in pids for thread, used in kernel.on_or_waiting_for_core(pid)}
        busiest = max((used - self._threads.get(thread, 0.0) for thread, used in now.items()), default=0.0)
        self._threads = now
        return max(0.0, busiest)

    def _excess(self, threads: int) -> Excess | None:
        limits = self._limits
        if self.cpu_seconds > limits["cpu_seconds"]:
            return Excess("timeout", f"used more than {limits['cpu_seconds']:g} s of CPU time")
        if time.monotonic() - self._began_at > _PATIENCE * (limits["cpu_seconds"] + limits["idle_seconds"]):
            return Excess("timeout", f"was not done after {_PATIENCE} times all the time it may use")
        if self.idle_seconds > limits["idle_seconds"]:
            return Excess("timeout", f"did nothing for {limits['idle_seconds']:g} s")
        if threads > limits["processes"]:
            return Excess("process_limit", f"ran more than {limits['processes']} processes and threads")
        if limits.get("sum_memory") and self.peak_bytes > limits["memory_bytes"]:
            return Excess("memory", f"used more than {limits['memory_bytes'] >> 20} MiB of memory")
        return None


class Layout(NamedTuple):
    """Offsets in CPython's structures, in bytes: of a thread state, its C frame, and a Python frame.

    ``locals`` is where a frame's local variables begin, which its stack follows.
    """

    newer_thread: int
    c_frame: int
    current_frame: int
    code: int
    instruction: int
    locals: int


# By the interpreter's minor version: cpython/Include/cpython/pystate.h and Include/internal/pycore_frame.h. Used only
# if ``Frames`` finds its own frame with them.
_LAYOUTS = {11: Layout(newer_thread=0, c_frame=56, current_frame=8, code=32, instruction=56, locals=72)}
_MAX_THREADS = 256


class Frames:
    """Reads from outside which frame each thread of a stopped child is running.

    A child is a fork of this process, so its main thread's state has the same address as in this process.
    """

    def __init__(self, layout: Layout, state: int) -> None:
        self._layout = layout
        self._state = state

    @classmethod
    def of_this_interpreter(cls, minor_version: int) -> "Frames | None":
        """A reader for children of this process; None if the interpreter's structures are not those of ``_LAYOUTS``."""
        layout = _LAYOUTS.get(minor_version)
        if layout is None:
            return None
        get = ctypes.pythonapi.PyThreadState_Get
        get.restype = ctypes.c_void_p
        state = int(get())

        def here(address: int) -> int:
            return ctypes.c_void_p.from_address(address).value or 0

        # Each call of ``here`` has its frame at the same address, so the last call reads its own.
        frame = here(here(state + layout.c_frame) + layout.current_frame)
        place = frame + layout.locals
        is_right = here(frame + layout.code) == id(here.__code__) and here(place) == id(place)
        return cls(layout, state) if is_right and arguments.can_be_read() else None

    def main(self, pid: int) -> int:
        """The address of the frame that the child's main thread runs."""
        with contextlib.closing(kernel.Memory(pid)) as memory:
            return self._frame(memory, self._state)

    def contents(self, pid: int, places: list[list[int]]) -> list[bytes]:
        """The child's memory at these addresses, with these lengths."""
        with contextlib.closing(kernel.Memory(pid)) as memory:
            return [memory.read(address, length) for address, length in places]

    def objects(self, pid: int, frame: int, places: list[int]) -> list[Any]:
        """Copies of the objects at these places among a frame's local variables and stack."""
        with contextlib.closing(kernel.Memory(pid)) as memory:
            reader, begin = arguments.Reader(memory), frame + self._layout.locals
            return [reader.value(memory.pointer(begin + 8 * place)) for place in places]

    def at(self, pid: int, code: int, instructions: list[int], frame: int | None = None) -> list[int]:
        """The frames, of all the child's threads or only this one, that are at one of these instructions of a code."""
        begin = code + types.CodeType.__basicsize__
        addresses = {begin + offset for offset in instructions}
        frames = []
        with contextlib.closing(kernel.Memory(pid)) as memory:
            state = self._state
            for _ in range(_MAX_THREADS):
                running = self._frame(memory, state)
                at_it = memory.pointer(running + self._layout.instruction) in addresses
                # Another thread may still wait for the original to return.
                if at_it and memory.pointer(running + self._layout.code) == code and frame in (None, running):
                    frames.append(running)
                state = memory.pointer(state + self._layout.newer_thread)
                if not state:
                    break
        return frames

    def _frame(self, memory: kernel.Memory, state: int) -> int:
        return memory.pointer(memory.pointer(state + self._layout.c_frame) + self._layout.current_frame)
