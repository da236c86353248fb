"""Finds and removes orphans: containers whose process has ended.

A container ends with the process that started it, because the engine then closes its supervisor's input. If that failed
(the engine was down at that moment), the next start of a sandbox removes the container. It removes only containers with
apigauge's label that were started in this boot and PID namespace by a process that no longer exists.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

LABEL = "org.apigauge.owner"


def labels() -> dict[str, str]:
    """The labels of a container that this process starts."""
    return {LABEL: f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"}


def sweep(client: Any) -> int:
    """Removes orphaned containers; returns how many."""
    removed = 0
    with contextlib.suppress(Exception):  # a broken engine is reported by the next call
        for container in client.api.containers(all=True, filters={"label": LABEL}):
            if _is_orphan(container["Labels"].get(LABEL, "")):
                with contextlib.suppress(Exception):
                    client.api.remove_container(container["Id"], v=True, force=True)
                    removed += 1
    return removed


def _is_orphan(label: str) -> bool:
    machine, _, process = label.rpartition(":")[0].rpartition(":")
    started = label.rpartition(":")[2]
    return machine == _machine() and process.isdigit() and _started(int(process)) != started


def _machine() -> str:
    """This boot and this PID namespace, within which a process id and its start time name one process."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{boot.read_text(encoding='ascii').strip()}/{Path('/proc/self/ns/pid').readlink()}".replace(":", "")
    except OSError:
        return "unknown"


def _started(pid: int) -> str:
    """When a process was started, in ticks since boot; empty if it does not exist."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
    return ""
