"""Programs in warm, closed containers, on any engine that speaks Docker's protocol.

A container runs one program at a time, so its control group, PID namespace and file systems belong to that program.
Covered: network (there is none), files (the root is read-only; writable folders are in memory, limited, and emptied
after each program), memory without swap, processes, cores, capabilities, setuid programs, other users' processes,
system calls (``seccomp.json``: what Python programs need, and less than Docker's default allows). Not covered: faults
of the kernel; against those, ``runtime`` can name a runtime that brings its own kernel (gVisor's ``runsc``).
"""

import contextlib
import logging
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import orphans, worker_channel
from apigauge.sandboxes.build import Image, find_image
from apigauge.sandboxes.digests import short_digest
from apigauge.sandboxes.engine import connect, engine_errors
from apigauge.sandboxes.environments import Environment
from apigauge.sandboxes.hubs import MOUNT, Hub
from apigauge.sandboxes.in_use import hold
from apigauge.sandboxes.inputs import Inputs, described, roots
from apigauge.sandboxes.pool import Pool, default_concurrency
from apigauge.sandboxes.verdict import MIB, Limits

SECCOMP = Path(__file__).with_name("seccomp.json")
# What the supervisor needs to give each program its own user, to kill it, and to inspect where it has stopped.
CAPABILITIES = ("SETUID", "SETGID", "KILL", "SYS_PTRACE")
USERS = (100_000, 160_000)
_ACCOUNTS = "/etc"
_FOLDERS = ("/box", "/tmp", "/dev/shm")  # noqa: S108 - inside the container
_INODES = 16_384
# The memory limit until the worker has reported how much it needs itself.
_START_BYTES = 3072 * MIB
_REMOVE_TRIES = 20


class DockerSandbox(Pool):
    """Runs programs in containers of one environment.

    Args:
        environment: the environment to run in; its image must exist.
        limits: by default those of :class:`Limits`. Memory and processes are limits of the container, so a single run
            can only lower them.
        concurrency: number of containers; by default one for each core.
        runtime: another OCI runtime the engine knows, e.g. ``runsc``.
        hub: the models that programs can load; none by default.
        inputs: ``fixtures`` gives programs a small valid file for each path and address that does not exist.
        client: a ``docker.DockerClient``; by default the engine that ``DOCKER_HOST`` names.

    Raises:
        SandboxError: no engine answers, the image is missing, or a container does not work; the message says what to
            do.
    """

    def __init__(
        self,
        environment: Environment,
        limits: Limits | None = None,
        concurrency: int | None = None,
        *,
        runtime: str | None = None,
        hub: Hub | None = None,
        inputs: Inputs = "none",
        client: Any = None,
    ) -> None:
        self._own_client = client is None
        self._client = client or connect()
        self._environment = environment
        self._runtime = runtime
        self._hub = hub
        self._inputs = inputs
        self._ready: dict[str, Any] = {}
        self._limits_memory = True
        try:
            self.image: Image = self._find_image()
            orphans.sweep(self._client)
            super().__init__(self._start_worker, limits or Limits(), concurrency or default_concurrency())
            self.warm_up()
        except SandboxError:
            self._close_client()
            raise

    def _find_image(self) -> Image:
        image = find_image(self._client, self._environment)
        if image is None:
            raise SandboxError(
                f"the image of environment {self._environment.name!r} is not on this engine. Build it: `apigauge "
                f"sandbox build {self._environment.called}`, or with --base debootstrap where no image registry can be "
                "reached."
            )
        hold(image.tag)
        logging.getLogger(__name__).debug("image %s (%s)", image.tag, image.id)
        return image

    def close(self) -> None:
        """Removes every container."""
        super().close()
        self._close_client()

    def _close_client(self) -> None:
        if self._own_client:
            self._client.close()

    def describe(self) -> dict[str, Any]:
        """For the manifest."""
        caveats = worker_channel.caveats(self._ready)
        if not self._limits_memory:
            caveats.append("this engine cannot change a container's limits: memory is limited by looking")
        return {
            "kind": "docker",
            "environment": self._environment.name,
            **({"environment_source": self._environment.source} if self._environment.source else {}),
            "image": self.image.id,
            "lock": self.image.lock_digest,
            "python": self._ready.get("python"),
            "runtime": self._runtime,
            "limits": self.limits.to_json(),
            "worker": worker_channel.worker_digest(),
            "seccomp": short_digest(SECCOMP.read_bytes()),
            "hub": self._hub.to_json() if self._hub else None,
            "inputs": described(self._inputs),
            "caveats": caveats,
        }

    def _start_worker(self) -> "_Container":
        try:
            return self._started_container()
        except worker_channel.ThreadsError as error:
            self._environment = self._environment.without_preload(error.modules)
            return self._started_container()

    def _started_container(self) -> "_Container":
        place = self._hub.variables_at(MOUNT) if self._hub else {}
        config = {
            "preload": list(self._environment.preload),
            "variables": worker_channel.VARIABLES | self._environment.variables | place,
            "inputs": self._inputs,
            "inputs_folder": f"{MOUNT}/inputs",
            "box": "/box",
            "folders": [*_FOLDERS, *roots(self._inputs)],
            "users": list(USERS),
            "accounts": _ACCOUNTS,
            "alone": True,
            "sum_memory": False,
            "limits": self.limits.to_json(),
        }
        with _engine_errors("engine"):
            podman = _is_podman(self._client)
        host = host_config(self.limits, self._runtime, podman=podman, hub=self._hub, inputs=self._inputs)
        started = _Container(self._client, self.image, host, config)
        self._ready = started.ready
        self._limits_memory = started.limits_memory
        return started


