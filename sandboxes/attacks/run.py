"""Runs the attacks against a sandbox and reports which of them succeeded."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from apigauge.sandboxes.attacks import Attack, load, neighbour, witness
from apigauge.sandboxes.verdict import MIB, Limits, Program, Sandbox, Verdict

# Small, so that an attack on a resource ends soon, but far above what the witness needs.
LIMITS = Limits(
    cpu_seconds=1.5,
    idle_seconds=1.5,
    memory_bytes=512 * MIB,
    processes=64,
    output_bytes=1 * MIB,
    file_bytes=64 * MIB,
    disk_bytes=128 * MIB,
    open_files=256,
)
# Reports what is wrong with the machine around the sandbox ("" if nothing is): new files, new processes.
HostCheck = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one attack.

    Attributes:
        name: the attack's name.
        family: the attack's family.
        expected: the correct verdicts.
        got: the verdict, as ``status`` or ``failed/category``.
        ok: whether the verdict was correct, the stage no higher than allowed, and nothing noticed an effect.
        effect: what the witness, the neighbour, or the machine around them noticed.
    """

    name: str
    family: str
    expected: tuple[str, ...]
    got: str
    ok: bool
    effect: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a report."""
        return asdict(self)


def attack(
    sandbox: Sandbox,
    kind: str,
    second: Sandbox | None = None,
    *,
    attacks: Iterable[Attack] | None = None,
    checks: Iterable[HostCheck] = (),
    tick: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Runs every attack that a kind of sandbox must withstand.

    Args:
        sandbox: the victim. With a concurrency of one, the witness runs exactly where the attack ran.
        kind: ``docker``, ``process`` or ``bare``.
        second: another sandbox of the same kind, for the neighbour; none by default.
        attacks: by default all of them.
        checks: called after each attack; what they report counts as an effect.
        tick: receives each result at once.
    """
    host_checks = tuple(checks)
    results = []
    for one in load() if attacks is None else attacks:
        if kind in one.where:
            results.append(run_one(one, sandbox, kind, second, host_checks))
            tick(results[-1])
    return results


def run_one(
    one: Attack, sandbox: Sandbox, kind: str, second: Sandbox | None = None, checks: Iterable[HostCheck] = ()
) -> Result:
    """Runs one attack, at the same time the neighbour, and then the witness."""
    with _Neighbour(second) as neighbour_of_it:
        verdict = sandbox.run(one.program, LIMITS)
    witnessed = sandbox.run(Program(witness(kind)), LIMITS)
    got = _plain(name_of(verdict))
    effects = [
        "its tests passed" if verdict.tests and verdict.tests.status == "passed" else "",
        f"stage {verdict.stage} instead of {one.max_stage}" if verdict.stage > one.max_stage else "",
        verdict.reason if got not in one.expected else "",
        _forged(one, verdict),
        _complaint("witness", witnessed),
        *(_complaint("neighbour", other) for other in neighbour_of_it.verdicts),
        *(check() for check in checks),
    ]
    effect = _plain("; ".join(filter(None, effects)))
    return Result(one.name, one.family, one.expected, got, ok=got in one.expected and not effect, effect=effect)


def _forged(one: Attack, verdict: Verdict) -> str:
    """The recorded call that the attack has forged, if it has. It passes only if it did not make that call."""
    calls = [str(call) for call in verdict.calls] if one.forges and verdict.status == "passed" else []
    return next((f"recorded: {call}" for call in calls if one.forges in call), "")


def name_of(verdict: Verdict) -> str:
    """A verdict as attacks expect it: ``timeout``, ``failed/network``."""
    return f"{verdict.status}/{verdict.category}" if verdict.category else verdict.status


def _plain(text: str) -> str:
    """A text that a program may have influenced, in ASCII, which any file can hold."""
    return text.encode("ascii", "backslashreplace").decode()


def _complaint(who: str, verdict: Verdict) -> str:
    return "" if verdict.status == "passed" else f"{who}: {name_of(verdict)}: {verdict.reason}"


class _Neighbour:
    """Runs the neighbour's program repeatedly, at least once, for as long as the attack takes."""

    def __init__(self, sandbox: Sandbox | None) -> None:
        self.verdicts: list[Verdict] = []
        self._sandbox = sandbox
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _repeat(self) -> None:
        while self._sandbox and not (self.verdicts and self._over.is_set()):
            self.verdicts.append(self._sandbox.run(Program(neighbour()), LIMITS))
