"""The sandboxes of a cluster's nodes as one sandbox: one actor for each node that has one, with that node's cores.

Kept on purpose:

- A program is tried up to ``TRIES`` times where its actor or node is lost. The last time it runs alone on its node, so
  that what ends a node is told from what merely ran there.
- A node whose sandbox runs nothing any more, not even an empty program, is left out, and its programs run elsewhere
  without being blamed; it is tried again later. Without any node left, the run ends with an error, and resumes.
- All nodes run programs in the same sandbox, to the digest: verdicts of different ones do not belong into one run.
"""

import contextlib
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from apigauge.errors import ExecutorError, SandboxError
from apigauge.harness.executors.own_thread import OwnThread
from apigauge.harness.executors.ray_cluster import RESUME, Cluster, Node, explained, is_loss
from apigauge.harness.executors.ray_nodes import NodeSandbox, NoEngineError, Opened, code
from apigauge.harness.executors.ray_scoring import TRIES
from apigauge.harness.executors.types import OpenSandbox, Say
from apigauge.sandboxes.verdict import NOTHING, Limits, Program, Verdict

# Programs in flight for each worker: one that runs, one that waits there while a verdict travels.
_AHEAD = 2
# How long to wait for a node while there is none.
NODE_SECONDS = 20.0
_AGAIN_SECONDS = 30.0
_CLOSE_SECONDS = 15.0


@dataclass(eq=False, slots=True)
class _Attempt:
    """A program, and how often what ran it was lost."""

    program: Program
    verdict: "Future[Verdict]"
    losses: int = 0

    @property
    def is_last(self) -> bool:
        return self.losses == TRIES - 1


@dataclass(eq=False, slots=True)
class _Member:
    """A node that runs programs."""

    node: Node
    actor: Any
    concurrency: int
    running: set[_Attempt] = field(default_factory=set)

    @property
    def load(self) -> float:
        return len(self.running) / self.concurrency


