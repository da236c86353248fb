"""Which names of a program stand for one constant, whatever is called with them."""

import ast
import re
from typing import Any

from apigauge.harness.extraction import parses

Constant = str | int | float | complex | bool | bytes | tuple[Any, ...] | list[Any] | None

_NOT_CONSTANT = object()
_ASSIGNMENT = re.compile(
    r"""^(?:>>>)?[ \t]*(\w+)[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*
    ("[^"\\\n]*"|'[^'\\\n]*'|-?[0-9]+(?:\.[0-9]+)?|True|False|None)[ \t]*(?:\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)


def constants(program: str) -> dict[str, Constant]:
    """Names that every binding in the program gives one and the same constant.

    Assignments (annotated, chained, unpacked), defaults of parameters, joined strings and names of other constants are
    followed. A name that is also bound to something else anywhere stands for nothing. Where Python does not accept the
    program, plain assignments are read line by line.
    """
    if not parses(program):
        return _agreed([(name, _literal(text)) for name, text in _ASSIGNMENT.findall(program)])
    tree = ast.parse(program)
    known: dict[str, Constant] = {}
    for _ in range(3):  # a name of a name of a constant
        known = _agreed(_bindings(tree, known))
    return known


def constant_of(text: str, known: dict[str, Constant]) -> object:
    """The constant an expression stands for, given those of its names; see :func:`is_constant`."""
    if len(text) >= 1_000 or not parses(text):
        return _NOT_CONSTANT
    statement = ast.parse(text).body[0]
    return _fold(statement.value, known) if isinstance(statement, ast.Expr) else _NOT_CONSTANT


def is_constant(value: object) -> bool:
    """Whether :func:`constant_of` found one that can be written out again."""
    return value is not _NOT_CONSTANT


def _literal(source: "str | ast.expr") -> Any:
    try:
        value = ast.literal_eval(source)
        repr(value)  # an integer may be too long to be written out
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _NOT_CONSTANT
    return _NOT_CONSTANT if isinstance(value, (set, dict)) else value


def _agreed(bindings: list[tuple[str, Any]]) -> dict[str, Constant]:
    values: dict[str, list[Any]] = {}
    for name, value in bindings:
        values.setdefault(name, []).append(value)
    return {
        name: given[0]
        for name, given in values.items()
        if _NOT_CONSTANT not in given and all(type(v) is type(given[0]) and v == given[0] for v in given)
    }


def _bindings(tree: ast.Module, known: dict[str, Constant]) -> list[tuple[str, Any]]:
    valued: dict[ast.expr, Any] = {}
    found: list[tuple[str, Any]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _pair(target, node.value, known, valued)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            valued[node.target] = _fold(node.value, known)
        elif isinstance(node, ast.arguments):
            found += _parameters(node, known)
    stored = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return found + [(name.id, valued.get(name, _NOT_CONSTANT)) for name in stored]


def _pair(target: ast.expr, value: ast.expr, known: dict[str, Constant], valued: dict[ast.expr, Any]) -> None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for inner, part in zip(target.elts, value.elts, strict=True):
            _pair(inner, part, known, valued)
    else:
        valued[target] = _fold(value, known)


def _parameters(arguments: ast.arguments, known: dict[str, Constant]) -> list[tuple[str, Any]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    others = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    given = [(name.arg, _NOT_CONSTANT if default is None else _fold(default, known)) for name, default in pairs]
    return given + [(argument.arg, _NOT_CONSTANT) for argument in others]


def _fold(node: ast.expr, known: dict[str, Constant]) -> Any:
    if isinstance(node, ast.Name):
        return known.get(node.id, _NOT_CONSTANT)
    if isinstance(node, ast.JoinedStr):
        parts = [_fold(p.value if isinstance(p, ast.FormattedValue) else p, known) for p in node.values]
        return "".join(parts) if all(isinstance(part, str) for part in parts) else _NOT_CONSTANT
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _fold(node.left, known), _fold(node.right, known)
        return left + right if isinstance(left, str) and isinstance(right, str) else _NOT_CONSTANT
    return _literal(node)
