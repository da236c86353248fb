"""A model on the GPUs, or cores, of a Ray cluster: engines in actors, which share the questions.

Kept on purpose:

- All engines are alike: the same weights by digest, the same versions, the same kind of device.
- An answer depends on its own prompt and seed, as with one engine; only which answers are made together differs.
- What an engine had not answered when it was lost is asked again, each question by itself, of another one. A question
  that was lost in ``TRIES`` engines is left out and named, as what a server does not answer.
"""

import contextlib
import math
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from apigauge.errors import ApigaugeError, ExecutorError, UsageError
from apigauge.harness.executors.ray_cluster import CORE_SECONDS, RESUME, Cluster, explained, is_loss
from apigauge.harness.executors.ray_nodes import NodeEngine, OpenedEngine, code
from apigauge.harness.executors.ray_scoring import TRIES
from apigauge.harness.executors.types import Say
from apigauge.harness.generation.backends import split_spec
from apigauge.harness.generation.checkpoint import SHIPPED
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Answer, Request, Stop

# The backends whose models are files: a server spreads its work itself.
KINDS = ("hf", "vllm")
# The most questions that an engine gets at once.
_CHUNK = 256
_EVERY_SECONDS = 0.5
# How long engines may take to stop before they are left to themselves.
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Questions for one engine, and how often they were lost with one."""

    requests: tuple[Request, ...]
    losses: int = 0


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Why a question has no answer."""

    reason: str


class _Actors:
    """The engines' actors, which end with this object."""

    def __init__(self, cluster: Cluster) -> None:
        self.all: list[Any] = []
        weakref.finalize(self, _kill, cluster, self.all)


