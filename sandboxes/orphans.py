"""Whose containers are whose, and the sweep of those that lost their owner.

A container ends with the process that started it, because the engine then closes its supervisor's input. Where that did
not happen (the engine was down at that moment), the next start removes it: only containers with our label, made on this
boot of this machine, in this PID namespace, by a process that is no longer there.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

LABEL = "org.apigauge.owner"


def labels() -> dict[str, str]:
    """What a container of this process carries."""
    return {LABEL: f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"}


def sweep(client: Any) -> int:
    """Removes containers whose owner is gone; returns how many."""
    removed = 0
    with contextlib.suppress(Exception):  # an engine in trouble will be heard of soon enough
        for found in client.api.containers(all=True, filters={"label": LABEL}):
            if _is_orphan(found["Labels"].get(LABEL, "")):
                with contextlib.suppress(Exception):
                    client.api.remove_container(found["Id"], force=True)
                    removed += 1
    return removed


def _is_orphan(label: str) -> bool:
    machine, _, process = label.rpartition(":")[0].rpartition(":")
    started = label.rpartition(":")[2]
    return machine == _machine() and process.isdigit() and _started(int(process)) != started


def _machine() -> str:
    """This boot and this PID namespace: where a process id means what it says."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{boot.read_text(encoding='ascii').strip()}/{Path('/proc/self/ns/pid').readlink()}".replace(":", "")
    except OSError:
        return "unknown"


def _started(pid: int) -> str:
    """When a process was started, in ticks since boot; empty if there is none."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
    return ""
