"""Chunks of scoring as Ray tasks: done again elsewhere when a process or node is lost, each result once.

A task is tried in up to ``TRIES`` processes. A chunk that is lost is tried again task by task, so that a task that ends
its process does not take its neighbours with it.
"""

import pickle
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from apigauge.harness.executors.own_thread import OwnThread
from apigauge.harness.executors.ray_cluster import Cluster, explained, is_loss
from apigauge.harness.executors.ray_nodes import code, do_tasks

TRIES = 3


@dataclass(eq=False, slots=True)
class _Chunk:
    """The results of a chunk so far."""

    results: list[Any]
    missing: int
    whole: "Future[list[Any]]"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A part of a chunk that runs, where its results belong, and how often it was lost before."""

    chunk: _Chunk
    first: int
    tasks: tuple[Any, ...]
    losses: int


class ChunkRunner:
    """Runs chunks on a cluster; close it after use.

    Everything that changes its state runs in one thread of its own.

    Args:
        cluster: where.
        make: builds the function that does a task; pickled once.
        set_aside: the result, with a reason, of a task that ends whatever process does it.
    """

    def __init__(
        self, cluster: Cluster, make: Callable[[], Callable[[Any], Any]], set_aside: Callable[[Any, str], Any]
    ) -> None:
        self._cluster = cluster
        self._set_aside = set_aside
        self._key, self._code = uuid.uuid4().hex, code()
        try:
            self._make = [cluster.ray.put(pickle.dumps(make))]
        except Exception as error:
            raise explained(error) from error
        # Ray would try again by itself, without saying which task it was.
        self._remote = cluster.ray.remote(do_tasks).options(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")
        self._open: set[_Chunk] = set()
        self._thread = OwnThread("ray-scoring", self._fail_all)
        cluster.listeners.append(self._listen)

    def submit(self, tasks: tuple[Any, ...]) -> "Future[list[Any]]":
        """Starts a chunk; its results, in order."""
        chunk = _Chunk([None] * len(tasks), len(tasks), Future())
        self._thread.later(self._begin, chunk, tasks)
        return chunk.whole

    def close(self) -> None:
        """Forgets what is still running."""
        self._cluster.listeners.remove(self._listen)
        self._thread.close()

    def _listen(self) -> None:
        if self._cluster.lost:
            self._thread.later(self._fail_all, self._cluster.lost)

    def _fail_all(self, error: BaseException) -> None:
        for chunk in tuple(self._open):
            self._fail(chunk, error)

    def _begin(self, chunk: _Chunk, tasks: tuple[Any, ...]) -> None:
        self._open.add(chunk)
        self._start(_Attempt(chunk, 0, tasks, 0))

    def _start(self, attempt: _Attempt) -> None:
        if self._cluster.lost:
            self._fail(attempt.chunk, self._cluster.lost)
            return
        running = self._remote.remote(self._code, self._key, self._make, attempt.tasks).future()
        # Ray's own thread calls it, which must not wait for Ray.
        running.add_done_callback(lambda done: self._thread.later(self._end, attempt, done))

    def _end(self, attempt: _Attempt, done: "Future[list[Any]]") -> None:
        error = done.exception()
        if error is None:
            self._fill(attempt, done.result())
        elif not is_loss(error):
            self._fail(attempt.chunk, explained(error))
        elif len(attempt.tasks) > 1:
            for place, task in enumerate(attempt.tasks, attempt.first):
                self._start(_Attempt(attempt.chunk, place, (task,), attempt.losses + 1))
        elif attempt.losses + 1 < TRIES:
            self._start(_Attempt(attempt.chunk, attempt.first, attempt.tasks, attempt.losses + 1))
        else:
            reason = f"it ended each of the {TRIES} processes that scored it, or their nodes: {type(error).__name__}"
            self._fill(attempt, [self._set_aside(attempt.tasks[0], reason)])

    def _fill(self, attempt: _Attempt, results: list[Any]) -> None:
        chunk = attempt.chunk
        chunk.results[attempt.first : attempt.first + len(results)] = results
        chunk.missing -= len(results)
        if not chunk.missing and chunk in self._open:
            self._open.remove(chunk)
            chunk.whole.set_result(chunk.results)

    def _fail(self, chunk: _Chunk, error: BaseException) -> None:
        if chunk in self._open:
            self._open.remove(chunk)
            chunk.whole.set_exception(error)
