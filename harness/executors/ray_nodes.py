"""What runs on the nodes of a Ray cluster: engines, chunks of scoring, and one sandbox for each node.

A node must have the apigauge that the driver has, to the byte: its scores go into the same file.
"""

import contextlib
import functools
import gc
import pickle
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apigauge.errors import ApigaugeError, ExecutorError, SandboxError
from apigauge.harness.executors.types import OpenSandbox
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Engine, Request
from apigauge.sandboxes.digests import sized_files_digest
from apigauge.sandboxes.verdict import Program, Sandbox, Verdict

_PACKAGE = Path(__file__).parents[2]
# Runs wherever anything runs.
_CANARY = Program("pass")

_made: dict[str, Callable[[Any], Any]] = {}


class NoEngineError(SandboxError):
    """The sandbox of a node runs nothing any more, not even an empty program."""


@functools.cache
def code() -> str:
    """A digest of the package's code, and the Python that runs it."""
    folders = [_PACKAGE / name for name in ("benchmarks", "harness", "reports", "sandboxes")]
    paths = [*_PACKAGE.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))]
    files = sorted((path.relative_to(_PACKAGE).as_posix(), path.read_bytes()) for path in paths)
    return f"{sized_files_digest(files)[:12]}, Python {platform.python_version()}"


def check_code(of_driver: str) -> None:
    """Refuses a node with other code.

    Raises:
        ExecutorError: it has; the message names the node.
    """
    if code() != of_driver:
        raise ExecutorError(
            f"node {platform.node()} has another apigauge or Python ({code()}) than this machine ({of_driver}): scores "
            "would not be comparable. Install the same on every node."
        )


def do_tasks(of_driver: str, key: str, make: Sequence[Any], tasks: Sequence[Any]) -> list[Any]:
    """The results of a chunk of tasks.

    Args:
        of_driver: the driver's :func:`code`.
        key: names what does the tasks, which is made once in each process.
        make: a reference to what makes it, pickled, in a list: so it is fetched only where it is missing.
        tasks: the chunk.
    """
    if key not in _made:
        import ray

        check_code(of_driver)
        _made.clear()
        _made[key] = pickle.loads(ray.get(make[0]))()  # noqa: S301 - written by the driver
        gc.freeze()  # the scorer lives as long as the process
    function = _made[key]
    return [function(task) for task in tasks]


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening a node's sandbox.

    Attributes:
        described: the sandbox, as for the manifest; None if it could not be opened.
        concurrency: programs at once.
        problem: why it could not be opened.
        has_engine: whether an engine answers there, so that what is missing is an image, a hub or a limit.
        said: lines for the user.
    """

    described: dict[str, Any] | None
    concurrency: int = 0
    problem: str = ""
    has_engine: bool = False
    said: list[str] = field(default_factory=list)


class NodeSandbox:
    """The actor that holds a node's sandbox; it gets more programs than run at once, so that the next is there."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._places = threading.Semaphore(0)

    def open(self, of_driver: str, open_sandbox: OpenSandbox, cores: int) -> Opened:
        """Opens the sandbox.

        Raises:
            ExecutorError: the node has another apigauge.
        """
        check_code(of_driver)
        said: list[str] = []
        try:
            self._sandbox = open_sandbox(cores, said.append)
        except ApigaugeError as error:
            return Opened(None, 0, str(error), _has_engine(), said)
        self._places.release(self._sandbox.concurrency)
        return Opened(self._sandbox.describe(), self._sandbox.concurrency, said=said)

    def run(self, program: Program) -> Verdict:
        """Runs one program.

        Raises:
            NoEngineError: the sandbox does not even run an empty program, so the fault is the node's.
        """
        assert self._sandbox
        with self._places:
            verdict = self._sandbox.run(program)
            if verdict.status == "infra" and self._sandbox.run(_CANARY).status == "infra":
                raise NoEngineError(verdict.reason)
            return verdict

    def close(self) -> None:
        """Closes the sandbox."""
        if self._sandbox:
            self._sandbox.close()


@dataclass(frozen=True, slots=True)
class OpenedEngine:
    """What the driver must know of an engine."""

    spec: str
    described: dict[str, Any]
    is_identified: bool
    has_chat: bool
    chat_template: str
    parameters: int
    problems: list[str]


class NodeEngine:
    """The actor that holds an engine; it can be stopped while it answers."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._answering: Engine | None = None
        self._one = threading.Lock()

    def open(self, of_driver: str, spec: str, options: ModelOptions) -> OpenedEngine:
        """Loads the model.

        Raises:
            ExecutorError: the node has another apigauge.
            UsageError, ModelError: the model cannot be loaded there.
        """
        check_code(of_driver)
        generator = open_generator(spec, options)
        assert isinstance(generator, ModelGenerator)
        engine = self._engine = generator.engine
        return OpenedEngine(
            str(generator.describe()["spec"]),
            engine.describe(),
            engine.is_identified,
            engine.has_chat,
            generator.chat_template,
            int(getattr(engine, "parameters", 0)),
            list(engine.problems),
        )

    def chat(self, message: str) -> str:
        """As the engine's."""
        assert self._engine
        return self._engine.chat(message)

    def answer(self, requests: Sequence[Request], style: str, sampling: Sampling) -> Iterator[tuple[int, Any]]:
        """Answers as they are generated, each with its request's place; at last -1 with the engine's problems."""
        assert self._engine
        places = {(one.item, one.sample): place for place, one in enumerate(requests)}
        with self._one:  # an earlier call may be about to stop
            engine = self._answering = self._engine.sampled(sampling)
            for request, answer in engine.answer(requests, style):
                yield places[request.item, request.sample], answer
            yield -1, engine.problems

    def stop(self, at_once: bool) -> None:
        """As the engine's."""
        if self._answering:
            self._answering.stop(at_once=at_once)


def _has_engine() -> bool:
    from apigauge.sandboxes.engine import connect

    with contextlib.suppress(SandboxError):
        connect().close()
        return True
    return False
