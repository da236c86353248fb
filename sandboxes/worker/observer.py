"""Wraps the program's API call, so that the call and its return are observed, not guessed.

Before the program runs, the callee it names is resolved to the real function object through the program's own imports,
and a wrapper is put where the program will look it up. The wrapper calls the original and, when that has returned and
the caller was the program's own code, stops the process for a moment; the supervisor then checks from outside
(``watch.Frames``) whether the running frame is the wrapper's, past its call. The wrapper's code contains no names: all
that it uses, including the original, are constants of an immutable code object, so no function can be substituted.

A call by a library does not count: the wrapper's caller must be the program. Neither does a call in another process
that the program starts, nor a call of a function whose code the program has replaced.
"""

import ast
import builtins
import contextlib
import ctypes
import dis
import functools
import importlib
import inspect
import os
import signal
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, cast

# For each name all that it may have been imported from: a module, and an attribute of it or None.
Names = dict[str, list[tuple[str, str | None]]]

# Called strings: the compiler makes constants of them, and ``constant_code`` replaces these by objects.
_WRAPPER = """
def observed({parameters}):
    genuine = "GET"("ORIGINAL", "__code__", None) is "CODE"
    result = "ORIGINAL"({parameters})
    if genuine and "COUNT"("SEEN") == 0 and "OWN" == "PID"() and {caller}:
        "SEEN".append(1)
        "STOP"("SIGNAL")
    return result
"""
_CALLER = '"FRAME"(1).f_globals is "NAMESPACE"'
_FUNCTION = _WRAPPER.format(parameters="*args, **kwargs", caller=_CALLER)
_METHOD = _WRAPPER.format(parameters="self, *args, **kwargs", caller=f'"TYPE"(self) is "CLASS" and {_CALLER}')
# For the program's own calls of a class written in C, or of another object that no function can replace.
_SITE = """
def observed(function, /, *args, **kwargs):
    result = function(*args, **kwargs)
    if "TYPE"(function) is "KIND" and function == "ORIGINAL" and "COUNT"("SEEN") == 0 and "OWN" == "PID"():
        "SEEN".append(1)
        "STOP"("SIGNAL")
    return result
"""
# Refuses to change the code of the original, or of apigauge. An audit hook can be added and never removed.
_GUARD = """
def guard(event, arguments):
    if event == "object.__setattr__" and arguments[1] == "__code__":
        if arguments[0] is "ORIGINAL":
            raise "REFUSED"
        if "GET"("GET"(arguments[0], "__code__", None), "co_filename", None) == "<apigauge>":
            raise "REFUSED"
"""
_SITE_MARK = "\0apigauge call site"


class Watched(NamedTuple):
    """What observes the call: the wrapper's code, its stopping instructions, and a function for call sites, if any."""

    code: types.CodeType
    stops: tuple[int, ...]
    site: Any = None


def constant_code(source: str, constants: dict[str, Any], *, keep_lines: bool = False) -> types.CodeType:
    """The code of the one function in a source, with objects in the place of the strings that stand for them.

    It has no names and no line numbers: nothing that it uses can be replaced, and a debugger can jump to no line.
    """
    code = _compiled(source)
    filled = tuple(constants.get(value, value) if isinstance(value, str) else value for value in code.co_consts)
    return code.replace(co_consts=filled, co_linetable=code.co_linetable if keep_lines else b"")


@functools.cache
def stops_of(source: str) -> tuple[int, ...]:
    """Offsets in bytes of the instructions that make the last call of ``"STOP"`` in a source's function.

    In 3.11 there are two, of which the interpreter uses one.
    """
    steps = list(dis.get_instructions(constant_code(source, {}, keep_lines=True)))
    begin = max(number for number, step in enumerate(steps) if step.argval == "STOP")
    end = next(number for number in range(begin, len(steps)) if steps[number].opname == "CALL")
    return tuple(step.offset for step in steps[begin : end + 1] if step.opname in ("PRECALL", "CALL"))


def memory_of(code: types.CodeType, *, runs_once: bool) -> list[tuple[int, int]]:
    """Address and length of each part of a code object: its exception table, its constants, its instructions.

    Instructions are left out for code that runs more than a few times, since the interpreter itself changes them.
    Offsets as in CPython's Include/cpython/{code,bytesobject,tupleobject}.h.
    """
    instructions = (id(code) + types.CodeType.__basicsize__, len(code.co_code))
    return [
        *([instructions] if runs_once else []),
        (id(code.co_exceptiontable) + bytes.__basicsize__ - 1, len(code.co_exceptiontable)),
        (id(code.co_consts) + tuple.__basicsize__, 8 * len(code.co_consts)),
    ]


