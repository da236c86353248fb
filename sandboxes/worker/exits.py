"""A program that leaves by its very last statement has run to its end, if it reports no error.

Any other exit ends the program before its last statement, and so does this one if it signals a failure. Whether what
the last statement calls is an exit, whatever its name, is decided when it is called.
"""

import ast
import builtins
import functools
import re
import sys
import types
from typing import Any

from apigauge.sandboxes.worker import hidden

_MARK = "\0apigauge exit"
_MENTIONED = re.compile(r"\b(?:exit|quit|SystemExit)\b")
# ``mark(F)`` is F, or what checks the status instead if F is an exit.
_CHOICE = """
def chosen(function):
    if "IS"(function):
        return "CHECK"
    return function
"""


def replace_last(tree: ast.Module, source: str) -> bool:
    """Marks the calls at the very end of a program that may be exits; returns whether there are any."""
    return bool(_MENTIONED.search(source)) and _mark(tree.body)


def _mark(body: list[ast.stmt]) -> bool:
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        marked = [_mark(part) for part in (last.body, last.orelse)]
        return any(marked)
    if isinstance(last, ast.With | ast.AsyncWith):
        return False
    if isinstance(last, ast.Raise) and last.cause is None and last.exc:
        return _mark_raise(body, last)
    call = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
        return False
    function = ast.copy_location(ast.Constant(_MARK), call.func)
    call.func = ast.copy_location(ast.Call(function, [call.func], []), call.func)
    return True


def _mark_raise(body: list[ast.stmt], last: ast.Raise) -> bool:
    """``raise SystemExit(x)`` becomes ``mark(SystemExit)(x)``, where that is no name of the program's own."""
    raised = last.exc
    if isinstance(raised, ast.Name):
        raised = ast.Call(raised, [], [])
    if not isinstance(raised, ast.Call) or not isinstance(raised.func, ast.Name) or raised.func.id != "SystemExit":
        return False
    # Another class of this name is raised as it is.
    function = ast.copy_location(ast.Constant(f"{_MARK} raised"), last)
    call = ast.Call(ast.Call(function, [raised.func], []), raised.args, raised.keywords)
    body[-1] = ast.fix_missing_locations(ast.copy_location(ast.Expr(ast.copy_location(call, last)), last))
    return True


def with_checks(code: types.CodeType) -> types.CodeType:
    """The code with functions in the place of the marks."""
    is_exit = functools.partial(_is_one_of, (sys.exit, *_of_the_site(), SystemExit))
    constants = {"IS": is_exit, "CHECK": functools.partial(_check)}
    chosen = types.FunctionType(hidden.constant_code(_CHOICE, constants), {})
    marks = {_MARK: chosen, f"{_MARK} raised": functools.partial(_raised, is_exit)}
    return code.replace(
        co_consts=tuple(marks.get(value, value) if isinstance(value, str) else value for value in code.co_consts)
    )


def _of_the_site() -> tuple[Any, ...]:
    """``exit`` and ``quit``, which the site module adds."""
    return tuple(getattr(builtins, name) for name in ("exit", "quit") if hasattr(builtins, name))


def _is_one_of(exits: tuple[Any, ...], function: object) -> bool:
    return any(function is one for one in exits)


def _raised(is_exit: Any, function: Any) -> Any:
    return _check if is_exit(function) else functools.partial(_raise, function)


def _raise(function: Any, *arguments: Any, **keywords: Any) -> None:
    raise function(*arguments, **keywords)


def _check(*status: Any) -> None:
    """Returns if this status reports no error; else exits with it."""
    value = status[0] if len(status) == 1 else status or None
    if value is not None and not (isinstance(value, int) and value == 0):
        raise SystemExit(*status)
