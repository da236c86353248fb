"""The program's own calls of what no function can replace: classes written in C, objects that can be called."""

import ast
import types
from collections.abc import Sequence
from typing import cast

from apigauge.sandboxes.worker.observer import Watched

_MARK = "\0apigauge call site"


def at_call_sites(tree: ast.Module, callee: str, watched: Sequence[Watched]) -> bool:
    """Puts a mark around the program's own calls of what only call sites can observe, for :func:`with_sites`.

    ``F(x)`` becomes ``mark(F, x)``. Returns whether there are any.
    """
    marks: dict[str, str] = {}
    for number, one in enumerate(watched):
        if one.site and one.function:
            marks |= dict.fromkeys(_aliases(tree, one.function.rpartition(".")[2]), f"{_MARK} {number}")
    at_callee = f"{_MARK} 0" if watched and watched[0].stops and watched[0].site else ""
    is_marked = False
    for node in list(ast.walk(tree)):
        if not isinstance(node, ast.Call):
            continue
        mark = marks.get(_last_name(node.func), "")
        if at_callee and _last_name(node.func) == callee.rpartition(".")[2] and ast.unparse(node.func) == callee:
            mark = at_callee
        if mark:
            node.args.insert(0, node.func)
            node.func = ast.copy_location(ast.Constant(mark), node.func)
            is_marked = True
    return is_marked


def with_sites(code: types.CodeType, watched: Sequence[Watched]) -> types.CodeType:
    """The code with the observing functions in the place of the marks."""
    sites = {f"{_MARK} {number}": one.site for number, one in enumerate(watched) if one.site}

    def filled(value: object) -> object:
        if isinstance(value, types.CodeType):
            return value.replace(co_consts=tuple(map(filled, value.co_consts)))
        return sites.get(value, value) if isinstance(value, str) else value

    return cast("types.CodeType", filled(code))


def _aliases(tree: ast.AST, name: str) -> set[str]:
    """Names that a program may call a function by: imported, assigned, parameters that have it as their default."""
    bound: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.asname:
            bound.setdefault(node.name.rpartition(".")[2], set()).add(node.asname)
        elif isinstance(node, ast.Assign):
            bound.setdefault(_last_name(node.value), set()).update(map(_last_name, node.targets))
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            bound.setdefault(_last_name(node.value), set()).add(_last_name(node.target))
        elif isinstance(node, ast.arguments):
            parameters = [*node.posonlyargs, *node.args][::-1]
            pairs = [
                *zip(parameters, node.defaults[::-1], strict=False),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            for parameter, default in pairs:
                bound.setdefault(_last_name(default), set()).add(parameter.arg)
    aliases, new = {name}, {name}
    while new:
        new = {alias for old in new for alias in bound.get(old, ())} - aliases
        aliases |= new
    return aliases - {""}


def _last_name(node: ast.AST | None) -> str:
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))
