"""What a program and all that it started use, and where it stands when it has stopped itself."""

import contextlib
import ctypes
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from apigauge.sandboxes.worker import kernel

# The clock decides only where a machine is so busy that a program gets a tenth of the time it asks for.
_PATIENCE = 10


class Excess(NamedTuple):
    """Which limit was passed: a verdict's status and a sentence."""

    status: str
    reason: str


class Watch:
    """Adds up what every process of a program uses, from look to look.

    CPU time decides. A program that does not compute is timed too, but only while none of its threads is on a core or
    waiting for one: on a busy machine a slow program waits longer and is not judged differently.
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
        """Takes stock; returns the limit that has been passed, if one has."""
        stats = {pid: stat for pid in self._everyone() if (stat := kernel.stat(pid))}
        computed = sum(max(0.0, stat.cpu_seconds - self._cpu.get(pid, 0.0)) for pid, stat in stats.items())
        busy = max(computed, self._busiest(list(stats)))
        self._cpu = {pid: stat.cpu_seconds for pid, stat in stats.items()}
        # Zombies and the dead: what they used is in their parents' numbers, or in ours once we have waited for them.
        total = sum(self._cpu.values()) + self._reaped() - self._reaped_before
        self.cpu_seconds = max(self.cpu_seconds, total)
        now = time.monotonic()
        self.idle_seconds += max(0.0, now - self._seen_at - busy)
        self._seen_at = now
        self.peak_bytes = max(self.peak_bytes, self._resident(stats))
        return self._excess(sum(stat.threads for stat in stats.values()))

    def _resident(self, stats: dict[int, kernel.Stat]) -> int:
        """Bytes in memory; pages that several processes share are counted once where that matters."""
        total = sum(stat.resident_bytes for stat in stats.values())
        if len(stats) > 1 and total > self._limits["memory_bytes"]:
            return sum(kernel.proportional_bytes(pid) for pid in stats)
        return total

    def _busiest(self, pids: list[int]) -> float:
        """The most that one thread has computed or waited for a core: adding them up, a crowd would never be idle."""
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
    """Offsets in CPython's structures, in bytes: of a thread state, its C frame, and a Python frame."""

    newer_thread: int
    c_frame: int
    current_frame: int
    code: int
    instruction: int


# By the interpreter's minor version: cpython/Include/cpython/pystate.h and Include/internal/pycore_frame.h. Believed
# only after ``Frames`` has found its own frame with them.
_LAYOUTS = {11: Layout(newer_thread=0, c_frame=56, current_frame=8, code=32, instruction=56)}
_MAX_THREADS = 256


class Frames:
    """Looks from outside at the frame that each thread of a stopped child is running.

    A child is a fork of this process: its main thread's state has the address that ours has.
    """

    def __init__(self, layout: Layout, state: int) -> None:
        self._layout = layout
        self._state = state

    @classmethod
    def of_this_interpreter(cls, minor_version: int) -> "Frames | None":
        """A reader for children of this process; None if the interpreter's structures are not as we know them."""
        layout = _LAYOUTS.get(minor_version)
        if layout is None:
            return None
        get = ctypes.pythonapi.PyThreadState_Get
        get.restype = ctypes.c_void_p
        state = int(get())

        def here(address: int) -> int:
            return ctypes.c_void_p.from_address(address).value or 0

        # ``here`` finds its own frame, and each call of it gets the same place in memory.
        frame = here(here(state + layout.c_frame) + layout.current_frame)
        return cls(layout, state) if here(frame + layout.code) == id(here.__code__) else None

    def main(self, pid: int) -> int:
        """The address of the frame that the child's main thread runs."""
        with contextlib.closing(kernel.Memory(pid)) as memory:
            return self._frame(memory, self._state)

    def contents(self, pid: int, places: list[list[int]]) -> list[bytes]:
        """What stands in the child's memory at these addresses, for these lengths."""
        with contextlib.closing(kernel.Memory(pid)) as memory:
            return [memory.read(address, length) for address, length in places]

    def runs(self, pid: int, code: int, instructions: list[int], frame: int | None = None) -> bool:
        """Whether a thread of the child is at one of these instructions of a code; in a frame, if one is given."""
        begin = code + types.CodeType.__basicsize__
        wanted = {begin + offset for offset in instructions}
        with contextlib.closing(kernel.Memory(pid)) as memory:
            state = self._state
            for _ in range(_MAX_THREADS):
                found = self._frame(memory, state)
                at_it = memory.pointer(found + self._layout.instruction) in wanted
                # One thread may still wait for the original to return where another's has.
                if at_it and memory.pointer(found + self._layout.code) == code and frame in (None, found):
                    return True
                state = memory.pointer(state + self._layout.newer_thread)
                if not state:
                    break
        return False

    def _frame(self, memory: kernel.Memory, state: int) -> int:
        return memory.pointer(memory.pointer(state + self._layout.c_frame) + self._layout.current_frame)
