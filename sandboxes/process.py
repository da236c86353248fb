"""The embedded sandbox, for machines without an engine: the same worker in a process tree of this machine.

With bubblewrap (``bwrap``) the worker gets its own namespaces. Covered then: network, other processes, files outside
the Python installation, anything left behind. Not covered: there is no control group (memory is summed up twenty times
a second, and a fast program can exceed the limit for a moment), no separate user. A system-call filter
(``worker.syscalls``) keeps programs from the supervisor's limits, priority and cores, from keys, and from most of what
only the kernel's own tools use; it is no list of what is allowed, as that of containers is.

Without bubblewrap it runs nothing, unless the user accepts that. Covered then are CPU and idle time, output, size of
files, memory and processes as above, and, unless it ends the supervisor, processes that a program leaves running.
Nothing else is: a program can read and write what the user can, and reach the network.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import worker_channel
from apigauge.sandboxes.build_wheels import pins
from apigauge.sandboxes.environments import Environment, virtual
from apigauge.sandboxes.hubs import MOUNT, Hub
from apigauge.sandboxes.inputs import Inputs, described, roots
from apigauge.sandboxes.pool import Pool, default_concurrency
from apigauge.sandboxes.verdict import Limits

_WITH_NAMESPACES = (
    "no control group: memory and processes are limited by looking, not by the kernel, and buffers of sockets are not",
    "the system-call filter refuses what it lists and nothing else: a fault of the kernel is within reach",
    "programs run as the user who runs apigauge",
)
_NO_FILTER = "no system-call filter: programs can change limits, priority and cores of the supervisor"
_BARE = (
    "no isolation: programs can read and write whatever the user can",
    "the network can be reached",
    "a program can signal every process of the user, the supervisor included, and what it leaves running then stays",
    *_WITH_NAMESPACES,
)
_CONSENT = "Without it a program can do all that you can; `--sandbox process --accept-no-isolation` runs them so."
_FOLDERS = ("/box", "/tmp", "/dev/shm")  # noqa: S108 - inside its namespace
_GRACE_SECONDS = 5.0


class ProcessSandbox(Pool):
    """Runs programs in processes of this machine.

    Args:
        environment: the environment to run in; this Python must be able to import its packages, unless it is a user's
            own, which gets a virtual environment.
        limits: by default those of :class:`Limits`.
        concurrency: number of workers; by default one for each core.
        namespaces: whether to use bubblewrap; False runs programs without any isolation.
        hub: the models that programs can load; none by default.
        inputs: ``fixtures`` gives programs a small valid file for each path and address that does not exist.
        say: receives a line on what this sandbox does not protect from.

    Raises:
        SandboxError: it cannot run on this machine; the message says what is missing.
    """

    def __init__(
        self,
        environment: Environment,
        limits: Limits | None = None,
        concurrency: int | None = None,
        *,
        namespaces: bool = True,
        hub: Hub | None = None,
        inputs: Inputs = "none",
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._environment = environment
        self._packages = check(environment)
        self._python = virtual.python(environment, say) if virtual.is_needed(environment) else Path(sys.executable)
        self._hub = hub
        self._inputs = inputs
        if namespaces:
            check_namespaces()
        self.namespaces = namespaces
        self._ready: dict[str, Any] = {}
        self.caveats = _WITH_NAMESPACES if self.namespaces else _BARE
        super().__init__(self._start_worker, limits or Limits(), concurrency or default_concurrency())
        say(f"process sandbox{'' if self.namespaces else ' without namespaces'}: {'; '.join(self.caveats)}")
        self.warm_up()

    def describe(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "kind": "process",
            "environment": self._environment.name,
            **({"environment_source": self._environment.source} if self._environment.source else {}),
            "namespaces": self.namespaces,
            "packages": self._packages,
            "python": ".".join(map(str, sys.version_info[:3])),
            "limits": self.limits.to_json(),
            "worker": worker_channel.worker_digest(),
            "hub": self._hub.to_json() if self._hub else None,
            "inputs": described(self._inputs),
            "caveats": [
                *self.caveats,
                *([] if self._ready.get("filter") else [_NO_FILTER]),
                *worker_channel.caveats(self._ready),
            ],
        }

    def _start_worker(self) -> "_Process":
        try:
            return self._started_process()
        except worker_channel.ThreadsError as error:
            self._environment = self._environment.without_preload(error.modules)
            return self._started_process()

    def _started_process(self) -> "_Process":
        started = _Process(
            self._environment, self._python, self.limits, self._hub, self._inputs, namespaces=self.namespaces
        )
        self._ready = started.ready
        return started


def check(environment: Environment) -> dict[str, str]:
    """The versions of the environment's packages on this machine, if programs can run in processes of it.

    Raises:
        SandboxError: this is no Linux, or some packages are missing: a program that fails to import them would not be
            at fault.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError("the process sandbox needs Linux; use --sandbox docker.")
    if virtual.is_needed(environment):
        return {pin.name: pin.version for pin in pins(environment) if pin.name != "pip"}
    versions, missing = {}, []
    for name in environment.requirements:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise SandboxError(
            f"the process sandbox runs programs with this Python, which lacks {', '.join(missing)} of the environment "
            f"{environment.name!r}. Install them, or use --sandbox docker."
        )
    return versions


