"""What Linux reports about a process, and system calls that Python lacks."""

import contextlib
import ctypes
import os
import re
import signal
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_MADV_COLLAPSE = 25
_HUGE = 2 << 20
# Of a mapping, how much must be in use: what is not would be taken from the machine.
_DENSE = 0.75
_MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(\S*)\n(?:(?![0-9a-f]+-).*\n)*?Anonymous: +(\d+) kB", re.MULTILINE
)
_libc = ctypes.CDLL(None, use_errno=True)


def set_dumpable(*, dumpable: bool) -> None:
    """Sets whether other processes of the same user may read and trace this one."""
    _libc.prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)


def shared_objects() -> int:
    """The number of System V message queues, semaphores and shared memory segments of this IPC namespace."""
    count = 0
    for kind in ("msg", "sem", "shm"):
        with contextlib.suppress(OSError), open(f"/proc/sysvipc/{kind}", encoding="ascii") as file:
            count += len(file.readlines()) - 1
    return count


class Stat(NamedTuple):
    """Fields of ``/proc/PID/stat``: state, parent, CPU seconds with reaped children's, threads, resident bytes."""

    state: str
    parent: int
    cpu_seconds: float
    threads: int
    resident_bytes: int


def become_subreaper() -> None:
    """Makes orphaned descendants children of this process, at any depth."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def use_huge_pages() -> None:
    """Puts this process's memory into huge pages, as far as the kernel can (Linux 6.1 or later on a common machine).

    A fork copies an entry for each page of its parent, and gives all of them up at its end: of libraries that take
    600 MB, 40 ms.
    """
    with contextlib.suppress(OSError), open("/proc/self/smaps", encoding="utf-8", errors="replace") as file:
        for first, last, name, used in _MAPPING.findall(file.read()):
            start, end = -(-int(first, 16) // _HUGE) * _HUGE, int(last, 16) // _HUGE * _HUGE
            is_dense = int(used) << 10 >= _DENSE * (int(last, 16) - int(first, 16))
            if start < end and is_dense and not name.startswith("[stack"):
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def pids() -> list[int]:
    """Every process that ``/proc`` shows."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat(pid: int) -> Stat | None:
    """A process's ``stat`` line; None once the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            # The name is in brackets and may contain anything, including brackets.
            fields = file.read().rpartition(b") ")[2].split()
    except (OSError, ValueError):
        return None
    if len(fields) < 22:
        return None
    ticks = sum(int(value) for value in fields[11:15])
    return Stat(fields[0].decode(), int(fields[1]), ticks / TICK, int(fields[17]), int(fields[21]) * PAGE)


def proportional_bytes(pid: int) -> int:
    """A process's resident bytes, each shared page divided by the number of processes that share it."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        if match := re.search(r"^Pss:\s+(\d+) kB", file.read(), re.MULTILINE):
            return int(match[1]) << 10
    return 0


def on_and_waiting_for_core(pid: int) -> Iterator[tuple[int, float, float]]:
    """Thread id, seconds on a core and seconds in the queue for one, for every thread of a process."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{pid}/task/{thread}/schedstat", "rb", buffering=0) as file:
                    running, waiting, _ = file.read().split()
                yield int(thread), int(running) / 1e9, int(waiting) / 1e9


def last_pid() -> int:
    """The number of the last process or thread created in this PID namespace."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/loadavg", encoding="ascii") as file:
        return int(file.read().split()[4])
    return 0


def group_seconds() -> float | None:
    """CPU seconds of this process's control group, those of ended processes included; None if it is not shown."""
    for path in ("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            return int(file.read()) / 1e9
    microseconds = counter(("/sys/fs/cgroup/cpu.stat",), "usage_usec")
    return microseconds / 1e6 if microseconds else None


def bytes_in_nameless_files(pids: Iterable[int]) -> int:
    """Bytes of the files made by ``memfd_create`` that these processes have open."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder := f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"{folder}/{name}").startswith("/memfd:"):
                        facts = os.stat(f"{folder}/{name}")
                        sizes[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(sizes.values())


def waiting_connections() -> int:
    """How many closed connections of this network namespace still keep their port (TIME_WAIT)."""
    with contextlib.suppress(OSError), open("/proc/net/sockstat", encoding="ascii") as file:
        if match := re.search(r"^TCP:.* tw (\d+)", file.read(), re.MULTILINE):
            return int(match[1])
    return 0


class Place(NamedTuple):
    """Where a stopped thread stands: system call, its first three arguments, stack pointer, instruction pointer."""

    call: str
    arguments: tuple[str, ...]
    stack: str
    address: str


def place(pid: int) -> Place | None:
    """Where the main thread of a stopped process stands; None if the kernel does not report it (as in gVisor)."""
    for _ in range(20):
        try:
            with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
                fields = file.read().split()
        except OSError:
            return None
        if len(fields) == 9:
            return Place(fields[0], tuple(fields[1:4]), fields[7], fields[8])
        time.sleep(0.0005)  # "running": the stop is reported, but not yet complete
    return None


class Memory:
    """Reads another process's memory by address."""

    def __init__(self, pid: int) -> None:
        self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def pointer(self, address: int) -> int:
        """The pointer stored at an address; 0 where nothing can be read."""
        data = self.read(address, 8)
        return int(struct.unpack("<Q", data)[0]) if len(data) == 8 else 0

    def read(self, address: int, length: int) -> bytes:
        """``length`` bytes; fewer, or none, if they cannot be read."""
        try:
            return os.pread(self._file, length, address)
        except (OSError, OverflowError, ValueError):
            return b""

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def counter(paths: tuple[str, ...], name: str) -> int:
    """The count of that name in the first of these control-group files that has it; 0 if none has."""
    for path in paths:
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            if match := re.search(rf"^{name} (\d+)", file.read(), re.MULTILINE):
                return int(match[1])
    return 0


def out_of_memory_kills() -> int:
    """How many processes of this control group the kernel has killed for lack of memory."""
    return counter(("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"), "oom_kill")


def refused_forks() -> int:
    """How often this control group was refused a new process."""
    return counter(("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"), "max")


def signal_name(number: int) -> str:
    """``SIGSEGV``, or ``signal 40`` for those without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
