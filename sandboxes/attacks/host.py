"""Checks whether an attack has changed the machine around the sandbox."""

import contextlib
import os
import socket
from pathlib import Path

from apigauge.sandboxes.docker import USERS

_SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/vm/overcommit_memory",
    "/proc/swaps",
    "/proc/modules",
)


class Host:
    """Records the state of the machine; when called, reports what has changed since.

    It checks what a program in a sandbox must never reach: settings of the kernel, and this machine's own PID
    namespace, in which no process of the sandbox's users may exist. It checks this machine, so it is useless with an
    engine on another one.
    """

    def __init__(self) -> None:
        self._before = self._settings()

    def __call__(self) -> str:
        """What has changed, for a report; empty if nothing has."""
        now = self._settings()
        changed = [name for name, value in now.items() if value != self._before[name]]
        escaped = [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and _is_a_program(pid)]
        settings = [f"host: {name} has changed" for name in changed]
        return "; ".join([*settings, *(f"host: process {pid.name} of a program is outside" for pid in escaped)])

    def _settings(self) -> dict[str, str]:
        values = {"name of the machine": socket.gethostname(), "own limits": str(os.sched_getaffinity(0))}
        for name in _SETTINGS:
            values[name] = ""
            with contextlib.suppress(OSError):
                values[name] = Path(name).read_text(encoding="utf-8", errors="replace")
        return values


def _is_a_program(process: Path) -> bool:
    with contextlib.suppress(OSError):
        here = (process / "ns" / "pid").readlink() == Path("/proc/self/ns/pid").readlink()
        return here and USERS[0] <= process.stat().st_uid < USERS[1]
    return False