def namespaces_work() -> bool:
    """Whether bubblewrap is installed and the kernel lets it create namespaces."""
    try:
        check_namespaces()
    except SandboxError:
        return False
    return True


def check_namespaces() -> None:
    """Refuses a machine on which programs would run without isolation.

    Raises:
        SandboxError: bubblewrap is not installed, or may not create namespaces.
    """
    if not shutil.which("bwrap"):
        raise SandboxError(f"bubblewrap isolates programs, and `bwrap` is not on PATH: install it. {_CONSENT}")
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    done = subprocess.run(probe, capture_output=True, check=False, timeout=30)  # noqa: S603 - our own command
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise SandboxError(f"bubblewrap isolates programs, and may not create namespaces here ({reason}). {_CONSENT}")


class _Process:
    """One supervisor as a child of this process."""

    def __init__(
        self,
        environment: Environment,
        executable: Path,
        limits: Limits,
        hub: Hub | None,
        inputs: Inputs,
        *,
        namespaces: bool,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="apigauge-", ignore_cleanup_errors=True)
        box = "/box" if namespaces else self._folder.name
        # Without namespaces nothing can be mounted.
        place = MOUNT if namespaces or not hub else str(hub.folder)
        config = {
            "preload": list(environment.preload),
            "variables": worker_channel.VARIABLES | environment.variables | (hub.variables_at(place) if hub else {}),
            "inputs": inputs,
            "inputs_folder": f"{place}/inputs",
            "box": box,
            "folders": [*_FOLDERS, *roots(inputs)] if namespaces else [box],
            "users": None,
            "alone": namespaces,
            "sum_memory": True,
            "limits": limits.to_json(),
        }
        options = worker_channel.INNER_OPTIONS if namespaces else worker_channel.PYTHON_OPTIONS
        command = [str(executable), *options, worker_channel.bootstrap()]
        if namespaces:
            files = write_files(Path(self._folder.name))
            command = [*bubblewrap(executable, limits, hub, inputs, files), *command]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            bufsize=0,
            env=worker_channel.VARIABLES,
        )
        assert self._process.stdin
        assert self._process.stdout
        incoming = self._process.stdout.fileno()
        self._channel = worker_channel.WorkerChannel(
            incoming, lambda: os.read(incoming, 1 << 16), worker_channel.writer(self._process.stdin.fileno())
        )
        try:
            self._channel.send(worker_channel.opening(config))
            self.ready = self._channel.next()
        except worker_channel.LostError as error:
            problem = self._last_words()
            self.close()
            raise SandboxError(f"the process sandbox did not start ({error}): {problem}") from error
        worker_channel.check_ready(self.ready, self.close)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The supervisor's answer."""
        return self._channel.ask(request)

    def is_out_of_memory(self) -> bool:
        """False: there is no control group that would record it."""
        return False

    def close(self) -> None:
        """Closes its input, at which it kills all that it started and ends; kills it if it does not."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Last, since another thread may be reading its output.
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
        self._folder.cleanup()

    def _last_words(self) -> str:
        if self._process.poll() is None:
            self._process.kill()
        assert self._process.stderr
        return self._process.stderr.read().decode("utf-8", "replace")[-2_000:].strip()


def write_files(folder: Path) -> dict[str, Path]:
    """Files that give the local machine and the user a name, by their path in the sandbox."""
    user, group = os.getuid(), os.getgid()
    texts = {
        "/etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "/etc/passwd": f"sandbox:x:{user}:{group}::/box:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n",
        "/etc/group": f"sandbox:x:{group}:\nroot:x:0:\n",
    }
    files = {path: folder / Path(path).name for path in texts}
    for path, text in texts.items():
        files[path].write_text(text, encoding="utf-8")
        files[path].chmod(0o644)
    return files


def bubblewrap(executable: Path, limits: Limits, hub: Hub | None, inputs: Inputs, files: dict[str, Path]) -> list[str]:
    """The command that runs what follows it in new namespaces, with its Python mounted read-only."""
    shown = {"/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl"}
    prefix = sys.prefix if executable == Path(sys.executable) else str(executable.parents[1])
    shown |= {prefix, sys.base_prefix}  # not sys.path, which may contain the user's own folders
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
    command += ["--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev", "--clearenv"]
    for folder in (*_FOLDERS, *roots(inputs)):
        command += ["--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", folder]
    for path in sorted(shown):  # after the folders: a Python may live below /tmp
        command += ["--ro-bind-try", path, path]
    for inside, outside in files.items():
        command += ["--ro-bind", str(outside), inside]
    if hub:
        command += ["--ro-bind", str(hub.folder), MOUNT]
    # Last, after all mounts: only those folders can be written, and not the kernel's settings.
    command += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in worker_channel.VARIABLES.items():
        command += ["--setenv", name, value]
    return [*command, "--chdir", "/"]
