"""Wraps the program's API call, so that the call and its return are observed, not guessed.

Before the program runs, the callee it names is resolved to the real function object through the program's own imports
(``names``), and a wrapper is put where the program will look it up. The wrapper calls the original and, when that has
returned and the caller was the program's own code, stops the process for a moment; the supervisor then checks from
outside (``watch.Frames``) whether the running frame is the wrapper's, past its call. The wrapper's code contains no
names: all that it uses, including the original, are constants of an immutable code object, so no function can be
substituted.

The same wrapper stops the process just before it calls the original of a function whose calls are to be recorded. What
it will pass on is then on its frame's stack, where nothing in the program can replace it, and the supervisor reads it
from there (``arguments``). Here too only calls count that the program makes, directly or by way of a thread.

A call by a library does not count: the wrapper's caller must be the program. Neither does a call in another process
that the program starts, nor a call of a function whose code the program has replaced.
"""

import ast
import builtins
import concurrent.futures.thread
import contextlib
import ctypes
import dis
import functools
import inspect
import os
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from apigauge.sandboxes.worker import arguments
from apigauge.sandboxes.worker.names import Place

# Called strings: the compiler makes constants of them, and ``constant_code`` replaces these by objects.
_WRAPPER = """
def observed({parameters}):
    genuine = "GET"("ORIGINAL", "__code__", None) is "CODE"
    result = {called}({passed}, **(
        "COUNT"("MADE") < "MOST" and "GET"("ORIGINAL", "__code__", None) is "CODE" and "OWN" == "PID"()
        and {subject}
        and ((caller := "GET"("FRAME"().f_back, "f_globals", "NAMESPACE")) is "NAMESPACE"
             or caller is "THREADS" or caller is "POOL")
        and "APPEND"("MADE", 1) is None and "RECORD"({recorded}) or {{}}))
    if genuine and "COUNT"("SEEN") == 0 and "OWN" == "PID"() and {counts}:
        "SEEN".append(1)
        "STOP"("SIGNAL")
    return result
"""
_CALLER = '"FRAME"(1).f_globals is "NAMESPACE"'
_OF_PROGRAM = '"GET"({}, "__module__", None) == "__main__"'


def _template(parameters: str, passed: str, counts: str, subject: str = "True", called: str = '"ORIGINAL"') -> str:
    fields = {"parameters": parameters, "passed": passed, "counts": counts, "subject": subject, "called": called}
    return _WRAPPER.replace("{{}}", "{{{{}}}}").format(**fields, recorded="{recorded}")


_FUNCTION = _template("*args, **kwargs", "*args, **kwargs", _CALLER)
# A subclass that a library defines is another API, one that the program defines is not.
_CLASS_METHOD = _template(
    *("cls, /, *args, **kwargs", "cls, *args, **kwargs", _CALLER),
    subject=f'(cls is "CLASS" or {_OF_PROGRAM.format("cls")})',
)
_METHOD = _template(
    *("self, *args, **kwargs", "self, *args, **kwargs", f'"TYPE"(self) is "CLASS" and {_CALLER}'),
    subject=f'("TYPE"(self) is "CLASS" or {_OF_PROGRAM.format(chr(34) + "TYPE" + chr(34) + "(self)")})',
)
# For the program's own calls of a class written in C, or of another object that no function can replace.
_IS_IT = '"TYPE"(function) is "KIND" and function == "ORIGINAL"'
_SITE = _template("function, /, *args, **kwargs", "*args, **kwargs", _IS_IT, subject=_IS_IT, called="function")
_TEMPLATES = (_FUNCTION, _CLASS_METHOD, _METHOD, _SITE)
# By stopping the process, or, where the supervisor cannot read what it was given, by reporting it.
_BY_STOP, _BY_WORD = '"SIGNAL"', "args, kwargs"
# Where the values that a stopped wrapper will pass on are on its stack: after a null and the function, which are below.
POSITIONAL, KEYWORDS = 2, 3
_SITE_MARK = "\0apigauge call site"
_MAX_WRAPPERS = 100
# Refuses to change the code of the original, or of apigauge. An audit hook can be added and never removed.
_GUARD = """
def guard(event, arguments):
    if event == "object.__setattr__" and arguments[1] == "__code__":
        if "ID"(arguments[0]) in "ORIGINALS":
            raise "REFUSED"
        if "GET"("GET"(arguments[0], "__code__", None), "co_filename", None) == "<apigauge>":
            raise "REFUSED"
"""


