"""A Ray cluster: one that exists or one started here, which nodes it has, and noticing when it is lost.

Ray ends a process whose cluster stays unreachable, with a code and a message of its own. So this asks every second
whether the head answers, and gives up before Ray does, with an error that the command line knows.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apigauge.errors import ExecutorError, UsageError

_EVERY_SECONDS = 1.0
_CONNECT_SECONDS = 2.0
# A head that is restarted with its state kept answers again within this time.
HEAD_SECONDS = 20.0
# A cluster without a core may be one whose machines are being started.
CORE_SECONDS = 300.0
# Read by Ray when it is imported or connected. A call behind the end must not start another cluster. The last is how
# Ray is told to listen on the loopback alone: an address given to it is replaced by the machine's own.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# Of the machine that runs everything: benchmark and rows are small.
_STORE_BYTES = 256 << 20
RESUME = "The rows so far are kept; the same command does the rest."


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster: Ray's id, a name for messages, and the cores that it offers."""

    id: str
    name: str
    cores: int


class Cluster:
    """A connection; close it after use.

    Args:
        address: HOST:PORT of the head, of whose cluster this machine must be a node; None starts Ray here.
        cores: how many cores a Ray started here offers; all by default.

    Raises:
        ExecutorError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, address: str | None, cores: int | None) -> None:
        self.ray = _connected(address, cores)
        context = self.ray.get_runtime_context()
        self._own = context.get_node_id()
        self._head: str = context.gcs_address
        self.nodes = self._alive()
        self.lost: ExecutorError | None = None
        # Called every second, and once more when the cluster is lost, in a thread of this object.
        self.listeners: list[Callable[[], None]] = []
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="ray-watch", daemon=True)
        self._watcher.start()

    @property
    def cores(self) -> int:
        """The cores of all nodes."""
        return sum(node.cores for node in self.nodes)

    @property
    def is_closed(self) -> bool:
        """Whether it is disconnected, or about to be."""
        return self._closed.is_set()

    def get(self, reference: Any) -> Any:
        """What a reference stands for, waited for.

        Raises:
            ExecutorError: the cluster is lost meanwhile.
        """
        while not self.ray.wait([reference], timeout=_EVERY_SECONDS)[0]:
            if self.lost:
                raise self.lost
        return self.ray.get(reference)

    def close(self) -> None:
        """Disconnects, and stops a Ray that was started here."""
        self._closed.set()
        self._watcher.join(2 * HEAD_SECONDS)
        self.ray.shutdown()

    def _watch(self) -> None:
        answered = offered = time.monotonic()
        while self.lost is None and not self._closed.wait(_EVERY_SECONDS):
            now = time.monotonic()
            if self._answers():
                answered = now
                offered = now if self.cores else offered
            if now - answered > HEAD_SECONDS:
                self.lost = ExecutorError(
                    f"Ray's head at {self._head}, or the Ray of this machine, does not answer. "
                    f"Start the cluster again. {RESUME}"
                )
            elif now - offered > CORE_SECONDS:
                self.lost = ExecutorError(f"the Ray cluster has no node with a core left. Add nodes. {RESUME}")
            for listener in tuple(self.listeners):
                listener()

    def _answers(self) -> bool:
        """Whether head and own node are there; notes the other nodes."""
        try:
            _connect(self._head.rpartition(":"))
            self.nodes = self._alive()
        except Exception:  # noqa: BLE001 - whatever it is, the head did not answer
            return False
        return any(node.id == self._own for node in self.nodes)

    def _alive(self) -> list[Node]:
        return [
            Node(one["NodeID"], f"{one['NodeName']} ({one['NodeID'][:8]})", int(one["Resources"].get("CPU", 0)))
            for one in self.ray.nodes()
            if one["Alive"]
        ]


def _connected(address: str | None, cores: int | None) -> Any:
    """The package, connected."""
    if address and "://" in address:
        raise UsageError(
            f"--ray-address {address}: give HOST:PORT, and run the command on a node of the cluster, as a RayJob does"
        )
    os.environ.update(_SETTINGS if address else _SETTINGS | _LOOPBACK)
    try:
        import ray
        from ray._private import worker
    except ImportError as error:
        raise ExecutorError("--executor ray needs Ray: pip install 'apigauge[ray]'") from error
    # Ray prints what happens to nodes on standard output, which is the command's own.
    worker._worker_logs_enabled = False  # noqa: SLF001 - there is no public way
    options: dict[str, Any] = {"address": address} if address else _alone(cores)
    try:
        if address and ":" in address:  # Ray would go on trying
            _connect(address.rpartition(":"))
        # What goes wrong is said once, by this package.
        ray.init(log_to_driver=False, logging_level=logging.CRITICAL, include_dashboard=False, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        with contextlib.suppress(Exception):
            ray.shutdown()
        where = f"the Ray cluster at {address} cannot be used" if address else "Ray cannot be started here"
        raise ExecutorError(
            f"{where}: {error}. `ray status` says whether it runs; this machine must be one of its nodes."
        ) from error
    return ray


def _connect(address: tuple[str, str, str]) -> None:
    """Connects to a host and port once, to see that something listens."""
    host, _, port = address
    socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()


def _alone(cores: int | None) -> dict[str, Any]:
    return {"address": "local", "num_cpus": cores or os.cpu_count(), "object_store_memory": _STORE_BYTES}


def is_loss(error: BaseException) -> bool:
    """Whether a task failed because its process or its node is gone."""
    from ray import exceptions

    return isinstance(
        error,
        exceptions.WorkerCrashedError
        | exceptions.NodeDiedError
        | exceptions.LocalRayletDiedError
        | exceptions.OutOfMemoryError
        | exceptions.ObjectLostError
        | exceptions.RayActorError
        | exceptions.ActorUnschedulableError,
    )


def explained(error: BaseException) -> BaseException:
    """An error of a task as the command line is to report it: its own, or what to do about Ray's."""
    from ray import exceptions

    if isinstance(error, exceptions.ObjectStoreFullError | exceptions.OutOfDiskError):
        first = next(iter(str(error).splitlines()), "")
        return ExecutorError(
            f"Ray's object store is full ({first}). Give its nodes more (`ray start --object-store-memory`), or free "
            f"the disk that it spills to. {RESUME}"
        )
    if isinstance(error, exceptions.RayTaskError) and isinstance(error.cause, Exception):
        return error.cause
    return error
