"""Scoring and sandboxes on the nodes of a Ray cluster."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from apigauge.harness.executors.chunks import in_order
from apigauge.harness.executors.prefetch import Pending
from apigauge.harness.executors.ray_cluster import Cluster
from apigauge.harness.executors.ray_sandbox import RaySandbox
from apigauge.harness.executors.ray_scoring import ChunkRunner
from apigauge.harness.executors.types import OpenSandbox, Result, Say, Task
from apigauge.sandboxes.verdict import Sandbox

# Chunks in flight for each core: one that runs, and some that wait in its queue while results travel.
_AHEAD = 4


class RayExecutor:
    """Spreads work over a Ray cluster: see :class:`apigauge.harness.executors.types.Executor`. Close it after use.

    It connects when first used.

    Args:
        address: HOST:PORT of the cluster's head; None starts Ray on this machine.
        workers: chunks of scoring at once; by default what all cores can do.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._address, self._workers = address, workers

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster, connected.

        Raises:
            ExecutorError: it cannot be used.
        """
        return Cluster(self._address, self._workers)

    def ordered(
        self,
        make: Callable[[], Callable[[Task], Result]],
        tasks: Iterable[Task | Pending],
        expected: int,  # noqa: ARG002 - Ray's processes stay, so a few tasks are worth their while, too
        set_aside: Callable[[Task, str], Result],
    ) -> Iterator[Result | Pending]:
        """Results of tasks in the order of the tasks.

        Raises:
            ExecutorError: the cluster is lost or cannot be used.
        """
        with contextlib.closing(ChunkRunner(self.cluster, make, set_aside)) as runner:
            yield from in_order(tasks, runner.submit, self._most)

    def _most(self) -> int:
        chosen = self._workers if self._address else None
        return (chosen or _AHEAD * max(self.cluster.cores, 1)) - 1

    def sandbox(self, open_sandbox: OpenSandbox, say: Say) -> Sandbox:
        """The sandboxes of all nodes that have one, as one.

        Raises:
            SandboxError: there is none, or they differ; the message says on which node, and what to do.
            ExecutorError: the cluster cannot be used.
        """
        return RaySandbox(self.cluster, open_sandbox, say)

    def close(self) -> None:
        """Disconnects."""
        if "cluster" in self.__dict__:
            self.cluster.close()
