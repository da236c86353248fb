"""Whether an answer's program runs, and how far: ``exec.rate``, ``exec.call``, ``exec.exact``, ``exec.stage``.

The ladder is that of :mod:`apigauge.sandboxes.verdict`. It asks whether the call that extraction found was made and
returned, not whether it was the right one. ``exec.exact`` asks that of every call that the program made, whether it
returned or not: a model that the sandbox's hub does not have must not make the right call a wrong one, and whether it
returned is what ``exec.call`` says.

``infra`` is a failure of the sandbox and never the model's zero: such an answer has a label and no number, and a run
with too many of them publishes no number at all, since the programs that failed may not be a fair sample.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from apigauge.harness.extraction.call_scan import comments_and_strings, find_calls, imports, is_within, resolve
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.metrics.table import EXECUTED
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes.verdict import NOTHING, Program, Verdict

NAMES = EXECUTED["executability"]
INFRA = "infra"
_COMPARED_BY = ("observed_calls", "ast_match")
# Above this share of sandbox failures a run publishes no executability.
MAX_INFRA_ERROR_RATE = 0.01
# A line that goes on after a backslash, and blanks before a full stop.
_JOINED = re.compile(r"\s*\\\r?\n\s*(?=\.)")
NOTHING_TO_RUN = Verdict("failed", NOTHING, "other", "nothing was extracted")


def version() -> str:
    """The ladder, and the code that compares calls; the sandbox is described in the manifest's ``sandbox``."""
    return f"rungs 0 to 4, calls compared by {code_digest(*(f'harness/metrics/{name}.py' for name in _COMPARED_BY))}"


def program_of(call: str | None, program: str | None, functions: tuple[str, ...] = ()) -> Program | None:
    """The program to run for an extraction, or else the bare call as a program; None if there is neither.

    The API call to watch is the extracted one, by the name under which the program makes it: an answer may have
    ``torch.nn.LSTM(...)`` in a section and ``nn.LSTM(...)`` in its program.

    Args:
        call: the extracted call.
        program: the extracted program.
        functions: those whose calls are recorded.
    """
    source = program or call
    if not source:
        return None
    span = next(find_calls(_JOINED.sub("", call or "")), None)
    return Program(source, _as_written(span.callee, source) if span else None, functions)


def _as_written(callee: str, source: str) -> str:
    """The callee as the source writes it: itself, or the first call of what resolves to the same name."""
    skip = comments_and_strings(source)
    written = [span.callee for span in find_calls(source) if not is_within(span.start, skip)]
    if callee in written:
        return callee
    names = imports(source)
    target = resolve(callee, names)
    resolved = {name: resolve(name, names) for name in written}
    for name in written:
        if resolved[name] == target:
            return name
    for name in written:  # `pipeline` for `transformers.pipeline`, and the other way round
        if resolved[name].endswith(f".{target}") or target.endswith(f".{resolved[name]}"):
            return name
    return callee


def scores(verdict: Verdict, item: str = "", observed: ObservedCalls | None = None) -> Scored:
    """Numbers, label and messages of one verdict; ``infra`` has no numbers.

    Args:
        verdict: of an answer's program.
        item: id of the question it answers.
        observed: judges the calls that the program made; without it there is no ``exec.exact``.
    """
    rate, call, exact, stage = NAMES
    messages = {rate: verdict.reason} if verdict.reason else {}
    if verdict.status == INFRA:
        return Scored({}, {rate: INFRA}, messages)
    numbers = {rate: float(verdict.ended), call: float(verdict.called)}
    if observed:
        is_exact, difference = observed.judge(item, verdict)
        numbers[exact] = float(is_exact)
        messages |= {exact: difference} if difference else {}
    numbers[stage] = float(verdict.stage)
    return Scored(numbers, {rate: label(verdict)}, messages)


def label(verdict: Verdict) -> str:
    """``passed``, ``timeout``, ``failed/name``; ``passed/not_called`` if the API call was not made."""
    if verdict.status == "passed" and not verdict.ended:
        return "passed/not_called"
    return f"{verdict.status}/{verdict.category}" if verdict.category else verdict.status


def infra_errors(rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """How many of these rows' programs could not be run because the sandbox failed, and how many were run in all.

    An answer without a program does not count: else a model that answers in prose would hide the sandbox's failures.
    """
    run = [verdict for row in rows if isinstance(verdict := row.get("verdict"), dict) and any_program(row)]
    return sum(verdict.get("status") == INFRA for verdict in run), len(run)


def any_program(row: Mapping[str, Any]) -> bool:
    """Whether a row's extraction holds anything to run."""
    return bool(row["extraction"].get("program") or row["extraction"].get("call"))


def is_withheld(failed: int, run: int) -> bool:
    """Whether so many sandbox failures among so many programs forbid publishing a number."""
    return run > 0 and failed / run > MAX_INFRA_ERROR_RATE