def keep_forever(code: types.CodeType) -> None:
    """Makes a code object immortal: the supervisor identifies it by its address, which must not be reused."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(code))


@functools.cache
def _compiled(source: str) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        module = compile(source, "<apigauge>", "exec", dont_inherit=True)
    return next(value for value in module.co_consts if isinstance(value, types.CodeType))


def imported_names(tree: ast.AST) -> Names:
    """What each name that a program imports, anywhere, may stand for."""
    names: Names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                names.setdefault(bound, []).append((alias.name if alias.asname else bound, None))
                names.setdefault(alias.name, []).append((alias.name, None))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names.setdefault(alias.asname or alias.name, []).append((node.module, alias.name))
    return names


def watch(callee: str, names: Names, namespace: dict[str, Any]) -> Watched | None:
    """Puts a wrapper where the program will look up its callee.

    Args:
        callee: dotted name, as the program writes it.
        names: what the program imports.
        namespace: the globals the program will run with.

    Returns:
        What was put there; None if the callee does not exist, so that it cannot be called either, or if it belongs to
        an object that only the program makes.
    """
    head, *rest = callee.split(".")
    # Submodules of the callee's package exist only where the program imports them.
    for imported in [module for origins in names.values() for module, of in origins if of is None and "." in module]:
        if any(imported.startswith(f"{module}.") for module, _ in names.get(head, [])):
            _import(imported)
    for module, attribute in names.get(head) or _elsewhere(head, names):
        path = [*([attribute] if attribute else []), *rest]
        owner: Any = _import(module)
        for name in path[:-1]:
            owner = getattr(owner, name, None)
        if path and callable(getattr(owner, path[-1], None)):
            return _replace(owner, path[-1], namespace)
    return None


def _elsewhere(head: str, names: Names) -> list[tuple[str, str | None]]:
    """A name that the program does not import as such: its package, a builtin, or an attribute of what it imports."""
    modules = sorted({module for origins in names.values() for module, _ in origins})
    if head in {module.partition(".")[0] for module in modules}:
        return [(head, None)]
    return [("builtins", head)] if hasattr(builtins, head) else [(module, head) for module in modules]


def at_call_sites(tree: ast.Module, callee: str) -> ast.Module:
    """The program with a mark around each of its own calls of the callee, for :func:`with_site`."""
    return cast("ast.Module", ast.fix_missing_locations(_Sites(callee).visit(tree)))


def with_site(code: types.CodeType, site: types.FunctionType) -> types.CodeType:
    """The code with the observing function in the place of the marks."""
    filled: list[object] = []
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            filled.append(with_site(value, site))
        else:
            filled.append(site if value == _SITE_MARK else value)
    return code.replace(co_consts=tuple(filled))


class _Sites(ast.NodeTransformer):
    def __init__(self, callee: str) -> None:
        self._callee = callee

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """``F(x)`` becomes ``mark(F, x)``."""
        self.generic_visit(node)
        if ast.unparse(node.func) == self._callee:
            mark = ast.copy_location(ast.Constant(_SITE_MARK), node)
            return ast.copy_location(ast.Call(mark, [node.func, *node.args], node.keywords), node)
        return node


def _import(module: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - the program will get the same error
        return None


def _replace(owner: Any, name: str, namespace: dict[str, Any]) -> Watched | None:
    target = getattr(owner, name)
    constants: dict[str, Any] = {
        "SEEN": [],
        "COUNT": len,
        "FRAME": sys._getframe,  # noqa: SLF001 - there is no public name for it
        "NAMESPACE": namespace,
        "STOP": signal.raise_signal,
        "SIGNAL": signal.SIGSTOP,
        "GET": getattr,
        "TYPE": type,
        "PID": os.getpid,
        "OWN": os.getpid(),
    }
    if isinstance(target, type) and isinstance(initialise := getattr(target, "__init__"), types.FunctionType):  # noqa: B009
        constants |= {"ORIGINAL": initialise, "CODE": initialise.__code__, "CLASS": target}
        with contextlib.suppress(AttributeError, TypeError):
            setattr(target, "__init__", wrapper := _wrapper(_METHOD, constants, initialise))  # noqa: B010
            return Watched(wrapper.__code__, stops_of(_METHOD))
    static = inspect.getattr_static(owner, name, None) if isinstance(owner, type) else None
    kind = type(static) if isinstance(static, classmethod | staticmethod) else None
    if kind or isinstance(target, types.FunctionType | types.BuiltinFunctionType):
        original = static.__func__ if kind else target  # type: ignore[union-attr]
        with contextlib.suppress(AttributeError, TypeError):  # attributes of a type written in C cannot be set
            constants |= {"ORIGINAL": original, "CODE": getattr(original, "__code__", None)}
            wrapper = _wrapper(_FUNCTION, constants, original)
            setattr(owner, name, kind(wrapper) if kind else wrapper)
            if isinstance(owner, types.ModuleType):
                _replace_elsewhere(owner.__name__.partition(".")[0], name, target, wrapper)
            return Watched(wrapper.__code__, stops_of(_FUNCTION))
    site = types.FunctionType(constant_code(_SITE, constants | {"ORIGINAL": target, "KIND": type(target)}), {})
    keep_forever(site.__code__)
    return Watched(site.__code__, stops_of(_SITE), site)


def warm_up() -> None:
    """Compiles what every child would otherwise compile again."""
    for source in (_FUNCTION, _METHOD, _SITE):
        stops_of(source)
    _compiled(_GUARD)


def _wrapper(source: str, constants: dict[str, Any], original: Callable[..., Any]) -> types.FunctionType:
    # Code that reads its caller's globals (the warnings module, in C) needs these.
    function_globals = {"__name__": getattr(original, "__module__", None) or "builtins", "__builtins__": builtins}
    function = types.FunctionType(constant_code(source, constants), function_globals)
    functools.update_wrapper(function, original)
    keep_forever(function.__code__)
    if isinstance(original, types.FunctionType):
        refused = RuntimeError("the function under test cannot be given another body")
        guard = constant_code(_GUARD, {"ORIGINAL": original, "GET": getattr, "REFUSED": refused})
        sys.addaudithook(types.FunctionType(guard, {}))
    return function


def _replace_elsewhere(package: str, name: str, target: object, wrapper: object) -> None:
    """The same function under the same name in other modules of its package (``transformers.pipelines.pipeline``)."""
    for key, module in list(sys.modules.items()):
        if key.partition(".")[0] == package and getattr(module, "__dict__", {}).get(name) is target:
            setattr(module, name, wrapper)
