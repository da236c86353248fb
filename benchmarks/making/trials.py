"""Runs candidates, twice and in processes of their own, and keeps what prints what the documentation shows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apigauge.benchmarks.making.candidates import Candidate, Dropped
from apigauge.benchmarks.making.documented import has_noise, is_documented, is_of_a_process

_MARK = "\x1e"
_VALUE = "_value_shown"
MAX_OUTPUT = 1_500


@dataclass(frozen=True, slots=True)
class Run:
    """One program's run.

    Attributes:
        printed: its standard output; None if it did not run to its end, or printed too much.
        problem: why not.
    """

    printed: str | None
    problem: str = ""


# Runs programs, in the order given; each call in new processes.
RunAll = Callable[[Sequence[str]], Iterator[Run]]


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate that ran, with what its program prints: by ``print``, and as a console shows the value."""

    candidate: Candidate
    outputs: tuple[str, ...]


def tried(candidates: Sequence[Candidate], run_all: RunAll) -> Iterator[Tried | Dropped]:
    """Each candidate's outcome, in order.

    Args:
        candidates: what to run.
        run_all: called twice: with programs that show the value as the documentation does, then with the references.
    """
    firsts = list(run_all([_as_documented(one) for one in candidates]))
    passed = [index for index, one in enumerate(candidates) if not _problem(one, firsts[index])]
    seconds = dict(zip(passed, run_all([candidates[index].program for index in passed]), strict=True))
    for index, candidate in enumerate(candidates):
        reason = _problem(candidate, firsts[index])
        outputs = _outputs(firsts[index])
        if not reason:
            second = seconds[index]
            if second.printed is None:
                reason = f"the program does not run: {second.problem}"
            elif second.printed != outputs[-1]:
                reason = "it does not print the same twice"
        if reason:
            yield Dropped(candidate.api.name, candidate.program, reason)
        else:
            printed = seconds[index].printed or ""
            yield Tried(candidate, tuple(dict.fromkeys((printed, outputs[0]))))


def _as_documented(candidate: Candidate) -> str:
    if not candidate.is_value:
        return candidate.program
    lines = [*candidate.head, f"{_VALUE} = {candidate.shown}", f"print(repr({_VALUE}))", f"print({_MARK!r}, end='')"]
    return "\n".join([*lines, f"print({_VALUE})"]) + "\n"


def _outputs(run: Run) -> list[str]:
    return (run.printed or "").split(_MARK)


def _problem(candidate: Candidate, run: Run) -> str:
    """Why a candidate is dropped after its first run; empty if it is not."""
    if run.printed is None:
        return f"the program does not run: {run.problem}"
    outputs = _outputs(run)
    if not outputs[-1].strip():
        return "it prints nothing"
    if any(len(one) > MAX_OUTPUT for one in outputs):
        return f"it prints more than {MAX_OUTPUT} characters"
    if any(map(is_of_a_process, outputs)):
        return "it prints an address"
    if any(map(has_noise, outputs)):
        return "it prints what is likely a rounding error"
    if outputs[-1].strip() == "None":
        return "its result is None"
    return "" if is_documented(outputs[0], candidate.want) else "it prints something else than the documentation shows"