class RayEngine:
    """The engines of a cluster as one; see :class:`apigauge.harness.generation.types.Engine`.

    Args:
        cluster: where they run.
        spec: the model, as for ``open_generator``; a path must be there on every node.
        options: of the model.
        count: how many engines.
        say: receives lines for the user.

    Raises:
        ExecutorError: there is no room for so many, a node has another apigauge, or the engines differ.
        ApigaugeError: the model cannot be loaded.
    """

    def __init__(self, cluster: Cluster, spec: str, options: ModelOptions, count: int, say: Say) -> None:
        self._cluster, self._spec, self._options, self._say = cluster, spec, options, say
        self._uses_gpus = gpus_of(cluster) > 0
        self._actors = _Actors(cluster)
        self._actors.all += [self._started() for _ in range(count)]
        first, *others = [self._opened(actor) for actor in self._actors.all]
        for other in others:
            _check_alike(first, other)
        self._first = first
        self.spec, self.is_identified, self.has_chat = first.spec, first.is_identified, first.has_chat
        self.chat_template, self.parameters = first.chat_template, first.parameters
        self.problems: list[str] = list(first.problems)
        self._sampling = options.sampling
        self._stop = Stop()

    def describe(self) -> dict[str, Any]:
        """As one of the engines: they are alike, and which of them answered makes no difference."""
        return dict(self._first.described)

    def sampled(self, sampling: Sampling) -> Self:
        """The same engines under another sampling."""
        other = copy(self)
        other._sampling, other.problems, other._stop = sampling, [], Stop()  # noqa: SLF001 - its own class
        return other

    def chat(self, message: str) -> str:
        """The prompt for a user's message, by the first engine that answers.

        Raises:
            ExecutorError: the cluster is lost.
        """
        for actor in tuple(self._actors.all):
            with contextlib.suppress(Exception):
                return str(self._cluster.get(actor.chat.remote(message)))
        raise self._cluster.lost or ExecutorError(f"no engine is left. {RESUME}")

    def stop(self, *, at_once: bool) -> None:
        """Nothing new is given to engines; what they have begun is still yielded, or with ``at_once`` dropped."""
        self._stop.set(at_once=at_once)
        self._stop_actors(at_once=at_once)

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Answers in any order.

        Raises:
            ExecutorError: the cluster, or every engine, is lost.
            ApigaugeError: what the engine raises.
        """
        self._stop = stop = Stop()
        size = max(1, min(_CHUNK, math.ceil(len(requests) / (2 * len(self._actors.all)))))
        work = _Work([_Chunk(tuple(requests[at : at + size])) for at in range(0, len(requests), size)], stop)
        threads = [
            threading.Thread(target=self._feed, args=(place, work, style), name=f"ray-engine-{place}", daemon=True)
            for place in range(len(self._actors.all))
        ]
        for thread in threads:
            thread.start()
        try:
            while work.open and not (stop.is_set and (stop.is_at_once or work.is_idle)):
                try:
                    entry = work.results.get(timeout=_EVERY_SECONDS)
                except queue.Empty:
                    if self._cluster.lost:
                        raise self._cluster.lost from None
                    is_over = not any(thread.is_alive() for thread in threads) and work.results.empty()
                    if is_over and not stop.is_set:
                        raise ExecutorError(f"no engine is left that could answer. {RESUME}") from None
                    continue
                if isinstance(entry, BaseException):
                    raise entry
                work.open -= not isinstance(entry, str)
                if isinstance(entry, tuple):
                    yield entry
                elif (problem := entry.reason if isinstance(entry, _LeftOut) else entry) not in self.problems:
                    self.problems.append(problem)
        finally:
            work.end()
            if not work.is_idle:
                self._stop_actors(at_once=True)
            for thread in threads:
                thread.join(_END_SECONDS)

    def _stop_actors(self, *, at_once: bool) -> None:
        for actor in self._actors.all:
            with contextlib.suppress(Exception):
                actor.stop.remote(at_once)

    def _feed(self, place: int, work: "_Work", style: str) -> None:
        """Gives an engine chunks until there are none; a lost engine is started again."""
        losses = 0
        while (chunk := work.take()) is not None:
            missing = dict(enumerate(chunk.requests))
            try:
                answers = self._actors.all[place].answer.options(num_returns="streaming")
                for reference in answers.remote(chunk.requests, style, self._sampling):
                    at, answer = self._cluster.ray.get(reference)
                    if at < 0:
                        work.say(answer)
                    else:
                        work.results.put((missing.pop(at), answer))
                work.done(missing.values())
                losses = 0
            except (Exception, SystemExit) as error:  # noqa: BLE001 - Ray raises that in threads that outlive it
                if not is_loss(error):
                    work.results.put(explained(error))
                    return
                work.lost(chunk, missing.values(), error)
                losses += 1
                if losses > TRIES or not self._replaced(place, work):
                    return

    def _replaced(self, place: int, work: "_Work") -> bool:
        """Whether a new engine is in the place of a lost one; waits for a node that has room for it."""
        began = time.monotonic()
        while self._room() < len(self._actors.all):
            if work.is_over or self._cluster.lost or time.monotonic() - began > CORE_SECONDS:
                return False
            time.sleep(_EVERY_SECONDS)
        try:
            self._actors.all[place] = self._started()
            _check_alike(self._first, self._opened(self._actors.all[place]))
        except Exception as error:  # noqa: BLE001 - the others go on
            if not work.is_over:
                self._say(f"apigauge: an engine was lost and cannot be started again: {explained(error)}")
            return False
        self._say("apigauge: an engine was lost, and another one is in its place")
        return True

    def _room(self) -> int:
        gpus = gpus_of(self._cluster) if self._uses_gpus else 0
        return gpus // self._options.tensor_parallel if self._uses_gpus else self._cluster.cores

    def _started(self) -> Any:
        # Without GPUs Ray's own default: a core to be placed at, which scoring and programs use meanwhile. If engines
        # kept all cores to themselves, the run would wait for one without end.
        resources = {"num_gpus": self._options.tensor_parallel, "num_cpus": 0} if self._uses_gpus else {}
        # One call that answers, and one that stops it.
        options = {"max_concurrency": 2, "scheduling_strategy": "SPREAD"} | resources
        return self._cluster.ray.remote(NodeEngine).options(**options).remote()

    def _opened(self, actor: Any) -> OpenedEngine:
        try:
            opened: OpenedEngine = self._cluster.get(actor.open.remote(code(), self._spec, self._options))
        except ApigaugeError:
            raise
        except Exception as error:
            raise explained(error) from error
        return opened


class _Work:
    """What is left to do: taken by one thread for each engine, counted by the one that yields answers."""

    def __init__(self, chunks: Sequence[_Chunk], stop: Stop) -> None:
        self._waiting, self._stop = deque(chunks), stop
        self._changed = threading.Condition()
        self._ended = False
        self._begun = 0
        self.open = sum(len(chunk.requests) for chunk in chunks)
        # Answers, problems, questions without an answer, and what ends the run.
        self.results: queue.SimpleQueue[tuple[Request, Answer] | str | _LeftOut | BaseException] = queue.SimpleQueue()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._ended or self._stop.is_set

    @property
    def is_idle(self) -> bool:
        """Whether no engine answers, and all answers were yielded."""
        return not self._begun and self.results.empty()

    def take(self) -> _Chunk | None:
        """The next chunk, which another engine's loss may still bring; None at the end."""
        with self._changed:
            while not self._waiting and self._begun and not self.is_over:
                self._changed.wait(_EVERY_SECONDS)
            if self.is_over or not self._waiting:
                return None
            self._begun += 1
            return self._waiting.popleft()

    def say(self, problems: Sequence[str]) -> None:
        """Notes an engine's problems."""
        for problem in problems:
            self.results.put(problem)

    def done(self, missing: Iterable[Request]) -> None:
        """Notes that an engine has ended a chunk, and what it left out."""
        if not self._stop.is_set:
            for request in missing:
                self.results.put(_LeftOut(f"{request.item}: the engine did not answer"))
        self._end_chunk()

    def lost(self, chunk: _Chunk, missing: Iterable[Request], error: BaseException) -> None:
        """Has the questions that were lost with an engine answered by others, each by itself."""
        for request in missing:
            if chunk.losses + 1 < TRIES:
                self._waiting.append(_Chunk((request,), chunk.losses + 1))
            else:
                reason = f"{request.item}: ended each of the {TRIES} engines that got it: {type(error).__name__}"
                self.results.put(_LeftOut(reason))
        self._end_chunk()

    def end(self) -> None:
        """Lets the threads end."""
        self._ended = True
        with self._changed:
            self._changed.notify_all()

    def _end_chunk(self) -> None:
        with self._changed:
            self._begun -= 1
            self._changed.notify_all()