class RaySandbox:
    """Runs programs on all nodes; see :class:`apigauge.sandboxes.verdict.DispatchingSandbox`.

    Everything that changes its state runs in one thread of its own.

    Args:
        cluster: whose nodes.
        open_sandbox: opens the sandbox on one of them.
        say: receives lines for the user.

    Raises:
        SandboxError: no node has a sandbox, one has an engine that lacks something, or they differ.
        ExecutorError: a node has another apigauge.
    """

    def __init__(self, cluster: Cluster, open_sandbox: OpenSandbox, say: Say) -> None:
        self._cluster, self._open_sandbox, self._say = cluster, open_sandbox, say
        self._class = cluster.ray.remote(NodeSandbox)
        self._members: dict[str, _Member] = {}
        self._opening: set[str] = set()
        self._again: dict[str, float] = {}
        self._waiting: deque[_Attempt] = deque()
        self._last_tries: deque[_Attempt] = deque()
        self._open: set[_Attempt] = set()
        self._described: dict[str, Any] = {}
        self._member_seen = time.monotonic()
        self._reason = "no node answers"
        self._reported: set[str] = set()
        self._open_all()
        self.concurrency = sum(member.concurrency for member in self._members.values())
        self._thread = OwnThread("ray-sandbox", self._fail_all)
        cluster.listeners.append(self._listen)

    def submit(self, program: Program) -> "Future[Verdict]":
        """Starts a program; its verdict. The future raises ExecutorError when nothing can run programs any more."""
        attempt = _Attempt(program, Future())
        self._thread.later(self._begin, attempt)
        return attempt.verdict

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs one program, within the limits of the sandbox.

        Raises:
            ValueError: limits are given.
        """
        if limits:
            raise ValueError("the sandbox of a cluster runs every program with the limits that it was opened with")
        return self.submit(program).result()

    def describe(self) -> dict[str, Any]:
        """As one of the nodes': they are alike."""
        return self._described

    def close(self) -> None:
        """Stops what runs, and closes the nodes' sandboxes."""
        if self._listen not in self._cluster.listeners:
            return
        self._cluster.listeners.remove(self._listen)
        self._thread.close()
        if not self._cluster.lost:
            self._close_members()

    def _close_members(self) -> None:
        """Closes the sandboxes, and ends their actors."""
        actors = [member.actor for member in self._members.values()]
        with contextlib.suppress(Exception):  # the end of an actor ends its sandbox, too
            self._cluster.ray.wait(
                [actor.close.remote() for actor in actors], num_returns=len(actors), timeout=_CLOSE_SECONDS
            )
        for actor in actors:
            self._cluster.ray.kill(actor)

    def _listen(self) -> None:
        self._thread.later(self._tick)

    # Nodes.

    def _open_all(self) -> None:
        """Opens the sandboxes of all nodes at first."""
        started = [(node, *self._started(node)) for node in self._cluster.nodes if node.cores]
        opened: list[tuple[Node, Any, Opened]] = []
        for node, actor, reference in started:
            try:
                opened.append((node, actor, self._cluster.get(reference)))
            except Exception as error:
                if not is_loss(error):
                    raise explained(error) from error
        try:
            _check(opened)
        except SandboxError:
            for _, actor, _ in opened:
                self._cluster.ray.kill(actor)
            raise
        for line in dict.fromkeys(line for _, _, one in opened for line in one.said):
            self._say(line)
        for node, actor, one in opened:
            self._join(node, actor, one)

    def _started(self, node: Node) -> tuple[Any, Any]:
        """An actor on a node, and the reference to what comes of opening its sandbox."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = self._class.options(
            num_cpus=0,
            max_concurrency=_AHEAD * node.cores + 1,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        ).remote()
        return actor, actor.open.remote(code(), self._open_sandbox, node.cores)

    def _join(self, node: Node, actor: Any, opened: Opened) -> None:
        """Takes a node among those that run programs, unless its sandbox is another or there is none."""
        if opened.described is not None:
            self._described = self._described or opened.described
        if opened.described is not None and opened.described == self._described:
            self._members[node.id] = _Member(node, actor, opened.concurrency)
            return
        differing = ", ".join(_differences(self._described, opened.described)) if opened.described else ""
        self._reason = f"node {node.name}: {opened.problem or f'its sandbox has another {differing}'}"
        if self._reason not in self._reported:  # such a node is tried again and again
            self._reported.add(self._reason)
            self._say(f"programs do not run on {self._reason}")
        self._again[node.id] = float("inf") if opened.described else time.monotonic() + _AGAIN_SECONDS
        self._cluster.ray.kill(actor)

    def _tick(self) -> None:
        """Every second: nodes that have come, or whose actor has ended."""
        now = time.monotonic()
        if self._cluster.lost:
            self._fail_all(self._cluster.lost)
            return
        for node in self._cluster.nodes:
            is_here = node.id in self._members or node.id in self._opening
            if node.cores and not is_here and now >= self._again.get(node.id, 0):
                self._reopen(node)
        if self._members:
            self._member_seen = now
        elif now - self._member_seen > NODE_SECONDS and not self._opening:
            self._fail_all(ExecutorError(f"no node is left that runs programs ({self._reason}). Repair one. {RESUME}"))

    def _reopen(self, node: Node) -> None:
        self._opening.add(node.id)
        actor, reference = self._started(node)
        reference.future().add_done_callback(lambda done: self._thread.later(self._reopened, node, actor, done))

    def _reopened(self, node: Node, actor: Any, done: "Future[Opened]") -> None:
        self._opening.discard(node.id)
        if error := done.exception():
            self._reason = f"node {node.name}: {explained(error)}"
            self._again[node.id] = time.monotonic() + _AGAIN_SECONDS
            return
        self._join(node, actor, done.result())
        self._dispatch()

    def _leave(self, member: _Member) -> None:
        """A node whose sandbox is gone gets no more programs; those it has end as they may."""
        if self._members.get(member.node.id) is member:
            del self._members[member.node.id]

    # Programs.

    def _begin(self, attempt: _Attempt) -> None:
        self._open.add(attempt)
        self._add(attempt)

    def _add(self, attempt: _Attempt) -> None:
        (self._last_tries if attempt.is_last else self._waiting).append(attempt)
        self._dispatch()

    def _dispatch(self) -> None:
        """Starts what can start; a last try waits for a node that nothing else runs on, and for which room is made."""
        if self._cluster.lost:
            self._fail_all(self._cluster.lost)
        free = sorted(self._members.values(), key=lambda member: member.load)
        alone = [member for member in free if any(attempt.is_last for attempt in member.running)]
        if self._last_tries and not alone and free:
            alone = free[:1]
            if not alone[0].running:
                self._start(alone[0], self._last_tries.popleft())
        while self._waiting and (member := self._next([one for one in free if one not in alone])):
            self._start(member, self._waiting.popleft())

    def _next(self, members: list[_Member]) -> _Member | None:
        """The member with the least to do that has room."""
        member = min(members, key=lambda one: one.load, default=None)
        return member if member and member.load < _AHEAD else None

    def _start(self, member: _Member, attempt: _Attempt) -> None:
        member.running.add(attempt)
        running = member.actor.run.remote(attempt.program).future()
        running.add_done_callback(lambda done: self._thread.later(self._end, member, attempt, done))

    def _end(self, member: _Member, attempt: _Attempt, done: "Future[Verdict]") -> None:
        member.running.discard(attempt)
        error = done.exception()
        if error is None:
            self._settle(attempt, done.result())
        elif is_loss(error):
            self._leave(member)
            attempt.losses += 1
            self._reason = f"node {member.node.name}: its process or the node itself is gone"
            self._try_again(attempt, type(error).__name__)
        elif isinstance(problem := explained(error), NoEngineError):
            self._leave(member)
            self._again[member.node.id] = time.monotonic() + _AGAIN_SECONDS
            self._reason = f"node {member.node.name}: {problem}"
            self._add(attempt)
        else:
            self._settle(attempt, _infra(f"the sandbox failed: {type(problem).__name__}: {problem}"))
        if not member.running and self._members.get(member.node.id) is not member:
            self._cluster.ray.kill(member.actor)
        self._dispatch()

    def _try_again(self, attempt: _Attempt, loss: str) -> None:
        if attempt.losses < TRIES:
            self._add(attempt)
        else:
            self._settle(attempt, _infra(f"it ended each of the {TRIES} processes that ran it, or their nodes: {loss}"))

    def _fail_all(self, error: BaseException) -> None:
        self._waiting.clear()
        self._last_tries.clear()
        for attempt in self._open:
            attempt.verdict.set_exception(error)
        self._open.clear()

    def _settle(self, attempt: _Attempt, verdict: Verdict) -> None:
        if attempt in self._open:
            self._open.remove(attempt)
            attempt.verdict.set_result(verdict)


def _infra(reason: str) -> Verdict:
    return Verdict("infra", NOTHING, None, reason)


def _check(opened: list[tuple[Node, Any, Opened]]) -> None:
    """Refuses to start where no node has a sandbox, an engine lacks what programs need, or sandboxes differ.

    Raises:
        SandboxError: the message says which node, and what to do there.
    """
    usable = [(node, one.described) for node, _, one in opened if one.described is not None]
    lacking = [f"{node.name}: {one.problem}" for node, _, one in opened if one.described is None and one.has_engine]
    if lacking or not usable:
        problems = lacking or [f"{node.name}: {one.problem}" for node, _, one in opened]
        raise SandboxError(f"no programs can run on these nodes. {' '.join(problems) or 'The cluster has no nodes.'}")
    first, described = usable[0]
    for node, other in usable[1:]:
        if differing := _differences(described, other):
            raise SandboxError(
                f"nodes {first.name} and {node.name} would run programs in different sandboxes ({', '.join(differing)})"
                ". Load the same image and hub on every node (`docker save`, `docker load`; not a build on each), or "
                "name the kind that all have with --sandbox."
            )


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The entries in which two descriptions differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
