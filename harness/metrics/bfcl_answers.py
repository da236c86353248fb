"""The calls of an answer, read as the Berkeley Function-Calling Leaderboard's package reads them.

:mod:`~.metrics.ast_bfcl` names the source. Python's own parser reads the text, as there.
"""

import ast
import operator
import warnings
from collections.abc import Callable
from typing import Any

# Numbers and texts may grow so large; arithmetic of literals would fill the memory otherwise.
_MOST_BITS = 100_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


def calls_of(answer: str) -> list[dict[str, dict[str, Any]]]:
    """The calls: of each its function and its keyword arguments.

    Raises:
        SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError: the answer is no list of calls.
    """
    text = answer.strip("`\n ")
    text = text if text.startswith("[") else f"[{text}"
    text = text if text.endswith("]") else f"{text}]"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(text, mode="eval").body
    if not isinstance(body, ast.List):
        raise ValueError(f"{type(body).__name__} is no list")  # noqa: TRY004 - the text is at fault
    return [_call(entry) for entry in body.elts]


def _call(node: ast.expr) -> dict[str, dict[str, Any]]:
    """Positional arguments are not looked at; of a method of a call's result the method's name counts."""
    if not isinstance(node, ast.Call):
        raise ValueError(f"{type(node).__name__} is no call")  # noqa: TRY004 - the text is at fault
    names: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        names.append(function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        names.append(function.id)
    arguments: dict[Any, Any] = {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    return {".".join(reversed(names)): arguments}


def _value(node: ast.expr | None) -> Any:
    """An argument's value: names are their own text, and calls too unless they have keyword arguments."""
    match node:
        case ast.Constant(value=value):
            return "..." if value is ... else value
        case ast.UnaryOp(operand=ast.Constant(value=value)):  # whatever the sign is
            negated: Any = value
            return -negated
        case ast.List(elts=entries):
            return [_value(entry) for entry in entries]
        case ast.Tuple(elts=entries):
            return tuple(_value(entry) for entry in entries)
        case ast.Dict(keys=keys, values=values):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True)}
        case ast.BinOp():
            return _arithmetic(node)
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=[]):
            return ast.unparse(node)
        case ast.Call():
            return _call(node)
        case ast.Subscript(value=value, slice=index):
            return f"{ast.unparse(value)}[{ast.unparse(index)}]"
    raise ValueError(f"{type(node).__name__} is no value")


def _arithmetic(node: ast.expr) -> Any:
    """Arithmetic of literals.

    Raises:
        ValueError: it has anything else in it, or its result would be too large.
    """
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=entries):
            return [_arithmetic(entry) for entry in entries]
        case ast.Tuple(elts=entries):
            return tuple(_arithmetic(entry) for entry in entries)
        case ast.Set(elts=entries):
            return {_arithmetic(entry) for entry in entries}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_arithmetic(key): _arithmetic(value) for key, value in pairs if key is not None}
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGNS[type(sign)](_arithmetic(operand))
        case ast.BinOp(left=left, op=between, right=right) if type(between) in _OPERATORS:
            first, second = _arithmetic(left), _arithmetic(right)
            if _size(between, first, second) > _MOST_BITS:
                raise ValueError("the result would be too large")
            return _OPERATORS[type(between)](first, second)
    raise ValueError(f"{type(node).__name__} in arithmetic is not evaluated")


def _size(between: ast.operator, first: Any, second: Any) -> int:
    """A bound of a result's bits or characters, where it can be larger than its operands together."""
    bits = [one.bit_length() if isinstance(one, int) else 1 for one in (first, second)]
    if isinstance(between, ast.Pow | ast.LShift):
        return max(bits[0], 1) * (abs(second) if isinstance(second, int) else 1)
    repeated = [len(one) for one in (first, second) if isinstance(one, str | bytes | list | tuple)]
    if isinstance(between, ast.Mult) and repeated:
        return repeated[0] * max((abs(one) for one in (first, second) if isinstance(one, int)), default=1)
    # A format such as '%1000000d' makes a text of any length.
    return _MOST_BITS + 1 if isinstance(between, ast.Mod) and isinstance(first, str | bytes) else 0