class Watched(NamedTuple):
    """What observes one function.

    Attributes:
        code: the wrapper's.
        original: what it calls.
        stops: its instructions that stop when the program's API call has returned; none for another function.
        records: its instructions that stop to have a call recorded; none if it is not to be.
        function: the name by which calls are recorded.
        skipped: how many of the positional arguments are the class or the object of a method.
        site: the function for call sites, if any.
    """

    code: types.CodeType
    original: Any
    stops: tuple[int, ...]
    records: tuple[int, ...]
    function: str
    skipped: int
    site: Any = None

    def to_json(self) -> dict[str, Any]:
        """For the supervisor."""
        return {
            "code": id(self.code),
            "records": self.records,
            "function": self.function,
            "skipped": self.skipped,
            "stack": self.code.co_nlocals,
        }


# Reports a call where the supervisor cannot read it: the function, how many positional arguments to leave out, both.
Say = Callable[[str, int, tuple[Any, ...], dict[str, Any]], None]


def constant_code(source: str, constants: dict[str, Any], *, keep_lines: bool = False) -> types.CodeType:
    """The code of the one function in a source, with objects in the place of the strings that stand for them.

    It has no names and no line numbers: nothing that it uses can be replaced, and a debugger can jump to no line.
    """
    code = _compiled(source)
    filled = tuple(constants.get(value, value) if isinstance(value, str) else value for value in code.co_consts)
    return code.replace(co_consts=filled, co_linetable=code.co_linetable if keep_lines else b"")


@functools.cache
def stops_of(source: str, function: str = "STOP") -> tuple[int, ...]:
    """Offsets in bytes of the instructions that make the last call of a called string in a source's function.

    In 3.11 there are two, of which the interpreter uses one.
    """
    steps = list(dis.get_instructions(constant_code(source, {}, keep_lines=True)))
    begin = max(number for number, step in enumerate(steps) if step.argval == function)
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


def watch(
    callee: Place | None, functions: Sequence[tuple[str, Place]], namespace: dict[str, Any], say: Say | None = None
) -> list[Watched]:
    """Puts wrappers where the program will look up its callee and the functions whose calls are recorded.

    Args:
        callee: where the program's API call is, if it exists.
        functions: the others, each with the name by which its calls are recorded.
        namespace: the globals the program will run with.
        say: reports calls where the supervisor cannot read them; None where it can.

    Returns:
        What was put there, that of the callee first.
    """
    places = {_same(callee): callee} if callee else {}
    named: dict[tuple[int, str], str] = {}
    for function, place in functions[:_MAX_WRAPPERS]:
        places.setdefault(_same(place), place)
        named.setdefault(_same(place), function)
    watched = [
        _replace(place, namespace, named.get(key, ""), say, is_callee=place is callee) for key, place in places.items()
    ]
    _refuse_new_code(frozenset(id(one.original) for one in watched if isinstance(one.original, types.FunctionType)))
    return watched


def _same(place: Place) -> tuple[int, str]:
    """Equal for two places of one function: an inherited method is another function for each class that has it."""
    target = getattr(place.owner, place.name)
    if isinstance(target, type) or not isinstance(place.owner, type):
        return id(target), ""
    return id(place.owner), place.name


def at_call_sites(tree: ast.Module, callee: str, watched: Sequence[Watched]) -> ast.Module:
    """The program with a mark around its own calls of what only call sites can observe, for :func:`with_sites`."""
    marks: dict[str, str] = {}
    for number, one in enumerate(watched):
        if one.site and one.function:
            marks |= dict.fromkeys(_aliases(tree, one.function.rpartition(".")[2]), f"{_SITE_MARK} {number}")
    at_callee = f"{_SITE_MARK} 0" if watched and watched[0].stops and watched[0].site else ""
    return cast("ast.Module", ast.fix_missing_locations(_Sites(callee, at_callee, marks).visit(tree)))


def with_sites(code: types.CodeType, watched: Sequence[Watched]) -> types.CodeType:
    """The code with the observing functions in the place of the marks."""
    sites = {f"{_SITE_MARK} {number}": one.site for number, one in enumerate(watched) if one.site}

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


class _Sites(ast.NodeTransformer):
    def __init__(self, callee: str, at_callee: str, marks: Mapping[str, str]) -> None:
        self._callee = callee
        self._at_callee = at_callee
        self._marks = marks

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """``F(x)`` becomes ``mark(F, x)``."""
        self.generic_visit(node)
        mark = self._marks.get(_last_name(node.func), "")
        if self._at_callee and ast.unparse(node.func) == self._callee:
            mark = self._at_callee
        if mark:
            site = ast.copy_location(ast.Constant(mark), node)
            return ast.copy_location(ast.Call(site, [node.func, *node.args], node.keywords), node)
        return node


