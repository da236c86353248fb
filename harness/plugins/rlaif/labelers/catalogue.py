"""Looks an answer's call up in the catalogue: which rows it names, and whether they accept its arguments."""

import ast
import inspect
from inspect import Parameter

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import imports
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.ast_match import Matcher
from apigauge.harness.metrics.calls import Call, parse_call
from apigauge.harness.metrics.same_call import Target, same_function


class Catalogue:
    """A benchmark's catalogue, indexed by call."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._matcher = Matcher(benchmark)
        self._conventions = benchmark.conventions
        self._rows: dict[tuple[Call, str], list[int]] = {}
        # Rows for which the function alone is the API, whatever its arguments: those with a signature.
        self._functions: dict[str, list[tuple[Target, int]]] = {}
        self._signatures = [_signature(api.signature) for api in benchmark.catalogue]
        for number, api in enumerate(benchmark.catalogue):
            # Parsed as the matcher parses it.
            if target := self._matcher.target(api.call, api.example.replace(";", "\n"), api.domain):
                self._rows.setdefault((target.call, target.domain), []).append(number)
                if self._signatures[number]:
                    last = target.call.function.rsplit(".", 1)[-1]
                    self._functions.setdefault(last, []).append((target, number))

    def rows_of(self, extraction: Extraction) -> list[int]:
        """Positions of the rows that an answer's call names; the reference is not used."""
        call = self._call(extraction)
        if call is None:
            return []
        candidates = self._functions.get(call.function.rsplit(".", 1)[-1], [])
        if by_function := [number for target, number in candidates if same_function(call, target.call)]:
            return by_function
        _, _, rows = self._matcher.compare(None, "", extraction)
        return sorted({number for row in rows for number in self._rows[row.call, row.domain]})

    def refusal(self, extraction: Extraction, row: int) -> str:
        """Why a row's function would reject the call; empty if it accepts it or its signature is unknown."""
        signature = self._signatures[row]
        call = self._call(extraction) if signature else None
        # Arguments behind a star are known only when the program runs.
        if call is None or signature is None or call.is_open:
            return ""
        if conflict := call.conflict(None):
            return f"it {conflict}"
        try:
            signature.bind(*call.positional, **dict(call.keywords))
        except TypeError as error:
            return str(error)
        return ""

    def _call(self, extraction: Extraction) -> Call | None:
        return parse_call(extraction.call or "", self._conventions | imports(extraction.program or ""))


def _signature(text: str) -> inspect.Signature | None:
    """A catalogue's ``name(parameter, *, keyword=default)`` as Python binds it; None if the text is no signature."""
    try:
        function = ast.parse(f"def f({text.partition('(')[2].rsplit(')', 1)[0]}): pass").body[0]
    except (SyntaxError, ValueError):
        return None
    if not text or not isinstance(function, ast.FunctionDef):
        return None
    arguments = function.args
    ordered = [*arguments.posonlyargs, *arguments.args]
    optional = {one.arg for one in ordered[len(ordered) - len(arguments.defaults) :]}
    optional |= {one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default}
    kinds = (
        (arguments.posonlyargs, Parameter.POSITIONAL_ONLY),
        (arguments.args, Parameter.POSITIONAL_OR_KEYWORD),
        ([arguments.vararg] if arguments.vararg else [], Parameter.VAR_POSITIONAL),
        (arguments.kwonlyargs, Parameter.KEYWORD_ONLY),
        ([arguments.kwarg] if arguments.kwarg else [], Parameter.VAR_KEYWORD),
    )
    return inspect.Signature(
        [
            Parameter(one.arg, kind, default=None if one.arg in optional else Parameter.empty)
            for parameters, kind in kinds
            for one in parameters
        ]
    )
