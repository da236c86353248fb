"""What this machine offers and what a sandbox on it enforces: each limit is probed, none is assumed."""

import contextlib
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.factory import Kind, open_sandbox
from apigauge.sandboxes.verdict import MIB, Limits, Program, Sandbox

LIMITS = Limits(
    cpu_seconds=1, idle_seconds=1, memory_bytes=256 * MIB, processes=32, file_bytes=8 * MIB, disk_bytes=32 * MIB
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        name: what was examined.
        ok: whether it is as it should be; None for a plain fact.
        result: what it is.
        advice: what to do about it; empty if nothing.
    """

    name: str
    ok: bool | None
    result: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """A small program and the verdict that shows a limit to be enforced."""

    name: str
    expected: str
    source: str
    advice: str


PROBES = (
    Probe("programs run", "passed", "pass", "nothing works: see the reason"),
    Probe(
        "no network",
        "passed",
        "import socket\nassert [name for _, name in socket.if_nameindex()] in ([], ['lo']), socket.if_nameindex()",
        "the engine gave the container a network although network_mode is none",
    ),
    Probe(
        "root is read-only",
        "passed",
        "import os\n"
        "for path in ('/', '/usr', '/etc', '/usr/lib', '/var/tmp', '/run', '/home'):\n"
        "    assert not os.access(path, os.W_OK), path\n",
        "the engine ignores read_only",
    ),
    Probe("no root", "passed", "import os\nassert os.getuid() and os.geteuid()", "the worker could not drop its user"),
    Probe(
        "no capabilities",
        "passed",
        "facts = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)\n"
        "assert int(facts['CapEff'], 16) == int(facts['CapPrm'], 16) == 0, facts['CapEff']\n",
        "the engine ignores cap_drop",
    ),
    Probe(
        "no new privileges",
        "passed",
        "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()",
        "the engine ignores no-new-privileges",
    ),
    Probe(
        "system calls are filtered",
        "passed",
        "assert 'Seccomp:\\t2' in open('/proc/self/status').read()",
        "the engine was built without seccomp, or the kernel lacks CONFIG_SECCOMP_FILTER",
    ),
    Probe(
        "no new namespaces",
        "passed",
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "assert libc.unshare(0x10000000) == -1 and libc.unshare(0x20000) == -1",
        "programs can create user namespaces; check the seccomp profile",
    ),
    Probe(
        "other processes are out of sight",
        "passed",
        "import os\nseen = sorted(int(n) for n in os.listdir('/proc') if n.isdigit())\n"
        "assert set(seen) <= {1, os.getpid()}, seen",
        "the PID namespace is shared",
    ),
    Probe("CPU time", "timeout", "while True: pass", "CPU time is not counted"),
    Probe(
        "waiting for a core is no idle time",
        "passed",
        "assert len(open('/proc/self/schedstat').read().split()) == 3",
        "the kernel lacks CONFIG_SCHED_INFO: on a busy machine a program may be called idle",
    ),
    Probe("idle time", "timeout", "import time; time.sleep(30)", "idle time is not counted"),
    Probe(
        "memory",
        "memory",
        f"import mmap\nblock = mmap.mmap(-1, {600 * MIB})\nfor at in range(0, len(block), 4096): block[at] = 1",
        "the kernel has no memory control group for containers (cgroup_enable=memory on the kernel's command line)",
    ),
    Probe(
        "processes",
        "process_limit",
        "import os, time\nfor _ in range(200):\n    if not os.fork(): time.sleep(20); os._exit(0)\n",
        "the kernel has no pids control group",
    ),
    Probe(
        "size of a file",
        "failed/other",
        f"with open('big', 'wb') as file: file.write(bytes({10 * MIB}))",
        "RLIMIT_FSIZE is not set",
    ),
    Probe(
        "size of all files",
        "failed/other",
        f"for i in range(10):\n    with open(str(i), 'wb') as file: file.write(bytes({7 * MIB}))",
        "the file system programs write to has no limit",
    ),
    Probe("output", "output_limit", "while True: print('x' * 10_000)", "output is not counted"),
    Probe(
        "nothing is left",
        "passed",
        "import os\nassert os.listdir('.') == ['program.py'], os.listdir('.')\n"
        "assert not os.listdir('/dev/shm') and not os.listdir('/tmp')",
        "a folder that programs write to is not emptied",
    ),
)
# What a process sandbox does not enforce, by design; its caveats say so.
_NOT_BARE = frozenset(
    {
        "no network",
        "root is read-only",
        "no root",
        "no capabilities",
        "no new privileges",
        "system calls are filtered",
        "no new namespaces",
        "other processes are out of sight",
        "size of all files",
        "nothing is left",
    }
)
_NOT_NAMESPACES = frozenset({"no root", "no new privileges", "system calls are filtered", "no new namespaces"})


def examine(
    kind: Kind = "auto",
    environment: str = "python",
    tick: Callable[[Finding], None] = lambda _: None,
    *,
    accepts_no_isolation: bool = False,
) -> list[Finding]:
    """Examines the machine, then opens a sandbox of that kind and probes it.

    ``tick`` receives each finding at once; ``accepts_no_isolation`` is as for ``open_sandbox``.
    """
    findings = []
    for finding in (*host(), *_probed(kind, environment, accepts_no_isolation=accepts_no_isolation)):
        findings.append(finding)
        tick(finding)
    return findings


def host() -> Iterator[Finding]:
    """Findings on the machine: kernel, control groups, namespaces, engine, images, hubs."""
    yield Finding("system", None, platform.platform())
    group = "2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "1"
    yield Finding("control groups", None, f"version {group}" if Path("/sys/fs/cgroup").is_dir() else "none")
    limit = Path("/proc/sys/user/max_user_namespaces")
    allowed = limit.exists() and limit.read_text(encoding="ascii").strip() != "0"
    yield Finding("user namespaces", None, "allowed" if allowed else "not allowed")
    bubblewrap = shutil.which("bwrap")
    yield Finding(
        "bubblewrap",
        bool(bubblewrap),
        bubblewrap or "not installed",
        "" if bubblewrap else "install `bubblewrap`: without it or an engine no program is run",
    )
    yield from _engine()
    for name in hubs.names():
        folder = next(hubs.built(name), None)
        advice = "" if folder else f"`apigauge hubs build {name}`"
        yield Finding(f"hub {name}", bool(folder), folder.name if folder else "not built", advice)


def _engine() -> Iterator[Finding]:
    from apigauge.sandboxes.engine import connect

    try:
        with contextlib.closing(connect()) as client:
            yield from _engine_findings(client)
    except SandboxError as error:
        yield Finding(
            "engine",
            False,
            str(error),
            "install Docker or Podman and start it, or install bubblewrap",
        )


def _engine_findings(client: Any) -> Iterator[Finding]:
    from apigauge.sandboxes.build import find_image
    from apigauge.sandboxes.engine import engine_errors

    with engine_errors("describing the engine"):
        facts: dict[str, Any] = client.info()
    yield Finding(
        "engine", True, f"{facts.get('Name', '')} {facts.get('ServerVersion', '')}, {facts.get('Driver', '')}"
    )
    secured = [str(option) for option in facts.get("SecurityOptions") or []]
    seccomp = any("seccomp" in option for option in secured)
    yield Finding(
        "engine: seccomp", seccomp, ", ".join(secured) or "none", "" if seccomp else "use an engine that has it"
    )
    for name in environments.names():
        image = find_image(client, environments.load(name))
        advice = "" if image else f"`apigauge sandbox build {name}` (--base debootstrap without an image registry)"
        yield Finding(f"image {name}", bool(image), image.id[:19] if image else "not built", advice)


def _probed(kind: Kind, environment: str, *, accepts_no_isolation: bool) -> Iterator[Finding]:
    lines: list[str] = []
    try:
        sandbox = open_sandbox(
            kind, environment, LIMITS, concurrency=1, accepts_no_isolation=accepts_no_isolation, say=lines.append
        )
    except SandboxError as error:
        yield Finding("sandbox", False, str(error), "see above")
        return
    try:
        about = sandbox.describe()
        yield Finding("sandbox", True, f"{about['kind']}, environment {environment}", "; ".join(about["caveats"]))
        yield from _enforced(sandbox, about)
    finally:
        sandbox.close()


def _enforced(sandbox: Sandbox, about: dict[str, Any]) -> Iterator[Finding]:
    not_enforced: frozenset[str] = frozenset()
    if about["kind"] == "process":
        not_enforced = _NOT_NAMESPACES if about["namespaces"] else _NOT_BARE
    for probe in PROBES:
        if probe.name in not_enforced:
            yield Finding(probe.name, None, "not enforced by this sandbox")
            continue
        verdict = sandbox.run(Program(probe.source))
        got = f"{verdict.status}/{verdict.category}" if verdict.category else verdict.status
        ok = got == probe.expected
        yield Finding(probe.name, ok, "enforced" if ok else f"{got}: {verdict.reason}", "" if ok else probe.advice)