def open_engines(cluster: Cluster, spec: str, options: ModelOptions, count: int, say: Say) -> ModelGenerator:
    """The generator of a model on a cluster.

    Args:
        cluster: where.
        spec: as for ``open_generator``, of one of ``KINDS``.
        options: of the model.
        count: how many engines.
        say: receives lines for the user.

    Raises:
        UsageError: there is no room for so many.
        ExecutorError, ApigaugeError: see :class:`RayEngine`.
    """
    kind, argument = split_spec(spec)
    room = gpus_of(cluster) // options.tensor_parallel or cluster.cores
    if count > room:
        raise UsageError(f"--engines {count}: the cluster has room for {room} at most, of the model's size")
    spec = f"{kind}:{_absolute(argument)}"
    options = replace(options, adapter=_absolute(options.adapter) if options.adapter else None)
    engine = RayEngine(cluster, spec, options, count, say)
    return ModelGenerator(engine, options.sampling, options.prompting, engine.spec, cached=options.cached)


def _absolute(argument: str) -> str:
    """A checkpoint as processes with another current folder find it."""
    folder = Path(argument).expanduser()
    return str(folder.resolve()) if argument != SHIPPED and folder.is_dir() else argument


def gpus_of(cluster: Cluster) -> int:
    """The GPUs of all nodes."""
    return int(cluster.ray.cluster_resources().get("GPU", 0))


def _check_alike(one: OpenedEngine, other: OpenedEngine) -> None:
    if one.described != other.described:
        names = [name for name in one.described if one.described[name] != other.described.get(name)]
        raise ExecutorError(
            f"the engines differ in {', '.join(names) or 'what they describe'}: every node needs the same checkpoint, "
            "packages and kind of device"
        )


def _kill(cluster: Cluster, actors: list[Any]) -> None:
    # Without a connection Ray would start a cluster to kill them in; they ended with the connection.
    while actors and not cluster.is_closed:
        with contextlib.suppress(Exception):
            cluster.ray.kill(actors.pop())
