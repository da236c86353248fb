"""Training rows for a benchmark whose training file is not here: the catalogue's rows that no question asks for.

A row's description is the request, and its example the answer. Many examples of APIBench's catalogue are no Python
(they lost their quotes) or make another call; then the program is the row's call behind the import that the example has
for it. Rows that are, by their call or by their name, the reference of any evaluation row are left out.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from apigauge.benchmarks.types import Api, Benchmark, Item, api_key
from apigauge.errors import UsageError

TRAINING_ROWS = ("file", "catalogue", "either")
FROM_FILE, FROM_CATALOGUE, FROM_EITHER = TRAINING_ROWS
# Of the ids; rows of training files are numbered.
_PREFIX = "row-"
_NOTHING = re.compile(r"\s*(?:N/?A|None|-)?\s*", re.IGNORECASE)


def with_training_rows(benchmark: Benchmark, source: str) -> Benchmark:
    """The benchmark with the rows that are trained on.

    Args:
        benchmark: as it was loaded, with the rows of its training file if that is here.
        source: ``file``; ``catalogue``, see :func:`catalogue_items`; or ``either``, the file if it is here.

    Raises:
        UsageError: the catalogue has no such rows.
    """
    if source == FROM_FILE or (source == FROM_EITHER and benchmark.train):
        return benchmark
    items = catalogue_items(benchmark)
    if not items:
        raise UsageError(f"{benchmark.name}: its catalogue has no row with a program that no question asks for")
    return replace(benchmark, train=items)


def catalogue_items(benchmark: Benchmark) -> tuple[Item, ...]:
    """The rows of the catalogue that no evaluation row asks for, as training items; their ids begin with ``row-``."""
    references = (*benchmark.items, *benchmark.rows)
    calls = {item.api for item in references}
    names = {name for item in references if (name := _name_of(item))}
    items = []
    for number, api in enumerate(benchmark.catalogue):
        key = api_key(api.call)
        if key in calls or api.name in names or _NOTHING.fullmatch(api.description):
            continue
        calls.add(key)  # the catalogue has some rows twice
        if program := _program(api):
            items.append(
                Item(f"{_PREFIX}{number}", api.description, api.call, program, api.domain, key, document=api.document)
            )
    return tuple(items)


def rows_from(benchmark: Benchmark) -> str:
    """Where a benchmark's training rows are from: ``catalogue`` or ``training file``."""
    return "catalogue" if any(item.id.startswith(_PREFIX) for item in benchmark.train) else "training file"


def _name_of(item: Item) -> str:
    try:
        return str(json.loads(item.document or "{}").get("api_name") or "")
    except (ValueError, AttributeError):
        return ""


def _program(api: Api) -> str:
    """The row's example, or its call behind the example's imports; empty if neither is Python that makes the call."""
    call = _call(api.call)
    if call is None:
        return ""
    example = api.example.replace("\r\n", "\n")
    tree = _parsed(example)
    if tree is not None and ast.unparse(call.func) in {
        ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)
    }:
        return example.strip()
    root = ast.unparse(call.func).partition(".")[0]
    imports = _imports(example, root) or ([f"from transformers import {root}"] if api.library == "transformers" else [])
    return "\n".join([*imports, f"model = {ast.unparse(call)}"]) if imports else ""


def _call(text: str) -> ast.Call | None:
    tree = _parsed(text.strip())
    statement = tree.body[0] if tree and len(tree.body) == 1 else None
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    return value if isinstance(value, ast.Call) else None


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(example: str, name: str) -> list[str]:
    """The import of a name in an example, which as a whole need not be Python."""
    return [
        ast.unparse(statement) for statement in _import_statements(example.splitlines()) if _binds(statement, name)
    ][:1]


def _import_statements(lines: Sequence[str]) -> Iterator[ast.Import | ast.ImportFrom]:
    for line in lines:
        if line.strip().startswith(("import ", "from ")) and (tree := _parsed(line.strip())):
            yield from (one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom))


def _binds(statement: ast.Import | ast.ImportFrom, name: str) -> bool:
    return any((alias.asname or alias.name.partition(".")[0]) == name for alias in statement.names)
