"""The input and output of a sandbox: a program, its limits, the verdict.

The ladder a program climbs (``stage``): 0 nothing extracted, 1 parses, 2 imports resolve, 3 its API call was made and
returned, 4 ran to its end. A program that names no API call, or does not make it, stops at 2 even if it ran to its end.

``infra`` is a failure of the sandbox and never of the program: scores must leave it out and count it separately.
"""

from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Status = Literal[
    "passed",
    "failed",
    "timeout",
    "memory",
    "output_limit",
    "process_limit",
    "early_exit",
    "killed",
    "infra",
]
STATUSES: tuple[Status, ...] = Status.__args__  # type: ignore[attr-defined]

Category = Literal[
    "syntax",
    "import",
    "name",
    "attribute",
    "arguments",
    "hub_not_found",
    "input",
    "network",
    "assertion",
    "other",
]
CATEGORIES: tuple[Category, ...] = Category.__args__  # type: ignore[attr-defined]

NOTHING, PARSES, IMPORTS, CALLED, ENDED = range(5)

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one program.

    Attributes:
        cpu_seconds: CPU time of the program and all it starts.
        idle_seconds: time in which it neither computes nor waits for a core; time spent waiting for a busy machine
            does not count, so that verdicts do not depend on load.
        memory_bytes: resident memory, files in memory included; no swap.
        processes: processes and threads at one time; a single run can lower this and the memory, not raise them.
        output_bytes: standard output and standard error together.
        file_bytes: size of one file; the weights of a BERT are 440 MB.
        disk_bytes: files in each writable folder (/box, /tmp, /dev/shm); they count as memory too.
        open_files: descriptors of one process.
    """

    cpu_seconds: float = 20.0
    idle_seconds: float = 20.0
    memory_bytes: int = 2048 * MIB
    processes: int = 128
    output_bytes: int = 1 * MIB
    file_bytes: int = 512 * MIB
    disk_bytes: int = 512 * MIB
    open_files: int = 256

    def to_json(self) -> dict[str, Any]:
        """For the manifest and for the worker."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run.

    Attributes:
        source: its text.
        callee: the dotted name of its API call as the program writes it (``pipeline``, ``torch.hub.load``); None if it
            makes none. Stage 3 is reached when this call was made and has returned.
        functions: dotted names of the functions whose calls are recorded, whatever name the program gives them.
        tests: a program that runs behind it, in its process and with its names, once it has ended; empty for none.
        keeps: names of Python's own functions that the tests are to take from the program instead, if it has them.
        output_bytes: how much of its standard output the verdict is to have.
        environment: where it runs, if not where a benchmark's programs do.
    """

    source: str
    callee: str | None = None
    functions: tuple[str, ...] = ()
    tests: str = ""
    keeps: tuple[str, ...] = ()
    output_bytes: int = 0
    environment: str = ""


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """A call that a program made, with what it passed, as Python literals.

    ``...`` stands for what is no string, number, boolean, None, or short container of these.

    Attributes:
        function: the name under which its calls were to be recorded.
        positional: arguments in order.
        keywords: arguments by name.
    """

    function: str
    positional: tuple[str, ...] = ()
    keywords: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A warning that a line of the program raised: what it uses will not stay as it is.

    Attributes:
        category: the warning's class.
        message: its text.
        line: of the program.
    """

    category: str
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class OutcomeOfTests:
    """How a program's tests ended.

    Attributes:
        status: ``passed``, or how they or the whole process ended.
        reason: one sentence.
        line: the line of the tests that failed; None if that is not known.
    """

    status: Status
    reason: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened when a program ran.

    Attributes:
        status: how it ended; ``passed`` means that it ran to its end.
        stage: the rung it reached, 0 to 4.
        category: of a failure; None for every other status.
        reason: one sentence.
        calls: what the program's own calls of the functions to be recorded passed, each different one once and at
            most 64 of them; whether a call then returned does not matter.
        evidence: what was observed: exit code or signal, line, the ends of both streams, CPU seconds. Ignored when
            verdicts are compared, since times and addresses differ between runs.
        tests: how its tests went; None if it has none, or did not come so far.
        deprecations: each different one once, and at most 16 of them; on the program's word.
        output: the beginning of its standard output, as much as was to be kept.
    """

    status: Status
    stage: int
    category: Category | None = None
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict, compare=False)
    calls: tuple[ObservedCall, ...] = ()
    tests: OutcomeOfTests | None = None
    deprecations: tuple[Deprecation, ...] = ()
    output: str = ""

    @property
    def called(self) -> bool:
        """Whether the program's API call was made and returned (``exec.call``)."""
        return self.stage >= CALLED

    @property
    def ended(self) -> bool:
        """Whether it made its call and ran to its end (``exec.rate``)."""
        return self.stage >= ENDED

    def to_json(self) -> dict[str, Any]:
        """As in ``scores.jsonl``: without the output, of which the evidence has the end, and what is not there."""
        record = asdict(self)
        del record["output"]
        return {name: value for name, value in record.items() if value or name not in ("tests", "deprecations")}


class Sandbox(Protocol):
    """Runs programs; safe to call from several threads, up to ``concurrency`` of them at once."""

    concurrency: int

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs one program; never raises for what the program does, nor for a sandbox failure (``infra``)."""
        ...

    def describe(self) -> dict[str, Any]:
        """What verdicts depend on, for the manifest: kind, image and lock digest, limits, worker digest, caveats."""
        ...

    def close(self) -> None:
        """Stops everything that it started."""
        ...


@runtime_checkable
class DispatchingSandbox(Sandbox, Protocol):
    """A sandbox that holds programs in flight by itself, so that no thread waits for each."""

    def submit(self, program: Program) -> Future[Verdict]:
        """Starts one program; its verdict. The future raises an ApigaugeError when no program can run any more."""
        ...
