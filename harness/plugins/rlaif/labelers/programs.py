"""Problems of a program that static analysis finds, by question."""

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from apigauge.harness.extraction.call_scan import comments_and_strings, imports, resolve
from apigauge.harness.extraction.syntax import MAX_PROGRAM

_UNDEFINED = frozenset({"UndefinedExport", "UndefinedLocal", "UndefinedName"})
_UNUSED = frozenset({"UnusedImport", "UnusedVariable"})
# Messages of pyflakes about style, not errors.
_STYLE = frozenset(
    {
        "FStringMissingPlaceholders",
        "ImportShadowedByLoopVar",
        "ImportStarUsage",
        "ImportStarUsed",
        "RedefinedWhileUnused",
        "UnusedAnnotation",
        "UnusedIndirectAssignment",
    }
)
_EXITS = frozenset({"exit", "os._exit", "quit", "sys.exit"})
_TO_DO = ("todo", "fixme", "xxx", "your code here")
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
# An expression statement of any other kind has no effect.
_EFFECTS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.ListComp, ast.Constant)


@dataclass(frozen=True, slots=True)
class World:
    """The functions and packages that a benchmark's programs may use.

    Attributes:
        functions: dotted names of the catalogue's functions, as
            :func:`~apigauge.harness.extraction.call_scan.functions_of` has them.
        silent: those whose result the examples ignore.
        packages: top-level packages that exist.
    """

    functions: frozenset[str]
    silent: frozenset[str]
    packages: frozenset[str]


def world(functions: frozenset[str], examples: list[str], libraries: list[str]) -> World:
    """Derives the world from a catalogue and its examples.

    Args:
        functions: of the catalogue.
        examples: its programs.
        libraries: packages besides the standard library and those that the examples import.
    """
    parsed = [(_tree(example), imports(example)) for example in examples if _parses(example)]
    silent = {name for tree, names in parsed for call in _called_for_effect(tree) for name in _names(call, names)}
    packages = {target.split(".")[0] for example in examples for target in imports(example).values()}
    packages |= {library.replace("-", "_") for library in libraries if library}
    # PyTorch's name for a function that changes its argument in place ends with an underscore.
    silent |= {function for function in functions if function.endswith("_")}
    return World(functions, functions & silent, sys.stdlib_module_names | packages)


def complaints(source: str, world: World) -> dict[str, str]:
    """Question -> first problem; a program that does not parse has one for every question.

    Raises:
        RecursionError: the program is nested too deeply.
    """
    if not _parses(source):
        return dict.fromkeys(("imports", "parses", "complete", "names", "bugs", "logic"), "it does not parse")
    tree = _tree(source)
    messages = _flakes(tree)
    undefined = {str(args[0]): text for kind, args, text in messages if kind in _UNDEFINED}
    first = {
        "imports": [*_not_imported(tree, frozenset(undefined)), *_unknown_packages(tree, world.packages)],
        "complete": _left_out(tree, source),
        "names": iter(undefined.values()),
        "bugs": [
            *(text for kind, _, text in messages if kind not in _STYLE | _UNUSED),
            *("it raises an error" for statement in tree.body if isinstance(statement, ast.Raise)),
        ],
        "logic": [*_pointless(tree, imports(source), world), *(text for kind, _, text in messages if kind in _UNUSED)],
    }
    return {name: text for name, texts in first.items() if (text := next(iter(texts), ""))}


def calls_the_catalogue(source: str, world: World) -> bool:
    """Whether a program that parses calls any function of the catalogue."""
    names = imports(source)
    calls = (node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call))
    return any(world.functions & _names(call, names) for call in calls)


def _parses(source: str) -> bool:
    """Whether the running Python, whose parser the analysis uses, accepts it."""
    try:
        return len(source) <= MAX_PROGRAM and bool(source.strip()) and _tree(source) is not None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _tree(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid escape sequences
        return ast.parse(source)


def _flakes(tree: ast.Module) -> list[tuple[str, tuple[object, ...], str]]:
    from pyflakes.checker import Checker

    messages = sorted(Checker(tree).messages, key=lambda message: (message.lineno, message.col))
    return [(type(one).__name__, one.message_args, one.message % one.message_args) for one in messages]


def _not_imported(tree: ast.Module, undefined: frozenset[str]) -> Iterator[str]:
    """Undefined names that are called or have attributes used: probably modules and functions."""
    for node in ast.walk(tree):
        used = node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Attribute) else None
        if isinstance(used, ast.Name) and used.id in undefined:
            yield f"{used.id} is not imported"


def _unknown_packages(tree: ast.Module, packages: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        yield from (f"no package {name} is known" for name in modules if name.split(".")[0] not in packages)


def _left_out(tree: ast.Module, source: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis:
            yield "dots stand for what is missing"
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Pass):
            yield f"{node.name} has no body"
        if isinstance(node, ast.Raise) and node.exc and "NotImplementedError" in ast.unparse(node.exc):
            yield "something is not implemented"
    texts = (source[span.start : span.stop] for span in comments_and_strings(source))
    yield from (text for text in texts if text[0] == "#" and any(one in text.casefold() for one in _TO_DO))


def _pointless(tree: ast.Module, names: dict[str, str], world: World) -> Iterator[str]:
    for block in _blocks(tree):
        for statement, following in zip(block, [*block[1:], None], strict=True):
            if following and (isinstance(statement, _LEAVES) or _exits(statement, names)):
                yield f"line {following.lineno} is never reached"
            if isinstance(statement, ast.Expr) and not isinstance(statement.value, _EFFECTS):
                yield f"line {statement.lineno} does nothing"
    for call in _called_for_effect(tree):
        if (called := _names(call, names) & world.functions) and not called & world.silent:
            yield f"what line {call.lineno} returns is dropped"
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name not in read:
            yield f"{statement.name} is never used"


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list) and block:
                yield block


def _exits(statement: ast.stmt, names: dict[str, str]) -> bool:
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and bool(_names(called, names) & _EXITS)


def _called_for_effect(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that are statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node.value


def _names(call: ast.Call, imported: dict[str, str]) -> set[str]:
    """The dotted name that is called, as written and as imported; empty if the callee is no dotted name."""
    parts, node = [], call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return set()
    written = ".".join([node.id, *reversed(parts)])
    return {written, resolve(written, imported)}
