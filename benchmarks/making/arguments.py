"""The arguments of an example's call: what becomes the question's data, and what stays part of the answer."""

import ast
import builtins
from collections.abc import Collection
from dataclasses import dataclass

from apigauge.benchmarks.making.callables import PublicCallable

_BUILTINS = frozenset(vars(builtins))
_MAX_TUPLE = 6
_MAX_LITERAL = 60


@dataclass(frozen=True, slots=True)
class Arguments:
    """A call's arguments.

    Attributes:
        text: as the reference writes them.
        given: statements that give the data names.
        values: what the question says of the arguments that are no data, such as ``axis=0``.
    """

    text: str
    given: tuple[str, ...]
    values: tuple[str, ...]


def arranged(call: ast.Call, api: PublicCallable, taken: Collection[str]) -> Arguments | str:
    """A call's arguments, or why they cannot be part of a question.

    A name stays: it is the user's data. A number, a text, a flag or a short tuple of them stays too, and the question
    says it. What is written out otherwise (an array, a list by position, a function) becomes data with a name.

    Args:
        call: of the example.
        api: what is called.
        taken: names that mean something in the example.
    """
    positional = api.positional
    texts, given, values = [], [], []
    used = set(taken)
    nameless = False
    for index, node in enumerate(call.args):
        name = positional[index] if index < len(positional) else ""
        if isinstance(node, ast.Starred):
            return "its arguments are unpacked"
        if isinstance(node, ast.Name) or _is_value(node, is_named=False):
            texts.append(ast.unparse(node))
            # ``can_cast(complex, float)``: names that the data does not have are said as values are.
            if not isinstance(node, ast.Name) or node.id in _BUILTINS:
                nameless = nameless or not name or name in api.positional_only
                values.append(f"{name}={texts[-1]}")
            continue
        texts.append(_fresh(name or f"value{index + 1}", used))
        given.append(f"{texts[-1]} = {ast.unparse(node)}")
    if nameless:  # of arguments that have no name the place says which is which
        values = [", ".join(texts)]
    for keyword in call.keywords:
        if keyword.arg is None:
            return "its arguments are unpacked"
        if isinstance(keyword.value, ast.Name) or _is_value(keyword.value, is_named=True):
            texts.append(f"{keyword.arg}={ast.unparse(keyword.value)}")
            values.append(texts[-1])
            continue
        data = _fresh(keyword.arg, used)
        texts.append(f"{keyword.arg}={data}")
        values.append(texts[-1])
        given.append(f"{data} = {ast.unparse(keyword.value)}")
    return Arguments(", ".join(texts), tuple(given), tuple(values))


def _is_value(node: ast.expr, *, is_named: bool) -> bool:
    """Whether an argument is a literal that a question can state."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    if len(ast.unparse(node)) > _MAX_LITERAL:
        return False
    if isinstance(value, list | dict | set) and not is_named:
        return False
    if isinstance(value, tuple | list | set):
        return len(value) <= _MAX_TUPLE and all(not isinstance(one, tuple | list | set | dict) for one in value)
    return not isinstance(value, dict) or len(value) <= _MAX_TUPLE


def _fresh(name: str, used: set[str]) -> str:
    """A name that nothing in the example has."""
    result, number = name, 1
    while result in used or not result.isidentifier():
        number += 1
        result = f"{name}{number}" if name.isidentifier() else f"value{number}"
    used.add(result)
    return result
