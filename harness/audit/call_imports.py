"""The imports that a call alone lacks: those that the benchmark's own programs use for the names in it."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import find_calls, imports


def origins_of(benchmark: Benchmark) -> dict[str, str]:
    """By name, where most of the benchmark's programs and examples import it from."""
    counts: dict[str, Counter[str]] = {}
    for text in _texts(benchmark):
        for name, origin in imports(text).items():
            counts.setdefault(name, Counter())[origin] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()} | benchmark.conventions


def imports_of(call: str, origins: Mapping[str, str]) -> str:
    """The import statements for the names in a call; empty if no program imports any of them."""
    names = {span.callee.split(".")[0] for span in find_calls(call)}
    names |= {node.id for node in nodes(call) if isinstance(node, ast.Name)}
    return "\n".join(_import(name, origins[name]) for name in sorted(names & origins.keys()))


def nodes(call: str) -> Iterable[ast.AST]:
    """The nodes of the call's syntax tree; empty if it is not Python."""
    try:
        return list(ast.walk(ast.parse(call)))
    except (SyntaxError, ValueError):
        return ()


def _texts(benchmark: Benchmark) -> Iterator[str]:
    for api in benchmark.catalogue:
        yield api.example
    for row in benchmark.rows:
        yield row.reference_program


def _import(name: str, origin: str) -> str:
    package, _, last = origin.rpartition(".")
    if package:
        return f"from {package} import {last} as {name}"
    return f"import {origin}" if origin == name else f"import {origin} as {name}"


def strings(call: str) -> tuple[str, ...]:
    """The literal strings of a call."""
    return tuple(node.value for node in nodes(call) if isinstance(node, ast.Constant) and isinstance(node.value, str))
