"""The program's API call, wrapped, so that having been called and having returned is seen and not guessed.

Before the program runs, the callee it names is resolved to the real function object through the program's own imports,
and the place where the program will find it holds a wrapper. The wrapper calls the original and, when that has returned
to the program's own code, stops the process for a moment; the supervisor then looks from outside (``watch.Frames``)
whether the frame that runs is the wrapper's, past its call. The wrapper's code names nothing: all that it uses are
constants of an immutable code object, among them the original, so no other function can be put in its place.

A library that calls the same function itself does not count: the wrapper's caller must be the program. Nor does a call
in another process that the program starts, or of a function whose code the program has exchanged.
"""

import ast
import builtins
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
from typing import Any

# The wrapper's code, and the offset behind which the original has returned.
Watched = tuple[types.CodeType, int]
Names = dict[str, tuple[str, str | None]]

# Strings that are called: the compiler makes constants of them, and ``_with_constants`` puts objects in their place.
_WRAPPER = """
def observed({parameters}):
    genuine = "GET"("ORIGINAL", "__code__", None) is "CODE" and "TRACER"() is None and "PROFILER"() is None
    result = "ORIGINAL"({parameters})
    if genuine and "COUNT"("SEEN") == 0 and "OWN" == "PID"() and {caller}:
        "SEEN".append(1)
        "STOP"("SIGNAL")
    return result
"""
_CALLER = '"FRAME"(1).f_globals is "NAMESPACE"'
_FUNCTION = _WRAPPER.format(parameters="*args, **kwargs", caller=_CALLER)
_METHOD = _WRAPPER.format(parameters="self, *args, **kwargs", caller=f'"TYPE"(self) is "CLASS" and {_CALLER}')


def constant_code(source: str, constants: dict[str, Any], *, keep_lines: bool = False) -> types.CodeType:
    """The code of the one function in a source, with objects in the place of the strings that stand for them.

    Code without names and line numbers: nothing it uses can be replaced, and a debugger's jump finds no line.
    """
    code = _compiled(source)
    filled = tuple(constants.get(value, value) if isinstance(value, str) else value for value in code.co_consts)
    return code.replace(co_consts=filled, co_linetable=code.co_linetable if keep_lines else b"")


@functools.cache
def offset_of(source: str, placeholder: str) -> int:
    """Where the code last loads a placeholder's object, in bytes."""
    steps = dis.get_instructions(constant_code(source, {}, keep_lines=True))
    return max(step.offset for step in steps if step.argval == placeholder)


def keep_forever(code: types.CodeType) -> None:
    """Makes a code object immortal: the supervisor knows it by its address, which no other may ever get."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(code))


@functools.cache
def _compiled(source: str) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        module = compile(source, "<apigauge>", "exec", dont_inherit=True)
    return next(value for value in module.co_consts if isinstance(value, types.CodeType))


def imported_names(tree: ast.AST) -> Names:
    """What each name that a program imports stands for: module, and attribute of it or None."""
    names: Names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                names[bound] = (alias.name if alias.asname else bound, None)
                names.setdefault(alias.name, (alias.name, None))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = (node.module, alias.name)
    return names


def watch(callee: str, names: Names, namespace: dict[str, Any]) -> Watched | None:
    """Puts a wrapper where the program will find its callee.

    Args:
        callee: dotted name, as the program writes it.
        names: what the program imports.
        namespace: the globals the program will run with.

    Returns:
        The wrapper's code and the offset in it past which the original has returned; None where the callee is not to be
        found, and so cannot be called either, or belongs to an object that only the program makes.
    """
    head, *path = callee.split(".")
    module, attribute = names.get(head) or _elsewhere(head, names)
    if attribute:
        path.insert(0, attribute)
    # Submodules of the callee's package exist only where the program imports them.
    for name, (imported, of) in names.items():
        if of is None and name.startswith(f"{module}."):
            _import(imported)
    owner: Any = _import(module)
    for name in path[:-1]:
        owner = getattr(owner, name, None)
    return _replace(owner, path[-1], namespace) if path else None


def _elsewhere(head: str, names: Names) -> tuple[str, str | None]:
    """A name that the program does not import as such: its package, or an attribute of a module it imports."""
    modules = sorted({module for module, _ in names.values()})
    if head in {module.partition(".")[0] for module in modules}:
        return head, None
    for module in modules:
        if getattr(_import(module), head, None) is not None:
            return module, head
    return "builtins", head


def _import(module: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - the program will meet the same, and be told
        return None


def _replace(owner: Any, name: str, namespace: dict[str, Any]) -> Watched | None:
    target = getattr(owner, name, None)
    if not callable(target):
        return None
    constants: dict[str, Any] = {
        "SEEN": [],
        "COUNT": len,
        "FRAME": sys._getframe,  # noqa: SLF001 - there is no public name for it
        "NAMESPACE": namespace,
        "STOP": signal.raise_signal,
        "SIGNAL": signal.SIGSTOP,
        "GET": getattr,
        "TRACER": sys.gettrace,
        "PROFILER": sys.getprofile,
        "PID": os.getpid,
        "OWN": os.getpid(),
    }
    try:
        if isinstance(target, type) and isinstance(initialise := getattr(target, "__init__"), types.FunctionType):  # noqa: B009
            constants |= {"ORIGINAL": initialise, "CODE": initialise.__code__, "TYPE": type, "CLASS": target}
            wrapper = _wrapper(_METHOD, constants, initialise)
            setattr(target, "__init__", wrapper)  # noqa: B010
            return wrapper.__code__, offset_of(_METHOD, "STOP")
        static = inspect.getattr_static(owner, name, None) if isinstance(owner, type) else None
        kind = type(static) if isinstance(static, classmethod | staticmethod) else None
        original = static.__func__ if kind else target  # type: ignore[union-attr]
        constants |= {"ORIGINAL": original, "CODE": getattr(original, "__code__", None)}
        wrapper = _wrapper(_FUNCTION, constants, target)
        setattr(owner, name, kind(wrapper) if kind else wrapper)
    except (AttributeError, TypeError):  # a type of C, say: nothing can be put there
        return None
    if isinstance(owner, types.ModuleType):
        _replace_elsewhere(owner.__name__.partition(".")[0], name, target, wrapper)
    return wrapper.__code__, offset_of(_FUNCTION, "STOP")


def warm_up() -> None:
    """Compiles what every child would compile anew."""
    for source in (_FUNCTION, _METHOD):
        offset_of(source, "STOP")


def _wrapper(source: str, constants: dict[str, Any], original: Callable[..., Any]) -> types.FunctionType:
    # What looks at its caller's globals (the warnings module, in C) must find some.
    around = {"__name__": getattr(original, "__module__", None) or "builtins", "__builtins__": builtins}
    function = types.FunctionType(constant_code(source, constants), around)
    functools.update_wrapper(function, original)
    keep_forever(function.__code__)
    return function


def _replace_elsewhere(package: str, name: str, target: object, wrapper: object) -> None:
    """The same function under the same name in other modules of its package (``transformers.pipelines.pipeline``)."""
    for key, module in list(sys.modules.items()):
        if key.partition(".")[0] == package and getattr(module, "__dict__", {}).get(name) is target:
            setattr(module, name, wrapper)
