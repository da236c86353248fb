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

import builtins
import concurrent.futures.thread
import contextlib
import ctypes
import functools
import importlib
import inspect
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from apigauge.sandboxes.worker import arguments, genuine, tested
from apigauge.sandboxes.worker.hidden import compiled, constant_code, keep_forever, stops_of
from apigauge.sandboxes.worker.names import Place

# Called strings: the compiler makes constants of them, and ``constant_code`` replaces these by objects.
_WRAPPER = """
def observed({parameters}):
    "UP"()
    try:
        genuine = "GET"("ORIGINAL", "__code__", None) is "CODE"
        result = {called}({passed}, **(
            "COUNT"("MADE") < "MOST" and "GET"("ORIGINAL", "__code__", None) is "CODE" and "OWN" == "PID"()
            and {subject}
            and ((caller := "FRAME"().f_back) is None or {ours}
                 or caller.f_globals is "THREADS" or caller.f_globals is "POOL")
            and "APPEND"("MADE", 1) is None and "RECORD"({recorded}) or {{}}))
        if genuine and "COUNT"("SEEN") == 0 and "OWN" == "PID"() and {counts}:
            "APPEND"("SEEN", 1)
            "STOP"("SIGNAL")
        if "PROFILE"() is None:
            return result
    finally:
        "DOWN"(b"")
    genuine
    return result
"""
# The program's code: it is in the program's folder, or runs with its globals, or is a text that it executes. An item's
# tests run with its globals too, and what they call themselves is no call of the program.
_OURS = (
    '(caller.f_code.co_filename != "TESTS" and (caller.f_globals is "NAMESPACE"'
    ' or "STARTS"(caller.f_code.co_filename, "BOX")'
    ' or "ITEM"(caller.f_globals, "__name__", "__main__") == "__main__"))'
)
_CALLER = f'(caller := "FRAME"().f_back) is not None and {_OURS}'
_OF_PROGRAM = '"GET"({}, "__module__", None) == "__main__"'


def _template(parameters: str, passed: str, counts: str, subject: str = "True", called: str = '"ORIGINAL"') -> str:
    fields = {"parameters": parameters, "passed": passed, "counts": counts, "subject": subject, "called": called}
    return _WRAPPER.replace("{{}}", "{{{{}}}}").format(**fields, ours=_OURS, recorded="{recorded}")


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
_IS_IT = '(function is "ORIGINAL" or ("COUNT"("BOUND") and "TYPE"(function) is "KIND" and function == "ORIGINAL"))'
_SITE = _template("function, /, *args, **kwargs", "*args, **kwargs", _IS_IT, subject=_IS_IT, called="function")
_TEMPLATES = (_FUNCTION, _CLASS_METHOD, _METHOD, _SITE)
# By stopping the process, or, where the supervisor cannot read what it was given, by reporting it.
_BY_STOP, _BY_WORD = '"SIGNAL"', "args, kwargs"
# Where the values that a stopped wrapper will pass on are on its stack: after a null and the function, which are below.
POSITIONAL, KEYWORDS = 2, 3
_MAX_WRAPPERS = 100
_KINDS_OF_FUNCTION = (
    inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
)
# Around ``importlib.reload``, which makes new functions.
_RELOAD = """
def reload(*args, **kwargs):
    module = "ORIGINAL"(*args, **kwargs)
    "AGAIN"(module)
    return module
"""
# These read or write the variables of the frame that calls them, which must be the program's.
_OF_THE_FRAME: tuple[object, ...] = (dir, eval, exec, globals, locals, vars, super, builtins.__build_class__)
_OF_THE_FRAME += (sys._getframe,)  # noqa: SLF001 - there is no public name for it
_BOUND = (types.MethodType, types.BuiltinMethodType, type("".__str__))


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
        wrapper: the function, and the place where it has been put.
    """

    code: types.CodeType
    original: Any
    stops: tuple[int, ...]
    records: tuple[int, ...]
    function: str
    skipped: int
    site: Any = None
    wrapper: tuple[types.FunctionType, Place] | None = None

    def to_json(self) -> dict[str, Any]:
        """For the supervisor."""
        return {
            "code": id(self.code),
            "records": self.records,
            "function": self.function,
            "skipped": self.skipped,
            "stack": self.code.co_nlocals + len(self.code.co_cellvars) + len(self.code.co_freevars),
        }


# Reports a call where the supervisor cannot read it: the function, how many positional arguments to leave out, both.
Say = Callable[[str, int, tuple[Any, ...], dict[str, Any]], None]


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
    genuine.refuse_changes([one.original for one in watched], [one.code for one in watched])
    return watched


def follow_reloads(watched: Sequence[Watched], namespace: dict[str, Any]) -> None:
    """Puts the wrappers of a module's functions in their places again whenever the program reloads the module."""
    again = functools.partial(_put_again, [one for one in watched if one.wrapper])
    constants = {"ORIGINAL": importlib.reload, "AGAIN": again, "NAMESPACE": namespace}
    importlib.reload = _wrapper(_RELOAD, constants, importlib.reload, is_site=False)


