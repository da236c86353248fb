"""What the catalogue says of an answer's call: which of its rows it names, and whether they accept its arguments."""

import ast
import inspect
from inspect import Parameter

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import imports
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.ast_match import Matcher, Target, same_function
from apigauge.harness.metrics.calls import Call, parse_call


class Catalogue:
    """A benchmark's catalogue, to look calls up in."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._matcher = Matcher(benchmark)
        self._conventions = benchmark.conventions
        self._rows: dict[tuple[Call, str], list[int]] = {}
        # Rows whose function is the API, whatever it is called with: those with a signature of their own.
        self._functions: dict[str, list[tuple[Target, int]]] = {}
        self._signatures = [_signature(api.signature) for api in benchmark.catalogue]
        for number, api in enumerate(benchmark.catalogue):
            # A row as the matcher itself reads it.
            if target := self._matcher.target(api.call, api.example.replace(";", "\n"), api.domain):
                self._rows.setdefault((target.call, target.domain), []).append(number)
                if self._signatures[number]:
                    last = target.call.function.rsplit(".", 1)[-1]
                    self._functions.setdefault(last, []).append((target, number))

    def named(self, found: Extraction) -> list[int]:
        """Places of the rows that an answer's call names, without a look at any reference."""
        call = self._call(found)
        if call is None:
            return []
        alike = self._functions.get(call.function.rsplit(".", 1)[-1], [])
        if by_function := [number for target, number in alike if same_function(call, target.call)]:
            return by_function
        _, _, rows = self._matcher.compare(None, "", found)
        return sorted({number for row in rows for number in self._rows[row.call, row.domain]})

    def refusal(self, found: Extraction, row: int) -> str:
        """Why a row's function would not accept the call; empty if it would, or nobody knows its parameters."""
        signature = self._signatures[row]
        call = self._call(found) if signature else None
        # What a star brings along only running will tell.
        if call is None or signature is None or any(name.startswith("*") for name, _ in call.keywords):
            return ""
        if conflict := call.conflict(None):
            return f"it {conflict}"
        try:
            signature.bind(*call.positional, **dict(call.keywords))
        except TypeError as error:
            return str(error)
        return ""

    def _call(self, found: Extraction) -> Call | None:
        return parse_call(found.call or "", self._conventions | imports(found.program or ""))


def _signature(text: str) -> inspect.Signature | None:
    """A catalogue's ``name(parameter, *, keyword=default)`` as Python binds it; None if it is none."""
    try:
        function = ast.parse(f"def f({text.partition('(')[2].rsplit(')', 1)[0]}): pass").body[0]
    except (SyntaxError, ValueError):
        return None
    if not text or not isinstance(function, ast.FunctionDef):
        return None
    given = function.args
    ordered = [*given.posonlyargs, *given.args]
    optional = {one.arg for one in ordered[len(ordered) - len(given.defaults) :]}
    optional |= {one.arg for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default}
    kinds = (
        (given.posonlyargs, Parameter.POSITIONAL_ONLY),
        (given.args, Parameter.POSITIONAL_OR_KEYWORD),
        ([given.vararg] if given.vararg else [], Parameter.VAR_POSITIONAL),
        (given.kwonlyargs, Parameter.KEYWORD_ONLY),
        ([given.kwarg] if given.kwarg else [], Parameter.VAR_KEYWORD),
    )
    return inspect.Signature(
        [
            Parameter(one.arg, kind, default=None if one.arg in optional else Parameter.empty)
            for parameters, kind in kinds
            for one in parameters
        ]
    )
