"""Code without names, whose frames no stack shows: of what apigauge runs within a program's own calls."""

import ctypes
import dis
import functools
import itertools
import sys
import types
import warnings
from typing import Any


def constant_code(source: str, constants: dict[str, Any], *, keep_lines: bool = False) -> types.CodeType:
    """The code of the one function in a source, with objects in the place of the strings that stand for them.

    It has no names and no line numbers: nothing that it uses can be replaced, and a debugger can jump to no line. Its
    frame is one that the interpreter has not begun yet (``hidden``), so no stack shows it.
    """
    code = compiled(source)
    filled = tuple(constants.get(value, value) if isinstance(value, str) else value for value in code.co_consts)
    return code.replace(co_consts=filled, co_linetable=code.co_linetable if keep_lines else b"")


def hidden(code: types.CodeType) -> types.CodeType:
    """The code without the instruction at which the interpreter shows a frame to tracebacks, callers and tracers.

    CPython leaves a frame out of every stack until it has passed its code's first RESUME (``_PyFrame_IsIncomplete`` in
    Include/internal/pycore_frame.h), which is the start of a function, after its arguments have been bound. Only where
    a profiler expects a call with every return, a template has it again: as its expression ``genuine``, at the end.
    """
    content = bytearray(code.co_code)
    steps = list(dis.get_instructions(code))
    resume, nothing = dis.opmap["RESUME"], dis.opmap["NOP"]
    for step in steps:
        if step.opcode == resume:
            content[step.offset : step.offset + 2] = bytes((nothing, 0))
    for step, after in itertools.pairwise(steps):
        if step.argval == "genuine" and after.opname == "POP_TOP":
            content[step.offset : step.offset + 4] = bytes((nothing, 0, resume, 0))
    return code.replace(co_code=bytes(content))


@functools.cache
def _can_hide() -> bool:
    """Whether this interpreter leaves such frames out."""

    def caller() -> str:
        return sys._getframe(1).f_code.co_name  # noqa: SLF001 - there is no public name for it

    probe = types.FunctionType(hidden(_code_of("def probe(): return 'CALLER'()", {"CALLER": caller})), {})
    return bool(probe() != "probe")


def _code_of(source: str, constants: dict[str, Any]) -> types.CodeType:
    code = _functions_code(source)
    return code.replace(co_consts=tuple(constants.get(value, value) for value in code.co_consts))


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
def compiled(source: str) -> types.CodeType:
    """The code of the one function in a source, hidden if this interpreter can hide it."""
    code = _functions_code(source)
    return hidden(code) if _can_hide() else code


def _functions_code(source: str) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        module = compile(source, "<apigauge>", "exec", dont_inherit=True)
    return next(value for value in module.co_consts if isinstance(value, types.CodeType))