def _put_again(watched: Sequence[Watched], module: types.ModuleType) -> None:
    for one in watched:
        if one.wrapper and one.wrapper[1].owner is module:
            wrapper, (_, name) = one.wrapper
            new = vars(module).get(name)
            if new is not wrapper and getattr(new, "__code__", None) == getattr(one.original, "__code__", ""):
                setattr(module, name, wrapper)


def depends_on_its_caller(place: Place) -> bool:
    """Whether it reads the variables of the frame that calls it, so that nothing can be put in between."""
    target = getattr(place.owner, place.name)
    return any(target is one for one in _OF_THE_FRAME)


def _same(place: Place) -> tuple[int, str]:
    """Equal for two places of one function: an inherited method is another function for each class that has it."""
    target = getattr(place.owner, place.name)
    if isinstance(target, type) or not isinstance(place.owner, type):
        return id(target), ""
    return id(place.owner), place.name


def _metaclasses(target: type) -> list[type]:
    return [one for one in inspect.getmro(type(target)) if one not in (type, object)]


def _replace(place: Place, namespace: dict[str, Any], function: str, say: Say | None, *, is_callee: bool) -> Watched:
    """Puts a wrapper in a function's place, or makes one for its call sites if nothing can be put there."""
    owner, name = place
    target = getattr(owner, name)
    with contextlib.suppress(Exception):  # it is the library's own code
        genuine.settle(target)
    is_made_elsewhere = isinstance(target, type) and any("__call__" in vars(one) for one in _metaclasses(target))
    wrap = functools.partial(_watched, namespace, function, say, is_callee=is_callee)
    initialise = getattr(target, "__init__", None) if isinstance(target, type) and not is_made_elsewhere else None
    if isinstance(initialise, types.FunctionType):
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
            return one._replace(site=None, wrapper=(one.site, place))
    return wrap(_SITE, target, 0, KIND=type(target), BOUND=(1,) * isinstance(target, _BOUND))


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
    quiet = functools.partial  # calls through a partial object are not reported to a profiler
    constants: dict[str, Any] = {
        "ORIGINAL": original,
        "CODE": getattr(original, "__code__", None),
        # What need not be observed has been already.
        "SEEN": [] if is_callee else [1],
        "MADE": [],
        "MOST": arguments.MAX_CALLS if function else 0,
        "COUNT": quiet(len),
        "APPEND": quiet(list.append),
        "FRAME": quiet(sys._getframe),  # noqa: SLF001 - there is no public name for it
        "NAMESPACE": namespace,
        "BOX": f"{os.getcwd()}/",
        "TESTS": tested.FILE,
        "STARTS": quiet(str.startswith),
        "ITEM": quiet(dict.get),
        "PROFILE": quiet(sys.getprofile),
        "THREADS": vars(threading),
        "POOL": vars(concurrent.futures.thread),
        "STOP": quiet(signal.raise_signal),
        # A template's own parameter is not among the arguments that it reports.
        "RECORD": quiet(say, function, skipped * (template is _FUNCTION)) if say else quiet(signal.raise_signal),
        "SIGNAL": signal.SIGSTOP,
        "GET": quiet(getattr),
        "TYPE": type,
        "PID": quiet(os.getpid),
        "OWN": os.getpid(),
    }
    constants |= dict(zip(("UP", "DOWN"), _levels(), strict=True))
    source = template.format(recorded=_BY_WORD if say else _BY_STOP)
    wrapper = _wrapper(source, constants | more, original, is_site=template is _SITE)
    stops = stops_of(source) if is_callee else ()
    records = stops_of(source, "RECORD") if function and not say else ()
    return Watched(wrapper.__code__, original, stops, records, function, skipped, wrapper)


