"""Answers, scoring and sandboxes on the nodes of a Ray cluster."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from apigauge.harness.executors.chunks import in_order
from apigauge.harness.executors.prefetch import Pending
from apigauge.harness.executors.ray_cluster import Cluster
from apigauge.harness.executors.ray_sandbox import RaySandbox
from apigauge.harness.executors.ray_scoring import ChunkRunner
from apigauge.harness.executors.types import OpenSandbox, Result, Say, Task
from apigauge.harness.generation.backends import open_generator, split_spec
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Generator
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
    def _cluster(self) -> Cluster:
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
        with contextlib.closing(ChunkRunner(self._cluster, make, set_aside)) as runner:
            yield from in_order(tasks, runner.submit, self._most)

    def _most(self) -> int:
        chosen = self._workers if self._address else None
        return (chosen or _AHEAD * max(self._cluster.cores, 1)) - 1

    def generator(self, spec: str, options: ModelOptions | None, engines: int | None, say: Say) -> Generator:
        """What answers: a model by engines on the cluster's nodes, by default as many as there is room for on its GPUs.

        Without GPUs, and what loads no model, answers on this machine.

        Raises:
            UsageError: there is no room for so many engines.
            ExecutorError: the cluster cannot be used, or the engines differ.
            ApigaugeError: as for ``open_generator``.
        """
        from apigauge.harness.executors.ray_engines import KINDS, gpus_of, open_engines

        options = options or ModelOptions()
        if split_spec(spec)[0] not in KINDS:
            return open_generator(spec, options)
        engines = engines or gpus_of(self._cluster) // options.tensor_parallel
        return open_engines(self._cluster, spec, options, engines, say) if engines else open_generator(spec, options)

    def sandbox(self, open_sandbox: OpenSandbox, say: Say) -> Sandbox:
        """The sandboxes of all nodes that have one, as one.

        Raises:
            SandboxError: there is none, or they differ; the message says on which node, and what to do.
            ExecutorError: the cluster cannot be used.
        """
        return RaySandbox(self._cluster, open_sandbox, say)

    def close(self) -> None:
        """Disconnects."""
        if "_cluster" in self.__dict__:
            self._cluster.close()
