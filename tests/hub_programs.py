"""Programs for the stand-in hubs, decided before any run: what happens to each on the real hub, with the real library.

A right program runs to its end there, a wrong one ends with an exception. None depends on what the weights have learned.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from apigauge.sandboxes.verdict import Program, Sandbox, Verdict

FOLDER = Path(__file__).parent / "sandboxes" / "hubs" / "programs"
# One table for each hub, named after it.
HUBS = tuple(sorted(path.stem for path in FOLDER.glob("*.jsonl")))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A program, whether it is right, and why it is so."""

    id: str
    right: bool
    kind: str
    program: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A program and what the sandbox says of it."""

    labelled: Labelled
    verdict: Verdict

    @property
    def as_expected(self) -> bool:
        """A wrong program has to fail by itself: one that is stopped at a limit, or not run, says nothing of the hub."""
        return self.verdict.status == ("passed" if self.labelled.right else "failed")

    def __str__(self) -> str:
        one, verdict = self.labelled, self.verdict
        wanted = "right" if one.right else "wrong"
        return f"{one.id} ({one.kind}), {wanted}: {one.why}\n    {verdict.status}/{verdict.category}: {verdict.reason}"


def read(hub: str) -> list[Labelled]:
    """The programs of a hub, in the order of its table."""
    text = (FOLDER / f"{hub}.jsonl").read_text(encoding="utf-8")
    return [Labelled(**json.loads(line)) for line in text.split("\n") if line]


def run(programs: Sequence[Labelled], sandbox: Sandbox) -> list[Outcome]:
    """Runs the programs, as many at once as the sandbox has workers."""
    with ThreadPoolExecutor(sandbox.concurrency) as pool:
        verdicts = pool.map(lambda one: sandbox.run(Program(one.program)), programs)
        return [Outcome(one, verdict) for one, verdict in zip(programs, verdicts, strict=True)]