def warm_up() -> None:
    """Compiles what every child would otherwise compile again."""
    _levels()
    keep_forever(compiled(genuine.GUARD))
    for template in _TEMPLATES:
        source = template.format(recorded=_BY_STOP)
        stops_of(source)
        stops_of(source, "RECORD")
    compiled(genuine.GUARD)


@functools.cache
def _levels() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Give back the level of recursion that a wrapper takes, and take it again."""
    if sys.version_info[:2] != (3, 11):  # later versions count otherwise
        return functools.partial(len, ()), functools.partial(len)
    up, down = ctypes.pythonapi.Py_LeaveRecursiveCall, ctypes.pythonapi.Py_EnterRecursiveCall
    up.argtypes, up.restype = (), None
    down.argtypes, down.restype = (ctypes.c_char_p,), None
    return up, down


def _wrapper(
    source: str, constants: dict[str, Any], original: Callable[..., Any], *, is_site: bool
) -> types.FunctionType:
    code = constant_code(source, constants)
    # Code in C that reads its caller's globals gets the program's.
    function_globals = constants["NAMESPACE"]
    closure = None
    if isinstance(original, types.FunctionType):
        function_globals, closure, own = original.__globals__, original.__closure__, original.__code__
        code = code.replace(
            co_filename=own.co_filename,
            co_name=own.co_name,
            co_qualname=own.co_qualname,
            co_firstlineno=own.co_firstlineno,
            co_freevars=own.co_freevars,
            # What kind of function it is; what makes a coroutine is an instruction, which only the original has.
            co_flags=code.co_flags | own.co_flags & _KINDS_OF_FUNCTION,
        )
    function = types.FunctionType(code, function_globals, closure=closure)
    if not is_site:
        _look_like(function, original)
    keep_forever(function.__code__)
    return function


def _look_like(function: types.FunctionType, original: Callable[..., Any]) -> None:
    """Gives a wrapper the attributes of its original, so that what looks at it sees the original."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__", "__type_params__"):
        with contextlib.suppress(AttributeError, TypeError):
            setattr(function, name, getattr(original, name))
    vars(function).update(getattr(original, "__dict__", {}))
    if isinstance(original, types.FunctionType):
        # Without an effect here, and to change them must have none on the original.
        function.__defaults__ = original.__defaults__
        function.__kwdefaults__ = original.__kwdefaults__ and dict(original.__kwdefaults__)
    if not hasattr(function, "__wrapped__"):
        function.__wrapped__ = original  # type: ignore[attr-defined]  # so that its signature is the original's


def _replace_elsewhere(package: str, name: str, target: object, wrapper: object) -> None:
    """The same function under the same name in other modules of its package (``transformers.pipelines.pipeline``)."""
    for key, module in list(sys.modules.items()):
        if key.partition(".")[0] == package and getattr(module, "__dict__", {}).get(name) is target:
            setattr(module, name, wrapper)
