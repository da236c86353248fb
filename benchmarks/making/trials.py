"""Runs candidates, each in a process of its own, and keeps what prints what the documentation shows."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apigauge.benchmarks.making.candidates import Candidate, Dropped
from apigauge.benchmarks.making.documented import has_noise, is_documented, is_of_a_process

_MARK = "\x1e"
_VALUE = "_value_shown"
MAX_OUTPUT = 1_500
# What takes a seed, and without one draws other numbers each time.
_GENERATORS = frozenset(
    {"default_rng", "RandomState", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "Random"}
)
# What a message says of one run alone: the program's folder, a temporary name, an address.
_OF_ONE_RUN = re.compile(r"(?<=/box/)\d+|(?<=\btmp)[a-z0-9_]{8}\b|(?<=\b0x)[0-9a-f]{6,}\b")


@dataclass(frozen=True, slots=True)
class Run:
    """One program's run.

    Attributes:
        printed: its standard output; None if it did not run to its end, or printed too much.
        problem: why not.
    """

    printed: str | None
    problem: str = ""


# Runs programs, in the order given.
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
        run_all: runs programs that show the value as the documentation does, and then as the reference does.
    """
    for candidate, run in zip(candidates, run_all([_as_documented(one) for one in candidates]), strict=True):
        if reason := _problem(candidate, run):
            yield Dropped(candidate.api.name, candidate.program, reason)
        else:
            outputs = _outputs(run)
            yield Tried(candidate, tuple(dict.fromkeys((outputs[-1], outputs[0]))))


def draws_without_seed(program: str) -> bool:
    """Whether a program makes a random generator without a seed: what it prints may be what is documented by chance."""
    return any(
        isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in _GENERATORS
        and all(isinstance(value, ast.Constant) and value.value is None for value in _given(node))
        for node in ast.walk(ast.parse(program))
    )


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


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
        return f"the program does not run: {_OF_ONE_RUN.sub('*', run.problem)}"
    if draws_without_seed(candidate.program):
        return "it draws random numbers without a seed"
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