class _Container:
    """One container and the stream to the supervisor in it."""

    def __init__(self, client: Any, image: Image, host: dict[str, Any], config: dict[str, Any]) -> None:
        self._api = client.api
        self._id = ""
        self._raw: Any = None
        self._socket: Any = None
        self._kills = 0
        with _engine_errors(f"container of {image.tag}"):
            host = self._api.create_host_config(**host)
            self._id = self._api.create_container(
                image.id,
                ["python3", *worker_channel.INNER_OPTIONS, worker_channel.bootstrap()],
                hostname="sandbox",
                environment=config["variables"],
                stdin_open=True,
                working_dir="/",
                user="0:0",
                # A copy of the image's, in which the supervisor, but no program, can enter a program's user.
                volumes=[_ACCOUNTS],
                labels=orphans.labels(),
                entrypoint=[],
                host_config=host | {"OomScoreAdj": 0},
            )["Id"]
        try:
            with _engine_errors("container"):
                self._attach()
                self._api.start(self._id)
            self._channel.send(worker_channel.opening(config))
            self.ready = self._channel.next()
            worker_channel.check_ready(self.ready, self.close)
            with _engine_errors("container's limits"):
                # The worker's own memory, which its children share, is not the program's.
                self.limits_memory = self._limit_memory(
                    config["limits"]["memory_bytes"] + self.ready["resident"] + 64 * MIB
                )
        except BaseException:
            self.close()
            raise

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The supervisor's answer."""
        answer = self._channel.ask(request | {"sum_memory": not self.limits_memory})
        self._kills = answer.get("out_of_memory_kills", 0)
        return answer

    def is_out_of_memory(self) -> bool:
        """Whether the engine reports that the container was killed for lack of memory.

        It says so for ever once the kernel has killed any process of the container. Then an end of the container is no
        program's fault, and the next container tells.
        """
        if self._kills:
            return False
        with contextlib.suppress(Exception):
            return bool(self._api.inspect_container(self._id)["State"]["OOMKilled"])
        return False

    def close(self) -> None:
        """Removes the container."""
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            # The package keeps the response, and with it the connection, as an attribute of the stream that it returns.
            parts: tuple[Any, ...] = (self._socket, self._raw, getattr(self._raw, "_response", None))
            for part in parts:
                with contextlib.suppress(Exception):
                    part.close()
            self._socket = None
        if self._id:
            self._remove()

    def _remove(self) -> None:
        """Removes the container, which may be ending and removing itself at the same moment."""
        from docker.errors import APIError, NotFound

        for _ in range(_REMOVE_TRIES):
            try:
                self._api.remove_container(self._id, v=True, force=True)
            except NotFound:
                return
            except APIError:
                time.sleep(0.1)
            except Exception:  # noqa: BLE001 - the engine is gone; the next start sweeps
                return
            else:
                return

    def _limit_memory(self, memory: int) -> bool:
        """Lowers the container's limit to the program's share; returns whether the engine can (Podman cannot)."""
        from docker.errors import NotFound

        try:
            self._api.update_container(self._id, mem_limit=memory, memswap_limit=memory)
        except NotFound:
            self._api.inspect_container(self._id)  # raises if it is the container that does not exist
            return False
        return True

    def _attach(self) -> None:
        """Opens the stream. If this process dies, the engine closes the supervisor's input, and the supervisor ends."""
        self._raw = self._api.attach_socket(self._id, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        # Over a Unix socket the package returns a file around the socket, over TCP the socket itself.
        self._socket = getattr(self._raw, "_sock", self._raw)
        self._socket.settimeout(worker_channel.SILENCE_SECONDS)
        frames = _Demultiplexer(self._socket)
        self._channel = worker_channel.WorkerChannel(self._socket.fileno(), frames.receive, self._socket.sendall)


class _Demultiplexer:
    """The supervisor's standard output from an attached stream: frames of stream number, length and data.

    https://docs.docker.com/engine/api/v1.41/#tag/Container/operation/ContainerAttach, "Stream format".
    """

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._data = bytearray()
        self._errors = bytearray()

    def receive(self) -> bytes:
        """The bytes of standard output that have arrived; waits for at least one. b"" at the end of the stream."""
        out = bytearray()
        while not out:
            more = self._source.recv(1 << 16)
            if not more:
                if self._errors:
                    raise worker_channel.LostError(
                        f"it ended: {self._errors.decode('utf-8', 'replace')[-2_000:].strip()}"
                    )
                return b""
            self._data += more
            while len(self._data) >= 8:
                stream, length = struct.unpack(">BxxxL", self._data[:8])
                if len(self._data) < 8 + length:
                    break
                payload = self._data[8 : 8 + length]
                del self._data[: 8 + length]
                if stream == 1:
                    out += payload
                else:
                    self._errors = (self._errors + payload)[-4_000:]
        return bytes(out)


def _is_podman(client: Any) -> bool:
    components = client.version().get("Components") or []
    return any("Podman" in str(component.get("Name")) for component in components)


def host_config(
    limits: Limits,
    runtime: str | None = None,
    *,
    podman: bool = False,
    hub: Hub | None = None,
    inputs: Inputs = "none",
) -> dict[str, Any]:
    """Every restriction of a container, as ``docker.APIClient.create_host_config`` takes them."""
    disk = f"rw,nosuid,nodev,noexec,mode=1777,size={limits.disk_bytes}"
    # Podman has no limit of inodes (the memory they take is limited) and takes a profile's path, not its text.
    disk += "" if podman else f",nr_inodes={_INODES}"
    seccomp = str(SECCOMP) if podman else SECCOMP.read_text(encoding="utf-8")
    return {
        "auto_remove": True,
        "binds": {str(hub.folder): {"bind": MOUNT, "mode": "ro"}} if hub else {},
        "cap_add": list(CAPABILITIES),
        "cap_drop": ["ALL"],
        "cpu_period": 100_000,
        "cpu_quota": 100_000,
        "init": False,
        "ipc_mode": "none",
        "log_config": {"type": "none", "config": {}},
        "mem_limit": _START_BYTES + limits.memory_bytes,
        "memswap_limit": _START_BYTES + limits.memory_bytes,
        "network_mode": "none",
        "oom_kill_disable": False,
        "pids_limit": limits.processes + 1,
        "privileged": False,
        "read_only": True,
        "runtime": runtime,
        # A closed connection keeps no port for the next program. Buffers of sockets are small: control groups of the
        # first version do not count them.
        "sysctls": {
            "net.ipv4.tcp_max_tw_buckets": "0",
            "net.ipv4.tcp_rmem": "4096 65536 131072",
            "net.ipv4.tcp_wmem": "4096 16384 131072",
        },
        "security_opt": ["no-new-privileges", f"seccomp={seccomp}"],
        # Podman adds two writable folders to a read-only root unless they are listed here.
        "tmpfs": dict.fromkeys((*_FOLDERS, *roots(inputs)), disk)
        | (dict.fromkeys(("/run", "/var/tmp"), "ro,size=4k") if podman else {}),  # noqa: S108
        # Explicit, since Podman's defaults are more than a service with limits of its own may set.
        "ulimits": [
            {"Name": name, "Soft": limit, "Hard": limit} for name, limit in (("nofile", 1024), ("nproc", 1024))
        ],
    }


@contextlib.contextmanager
def _engine_errors(what: str) -> Iterator[None]:
    """Turns errors that may be temporary into LostError, so that another container is tried."""
    try:
        with engine_errors(what, temporary=worker_channel.LostError):
            yield
    except OSError as error:  # from the attached socket, which is used without the package
        raise worker_channel.LostError(f"{what}: the engine broke off ({error})") from error
