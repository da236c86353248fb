"""``example.imports`` and ``example.lines``: what a program imports, and how long it is."""

import ast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.types import Metric, Scored

MOST_LINES = 20


def make(_benchmark: Benchmark) -> Metric:
    """The metrics; they do not depend on the benchmark."""

    def metric(item: Item, extraction: Extraction) -> Scored:
        program = extraction.program or ""
        wanted, used = packages(item.reference_program), packages(program)
        lines = float(min(count_lines(program), MOST_LINES))
        if used == wanted:
            return Scored({"example.imports": 1.0, "example.lines": lines}, {"example.imports": "equal"})
        label = "missing" if wanted - used else "more"
        message = (
            f"imports {', '.join(sorted(used)) or 'nothing'}, the reference {', '.join(sorted(wanted)) or 'nothing'}"
        )
        return Scored(
            {"example.imports": 0.0, "example.lines": lines},
            {"example.imports": label},
            {"example.imports": message},
        )

    return metric


def version() -> str:
    """What the numbers depend on besides this package, whose code is digested anyway."""
    return "Python's own parser"


def packages(program: str) -> frozenset[str]:
    """The names at the top of what a program imports; empty if it does not parse."""
    try:
        nodes = list(ast.walk(ast.parse(program)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return frozenset(name.partition(".")[0] for name in names)


def count_lines(program: str) -> int:
    """Lines that are neither empty nor comments."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in program.splitlines())
