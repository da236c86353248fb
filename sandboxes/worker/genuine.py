"""Whether a function still does what it did before the program began.

A program cannot give the function under test another body, and where the supervisor reads its memory, another body,
other defaults or another closure are noticed whatever way they came there. What a function's body refers to (globals,
the content of closures, the methods of what it is given) is not covered.
"""

import functools
import sys
import types
from collections.abc import Sequence

from apigauge.sandboxes.worker.hidden import constant_code, memory_of

# Refuses to change code or defaults of the original, or the code of a wrapper. An audit hook is never removed.
GUARD = """
def guard(event, arguments):
    if event == "object.__setattr__":
        if "ID"(arguments[0]) in "ORIGINALS" and arguments[1] in "PARTS":
            raise "REFUSED"
        if arguments[1] == "__code__" and "ID"("GET"(arguments[0], "__code__", None)) in "WRAPPERS":
            raise "REFUSED"
"""
# By the number of a function, which must stay alive, what is within it.
_WITHIN: dict[int, tuple[object, list[types.FunctionType]]] = {}
_PARTS = frozenset({"__code__", "__defaults__", "__kwdefaults__"})
# How far functions are followed within functions that a decorator has put around them, and how many.
_MAX_WITHIN, _MAX_FUNCTIONS = 6, 20


def functions_within(function: object) -> list[types.FunctionType]:
    """A Python function and those that it is made of: what decorators, caches, partial and bound methods contain."""
    if id(function) in _WITHIN:
        return _WITHIN[id(function)][1]
    functions: dict[int, types.FunctionType] = {}
    waiting = [(function, 0)]
    while waiting and len(functions) < _MAX_FUNCTIONS:
        one, depth = waiting.pop()
        if depth > _MAX_WITHIN or id(one) in functions:
            continue
        inner = [] if isinstance(one, types.MethodType) else [getattr(one, "__dict__", {}).get("__wrapped__")]
        if isinstance(one, types.FunctionType):
            functions[id(one)] = one
            inner += [_content(cell) for cell in one.__closure__ or ()]
        elif isinstance(one, types.MethodType):
            inner.append(one.__func__)
        elif isinstance(one, functools.partial):
            inner.append(one.func)
        kinds = types.FunctionType | types.MethodType | functools.partial | type(functools.cache(len))
        waiting += [(other, depth + 1) for other in inner if isinstance(other, kinds)]
    _WITHIN[id(function)] = function, list(functions.values())
    return _WITHIN[id(function)][1]


def settle(function: object) -> None:
    """Has functions that compile themselves at their first call do so now: later they would be refused to.

    networkx decorates its functions so (``argmap``), to be imported faster.
    """
    settled: set[int] = set()
    while fresh := [one for one in functions_within(function) if id(one) not in settled]:
        for one in fresh:
            settled.add(id(one))
            compiler = getattr(type(getattr(one, "__argmap__", None)), "_lazy_compile", None)
            if (
                callable(compiler) and getattr(one, "__self__", None) is one
            ):  # and no wrapper that copies its attributes
                compiler(one)
        _WITHIN.pop(id(function), None)  # another body has another closure


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None


def memory_of_original(function: object) -> list[tuple[int, int]]:
    """Address and length of what decides what an original does: its functions' code, defaults, closures and constants.

    Offsets as in CPython 3.11's Include/cpython/funcobject.h, where alone they are read.
    """
    parts = []
    for one in functions_within(function):
        parts += [(id(one) + 48, 32), (id(one) + 120, 8), *memory_of(one.__code__, runs_once=False)]
    return parts


def refuse_changes(originals: Sequence[object], codes: Sequence[types.CodeType]) -> None:
    """Refuses to change what functions do, and the code of the wrappers around them, as long as the process lives."""
    if not originals:
        return
    within = [function for original in originals for function in functions_within(original)]
    constants = {
        "ORIGINALS": frozenset(map(id, within)),
        "WRAPPERS": frozenset(map(id, codes)),
        "PARTS": _PARTS,
        "ID": id,
        "GET": getattr,
        "REFUSED": RuntimeError("the function under test cannot be given another body"),
    }
    sys.addaudithook(types.FunctionType(constant_code(GUARD, constants), {}))