def _replace(place: Place, namespace: dict[str, Any], function: str, say: Say | None, *, is_callee: bool) -> Watched:
    """Puts a wrapper in a function's place, or makes one for its call sites if nothing can be put there."""
    owner, name = place
    target = getattr(owner, name)
    wrap = functools.partial(_watched, namespace, function, say, is_callee=is_callee)
    if isinstance(target, type) and isinstance(initialise := getattr(target, "__init__"), types.FunctionType):  # noqa: B009
        with contextlib.suppress(AttributeError, TypeError):
            one = wrap(_METHOD, initialise, 1, CLASS=target)
            setattr(target, "__init__", one.site)  # noqa: B010
            return one._replace(site=None)
    static = inspect.getattr_static(owner, name, None) if isinstance(owner, type) else None
    kind = type(static) if isinstance(static, classmethod | staticmethod) else None
    if kind or isinstance(target, types.FunctionType | types.BuiltinFunctionType):
        original = static.__func__ if kind else target  # type: ignore[union-attr]
        template = _CLASS_METHOD if kind is classmethod else _FUNCTION
        with contextlib.suppress(AttributeError, TypeError):  # attributes of a type written in C cannot be set
            one = wrap(template, original, int(isinstance(owner, type) and kind is not staticmethod), CLASS=owner)
            setattr(owner, name, kind(one.site) if kind else one.site)
            if isinstance(owner, types.ModuleType):
                _replace_elsewhere(owner.__name__.partition(".")[0], name, target, one.site)
            return one._replace(site=None)
    return wrap(_SITE, target, 0, KIND=type(target))


def _watched(
    namespace: dict[str, Any],
    function: str,
    say: Say | None,
    template: str,
    original: Callable[..., Any],
    skipped: int,
    *,
    is_callee: bool,
    **more: object,
) -> Watched:
    """A wrapper, not yet in its place: ``site`` is its function."""
    constants: dict[str, Any] = {
        "ORIGINAL": original,
        "CODE": getattr(original, "__code__", None),
        # What need not be observed has been already.
        "SEEN": [] if is_callee else [1],
        "MADE": [],
        "MOST": arguments.MAX_CALLS if function else 0,
        "COUNT": len,
        "APPEND": list.append,
        "FRAME": sys._getframe,  # noqa: SLF001 - there is no public name for it
        "NAMESPACE": namespace,
        "THREADS": vars(threading),
        "POOL": vars(concurrent.futures.thread),
        "STOP": signal.raise_signal,
        # A template's own parameter is not among the arguments that it reports.
        "RECORD": functools.partial(say, function, skipped * (template is _FUNCTION)) if say else signal.raise_signal,
        "SIGNAL": signal.SIGSTOP,
        "GET": getattr,
        "TYPE": type,
        "PID": os.getpid,
        "OWN": os.getpid(),
    }
    source = template.format(recorded=_BY_WORD if say else _BY_STOP)
    wrapper = _wrapper(source, constants | more, original, is_site=template is _SITE)
    stops = stops_of(source) if is_callee else ()
    records = stops_of(source, "RECORD") if function and not say else ()
    return Watched(wrapper.__code__, original, stops, records, function, skipped, wrapper)


def warm_up() -> None:
    """Compiles what every child would otherwise compile again."""
    for template in _TEMPLATES:
        source = template.format(recorded=_BY_STOP)
        stops_of(source)
        stops_of(source, "RECORD")
    _compiled(_GUARD)


def _wrapper(
    source: str, constants: dict[str, Any], original: Callable[..., Any], *, is_site: bool
) -> types.FunctionType:
    # Code that reads its caller's globals (the warnings module, in C) needs these.
    function_globals = {"__name__": getattr(original, "__module__", None) or "builtins", "__builtins__": builtins}
    function = types.FunctionType(constant_code(source, constants), {} if is_site else function_globals)
    if not is_site:
        functools.update_wrapper(function, original)
    keep_forever(function.__code__)
    return function


def _refuse_new_code(originals: frozenset[int]) -> None:
    if originals:
        refused = RuntimeError("the function under test cannot be given another body")
        guard = constant_code(_GUARD, {"ORIGINALS": originals, "ID": id, "GET": getattr, "REFUSED": refused})
        sys.addaudithook(types.FunctionType(guard, {}))


def _replace_elsewhere(package: str, name: str, target: object, wrapper: object) -> None:
    """The same function under the same name in other modules of its package (``transformers.pipelines.pipeline``)."""
    for key, module in list(sys.modules.items()):
        if key.partition(".")[0] == package and getattr(module, "__dict__", {}).get(name) is target:
            setattr(module, name, wrapper)
