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
from typing import TYPE_CHECKING, Any

from apigauge.harness.extraction.call_scan import comments_and_strings, find_calls, imports, is_within, resolve
from apigauge.harness.extraction.syntax import syntax_tree, text_of, walk
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.metrics.table import METRICS, OPTIONAL, is_executed
from apigauge.harness.metrics.table import NAMES as NAMES_OF_ALL
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes.verdict import NOTHING, Program, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node

NAMES = tuple(info.name for info in METRICS if info.module == "executability")
INFRA = "infra"
_COMPARED_BY = ("observed_calls", "ast_match")
# Above this share of sandbox failures a run publishes no executability.
MAX_INFRA_ERROR_RATE = 0.01
# A line that goes on after a backslash, and blanks before a full stop.
_JOINED = re.compile(r"\s*\\\r?\n\s*(?=\.)")
# In a syntax tree, what binds a name: the fields of the name and of its value.
_ASSIGNED = {"assignment": ("left", "right"), "named_expression": ("name", "value")}
_CHAINED = ("call", "attribute")
NOTHING_TO_RUN = Verdict("failed", NOTHING, "other", "nothing was extracted")
# How an answer was extracted that ended every process that scored it.
SET_ASIDE = "set aside"
SET_ASIDE_VERDICT = Verdict("infra", NOTHING, None, "the answer could not be scored: see its messages")


def version() -> str:
    """The ladder, and the code that compares calls; the sandbox is described in the manifest's ``sandbox``."""
    return f"rungs 0 to 4, calls compared by {code_digest(*(f'harness/metrics/{name}.py' for name in _COMPARED_BY))}"


def program_of(call: str | None, program: str | None, functions: tuple[str, ...] = ()) -> Program | None:
    """The program to run for an extraction, or else the bare call as a program; None if there is neither.

    The API call to watch is the extracted one, by the name under which the program makes it: an answer may have
    ``torch.nn.LSTM(...)`` in a section and ``nn.LSTM(...)`` in its program. Of an object that the program makes by an
    API call (``classify = pipeline(...)``, then ``classify(text)``) it is that call: before it there is no such object.

    Args:
        call: the extracted call.
        program: the extracted program.
        functions: those whose calls are recorded.
    """
    source = program or call
    if not source:
        return None
    span = next(find_calls(_JOINED.sub("", call or "")), None)
    return Program(source, _as_written(span.callee, source, functions) if span else None, functions)


def _as_written(callee: str, source: str, functions: tuple[str, ...]) -> str:
    """The callee as the source writes it: itself, or the first call of what resolves to the same name.

    The name of a recorded function (``pipeline``) stands for that, also where the program gives it to an object.
    """
    skip = comments_and_strings(source)
    written = [span.callee for span in find_calls(source) if not is_within(span.start, skip)]
    names = imports(source)
    if callee in written:
        is_api = callee.partition(".")[0] in names or any(name.endswith(f".{callee}") for name in functions)
        return callee if is_api else _maker(callee, source, names) or callee
    target = resolve(callee, names)
    resolved = {name: resolve(name, names) for name in written}
    for name in written:
        if resolved[name] == target:
            return name
    for name in written:  # `pipeline` for `transformers.pipeline`, and the other way round
        if resolved[name].endswith(f".{target}") or target.endswith(f".{resolved[name]}"):
            return name
    cls, _, method = target.rpartition(".")
    for name in written:  # `pandas.DataFrame.head` for `frame.head` of `frame = pandas.DataFrame(data)`
        maker = _maker(name, source, names) if name.partition(".")[2] == method else None
        if maker and resolve(maker, names) == cls:
            return maker
    return callee


def _maker(callee: str, source: str, names: Mapping[str, str]) -> str | None:
    """The API call by which the program makes the object that it calls; None if no API call makes it."""
    head = callee.partition(".")[0]
    for node in walk(syntax_tree(source.encode("utf-8", "replace")).root_node):
        target, value = _ASSIGNED.get(node.type, ("", ""))
        left = node.child_by_field_name(target) if target else None
        if left is not None and text_of(left) == head:
            maker = _first_call(node.child_by_field_name(value))
            if maker.partition(".")[0] in names:
                return maker
    return None


def _first_call(node: "Node | None") -> str:
    """What is called first in a chain: ``AutoModel.from_pretrained`` of ``AutoModel.from_pretrained('a/b').eval()``."""
    called = ""
    while node is not None and node.type in _CHAINED:
        if node.type == "call":
            node = node.child_by_field_name("function")
            called = text_of(node) if node is not None else ""
        else:
            node = node.child_by_field_name("object")
    return called


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
    if observed and not observed.has_reference(item):  # tests say what is right, and no call is asked for
        outcome = f"{verdict.status}/{verdict.category}" if verdict.category else verdict.status
        return Scored({rate: float(verdict.status == "passed")}, {rate: outcome}, messages)
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
    run = [
        verdict
        for row in rows
        if isinstance(verdict := row.get("verdict"), dict) and (any_program(row) or is_set_aside(row))
    ]
    return sum(verdict.get("status") == INFRA for verdict in run), len(run)


def any_program(row: Mapping[str, Any]) -> bool:
    """Whether a row's extraction holds anything to run."""
    return bool(row["extraction"].get("program") or row["extraction"].get("call"))


def is_set_aside(row: Mapping[str, Any]) -> bool:
    """Whether a row stands for an answer that ended every process that scored it."""
    return bool(row["extraction"].get("how") == SET_ASIDE)


def withheld_names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The metrics that too many sandbox failures withhold: all executed ones, and the optional ones that rows have."""
    measured = {name for row in rows for name in row["metrics"]}
    return [name for name in NAMES_OF_ALL if is_executed(name) and (name not in OPTIONAL or name in measured)]


def is_withheld(failed: int, run: int) -> bool:
    """Whether so many sandbox failures among so many programs forbid publishing a number."""
    return run > 0 and failed / run > MAX_INFRA_ERROR_RATE
