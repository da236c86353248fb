"""Measures what a program and its processes use, so that one that runs too long is killed, and where it stopped."""

import collections
import contextlib
import ctypes
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from apigauge.sandboxes.worker import arguments, kernel

# Wall time is a limit only on a machine so busy that a program gets a tenth of the time it could use.
_PATIENCE = 10
# How far back a wait that is reported late can reach.
_MAX_LOOKS = 1_000


class Excess(NamedTuple):
    """The limit that was exceeded: a verdict's status and a sentence."""

    status: str
    reason: str


class Watch:
    """Adds up what every process of a program uses, each time ``look`` is called.

    CPU time is what counts. Idle time is limited too, but it is counted only while none of the program's threads is on
    a core or waiting for one, so that a busy machine does not change the verdict. What is not counted as CPU time, such
    as that of a process which ended unseen, counts as idle time, so a program's time is limited whatever it does.

    Args:
        limits: of the program.
        everyone: its processes.
        used: CPU seconds of those that the supervisor has reaped, or of the whole control group.
        is_complete: whether ``used`` has all CPU time of the program, and so that of processes that nobody saw.
        alone: whether no other program's processes are in this PID namespace, so that a number that nobody has seen was
            one of this program's.
    """

    def __init__(
        self,
        limits: dict[str, Any],
        everyone: Callable[[], list[int]],
        used: Callable[[], float],
        *,
        is_complete: bool = False,
        alone: bool = True,
    ) -> None:
        self._limits = limits
        self._everyone = everyone
        self._used = used
        self._is_complete = is_complete
        self._alone = alone
        self._used_before = used()
        self._began_at = self._seen_at = time.monotonic()
        # Seconds on a core, and waiting for one, by thread; the former of those that have ended.
        self._threads: dict[int, tuple[float, float]] = {}
        self._of_ended = 0.0
        self._last_pid = kernel.last_pid()
        self._running: set[int] = set()
        # Of each look, newest last: the seconds since the one before, and how many of them were not idle.
        self._looks: collections.deque[list[float]] = collections.deque(maxlen=_MAX_LOOKS)
        # In which no thread was on a core or waiting for one.
        self.idle_seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_bytes = 0

    def look(self) -> Excess | None:
        """Measures; returns the limit that has been exceeded, if any."""
        stats = {pid: stat for pid in self._everyone() if (stat := kernel.stat(pid))}
        now = time.monotonic()
        self._looks.append([now - self._seen_at, 0.0])
        self.idle_seconds += now - self._seen_at
        self._seen_at = now
        busy = self._busiest(list(stats))
        before = self.cpu_seconds
        self.cpu_seconds = max(before, self._total(stats))
        self._cover(min(self._looks[-1][0], self.cpu_seconds - before))
        for seconds in busy or ():
            self._cover(seconds)
        # Time that a hypervisor or a quota takes away is in no thread's account.
        running = {pid for pid, stat in stats.items() if stat.state == "R"}
        if busy is not None and running & self._running:
            self._cover(self._looks[-1][0])
        self._running = running
        self.peak_bytes = max(self.peak_bytes, self._resident(stats))
        return self._excess(sum(stat.threads for stat in stats.values()))

    def _total(self, stats: dict[int, kernel.Stat]) -> float:
        """CPU seconds of the program: two sums, neither of which is too large."""
        used = self._used() - self._used_before
        if self._is_complete:
            return used
        # CPU time of ended processes is counted in their parents', or in the supervisor's once it has reaped them.
        reaped = sum(stat.cpu_seconds for stat in stats.values()) + used
        # But not where a parent ignores its children's end: their time is what was seen of them.
        seen = self._of_ended + sum(on_core for on_core, _ in self._threads.values())
        return max(reaped, seen)

    def _cover(self, seconds: float) -> None:
        """Counts these last seconds as not idle: the kernel reports a wait only when it is over."""
        for look in reversed(self._looks):
            if seconds <= 0:
                return
            more = max(0.0, min(look[0], seconds) - look[1])
            look[1] += more
            self.idle_seconds -= more
            seconds -= look[0]

    def _resident(self, stats: dict[int, kernel.Stat]) -> int:
        """Bytes in memory; shared pages are counted once if counting them several times would exceed the limit."""
        total = sum(stat.resident_bytes for stat in stats.values())
        if len(stats) > 1 and total > self._limits["memory_bytes"]:
            total = sum(kernel.proportional_bytes(pid) for pid in stats)
        if self._limits.get("sum_memory") and len(self._looks) > 1:  # one look is too short for files that matter
            total += kernel.bytes_in_nameless_files(stats)
        return total

    def _busiest(self, pids: list[int]) -> list[float] | None:
        """How long each thread has computed or waited for a core; the sum would make many threads look busy for ever.

        None if processes have ended whose CPU time may be counted nowhere: they may be what others waited for.
        """
        now = {thread: used for pid in pids for thread, *used in kernel.on_and_waiting_for_core(pid)}
        last_pid = kernel.last_pid()
        created, self._last_pid = last_pid - self._last_pid, last_pid
        busy, new = [], 0
        for thread, (on_core, waiting) in now.items():
            on_core_before, waiting_before = self._threads.get(thread, (0.0, 0.0))
            if on_core < on_core_before:  # another thread of the same number
                self._of_ended += on_core_before
                on_core_before = waiting_before = 0.0
            new += thread not in self._threads
            busy.append(on_core - on_core_before + waiting - waiting_before)
        ended = [used for thread, used in self._threads.items() if thread not in now]
        self._of_ended += sum(on_core for on_core, _ in ended)
        self._threads = {thread: (on_core, waiting) for thread, (on_core, waiting) in now.items()}
        unseen = self._alone and created > new
        return busy if self._is_complete or not (ended or unseen) else None

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
