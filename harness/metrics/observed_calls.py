"""``exec.exact``: whether a call that the sandbox saw the program make is the reference's call.

The calls in a verdict are compared as ``ast.exact`` compares the call in a text. What a program passes is a value here
and not an expression, so aliases, constants, conditions and dead branches cannot mislead it.
"""

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.metrics.ast_match import Matcher
from apigauge.harness.metrics.calls import parse_call
from apigauge.harness.metrics.same_call import Target
from apigauge.sandboxes.verdict import ObservedCall, Verdict


class ObservedCalls:
    """Judges the calls of a benchmark's answers.

    Args:
        benchmark: its references are compared with, whether of items that are asked or of further rows.

    Attributes:
        functions: dotted names of the functions whose calls decide: those of the catalogue and of the references.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._matcher = Matcher(benchmark)
        self._references: dict[str, Target | None] = {
            item.id: self._matcher.target(item.reference_call, item.reference_program, item.domain)
            for item in (*benchmark.rows, *benchmark.items)
        }
        of_references = {target.call.function for target in self._references.values() if target}
        self.functions = tuple(sorted(self._matcher.functions | of_references))

    def judge(self, item: str, verdict: Verdict) -> tuple[bool, str]:
        """Whether one of the calls is the reference's, and if not, how the last one differs.

        Args:
            item: id of the question.
            verdict: of the program that answers it.
        """
        reference = self._references[item]
        if reference is None:
            return False, "the reference is no call"
        difference = "made no call of a function of the catalogue"
        for observed in verdict.calls:
            call = parse_call(source_of(observed), {})
            if call is None:
                continue
            difference = self._matcher.difference(call, reference)
            if not difference:
                return True, ""
        return False, difference


def source_of(call: ObservedCall) -> str:
    """The call as a program would write it."""
    named = [f"{name}={value}" for name, value in call.keywords.items() if name.isidentifier()]
    others = [f"**{{{name!r}: {value}}}" for name, value in call.keywords.items() if not name.isidentifier()]
    return f"{call.function}({', '.join((*call.positional, *named, *others))})"
