"""``exec.exact``: whether a call that the sandbox saw the program make is the reference's call.

The calls in a verdict are compared as ``ast.exact`` compares the call in a text. What a program passes is a value here
and not an expression, so aliases, constants, conditions and dead branches cannot mislead it.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import imports
from apigauge.harness.metrics.accepted_values import first_missing
from apigauge.harness.metrics.ast_match import Matcher
from apigauge.harness.metrics.calls import Call, parse_call, signature_of
from apigauge.harness.metrics.same_call import Target, same_function
from apigauge.harness.metrics.signatures import NOT_IDENTIFYING
from apigauge.harness.metrics.values import Value
from apigauge.sandboxes.verdict import ObservedCall, Verdict

# By argument of a reference, the calls that it consists of: ``model=AutoModel.from_pretrained('a/b')``.
Inner = dict[str, tuple[Call, ...]]


class ObservedCalls:
    """Judges the calls of a benchmark's answers.

    Args:
        benchmark: its references are compared with, whether of items that are asked or of further rows.

    Attributes:
        functions: dotted names of the functions whose calls decide: those of the catalogue, of the references, and of
            the references' arguments.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._matcher = Matcher(benchmark)
        self._references: dict[str, list[tuple[Target, Inner]]] = {}
        # Of items that want several calls, what each of them may be.
        self._expected: dict[str, list[list[tuple[Target, Inner]]]] = {}
        self._any_order = {item.id for item in benchmark.items if item.any_order}
        self._without = {item.id for item in (*benchmark.rows, *benchmark.items) if not item.reference_call}
        functions = set(self._matcher.functions)
        for item in (*benchmark.rows, *benchmark.items):
            names = benchmark.conventions | imports(item.reference_program)
            self._references[item.id] = _with_inner(self._matcher.targets(item), names)
            expected = [_with_inner(one, names) for one in self._matcher.expected(item)] if item.calls else []
            if expected:
                self._expected[item.id] = expected
            for target, inner in itertools.chain(self._references[item.id], *expected):
                functions |= {target.call.function, *(call.function for calls in inner.values() for call in calls)}
        self.functions = tuple(sorted(functions))

    def has_reference(self, item: str) -> bool:
        """Whether an item says which call is right; some have tests alone."""
        return item not in self._without

    def judge(self, item: str, verdict: Verdict) -> tuple[bool, str]:
        """Whether one of the calls is right, and if not, how the last one differs from the reference.

        Args:
            item: id of the question.
            verdict: of the program that answers it.
        """
        if not self._references[item]:
            return False, "the reference is no call"
        calls = [call for observed in verdict.calls if (call := parse_call(source_of(observed), {}))]
        if item in self._expected:
            return self._all_made(item, calls)
        differences = [self._difference(target, inner, calls) for target, inner in self._references[item]]
        return not all(differences), "" if not all(differences) else differences[0]

    def _all_made(self, item: str, calls: Sequence[Call]) -> tuple[bool, str]:
        """Whether each expected call was made, and if not, which was not."""
        expected = self._expected[item]

        def is_right(number: int, call: Call) -> bool:
            return any(not self._difference(target, inner, [call], calls) for target, inner in expected[number])

        missing = first_missing(len(expected), calls, is_right, any_order=item in self._any_order)
        if missing is None:
            return True, ""
        function = expected[missing][0][0].call.function if expected[missing] else "its function"
        return False, f"call {missing + 1} of {len(expected)}, of {function}, was not made as it should be"

    def _difference(self, target: Target, inner: Inner, calls: Sequence[Call], made: Sequence[Call] = ()) -> str:
        """How the last of these calls differs from a right one; empty if one of them is it.

        Args:
            target: the right one.
            inner: the calls in its arguments.
            calls: to compare.
            made: all that the program made, if these are not all.
        """
        computed = {name: all(_is_made(part, made or calls) for part in parts) for name, parts in inner.items()}
        difference = "made no call of a function of the catalogue"
        for call in calls:
            difference = self._matcher.difference(call, target, computed)
            if not difference:
                break
        return difference


def _with_inner(targets: Sequence[Target | None], names: Mapping[str, str]) -> list[tuple[Target, Inner]]:
    return [(target, inner_calls(target, names)) for target in targets if target]


def inner_calls(reference: Target, names: Mapping[str, str]) -> Inner:
    """The calls of imported functions of which a reference's arguments consist.

    Args:
        reference: the call to compare with.
        names: what its program imports.
    """
    inner: Inner = {}
    for argument, value in reference.bound.items():
        if value.kind == "expression" and (calls := tuple(_calls_in(value.text, names))):
            inner[argument] = calls
    return inner


def _calls_in(expression: str, names: Mapping[str, str]) -> Iterator[Call]:
    call = parse_call(expression, names)
    if call is not None and call.written.partition(".")[0] in names:
        yield call
        for _, value in (*enumerate(call.positional), *call.keywords):
            if value.kind == "expression":
                yield from _calls_in(value.text, names)


def _is_made(part: Call, calls: Sequence[Call]) -> bool:
    """Whether a program made a call with the constants that are written in it."""
    signature = signature_of(part.function)
    want = {
        name: value.text
        for name, value in part.bind(signature).items()
        if value.kind in ("string", "constant") and name not in NOT_IDENTIFYING
    }
    return any(_has(call.bind(signature), want) for call in calls if same_function(call, part))


def _has(bound: Mapping[str, Value], want: Mapping[str, str]) -> bool:
    """Whether a call passes what it should, by name or, where one side has no name for it, in any place."""
    passed = {name: _squeezed(value.text) for name, value in bound.items()}
    return all(
        passed[name] == text
        if name in passed
        else any(text == other for at, other in passed.items() if at.startswith("#") != name.startswith("#"))
        for name, text in want.items()
    )


def _squeezed(text: str) -> str:
    """As the texts of expressions are: without white space."""
    return "".join(text.split())


def source_of(call: ObservedCall) -> str:
    """The call as a program would write it."""
    named = [f"{name}={value}" for name, value in call.keywords.items() if name.isidentifier()]
    others = [f"**{{{name!r}: {value}}}" for name, value in call.keywords.items() if not name.isidentifier()]
    return f"{call.function}({', '.join((*call.positional, *named, *others))})"
