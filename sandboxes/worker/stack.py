"""The interpreter's stack of a child: as deep, and as empty below the program, as that of ``python program.py``.

Offsets as in CPython 3.11's Include/cpython/pystate.h and Include/internal/pycore_frame.h; ``watch.Frames`` tries those
that it has in common with this module on frames of its own. Other versions keep the frames of apigauge on the stack.
"""

import contextlib
import ctypes
import sys
from collections.abc import Iterator

# For what apigauge itself does with a program's tree: deep enough for every program that compiles.
_DEEP = 4_000
# In a thread state: levels left, and how many there are; in a frame: the one below.
_LEFT, _C_FRAME, _CURRENT, _BELOW = 32, 56, 8, 48


def is_known() -> bool:
    """Whether this interpreter's structures are those of this module."""
    return sys.implementation.name == "cpython" and sys.version_info[:2] == (3, 11)


def begin_here() -> None:
    """Makes the frame that calls this the first of the stack; it must never return."""
    if not is_known():
        # The frames of apigauge on the stack must not reduce the recursion that the program may use.
        sys.setrecursionlimit(sys.getrecursionlimit() + 20)
        return
    state = _state()
    frame = _pointer(_pointer(state + _C_FRAME) + _CURRENT)
    # That was the frame of the last call of ``_pointer``; this one's is at the same address, and above this function's.
    runner = _pointer(_pointer(frame + _BELOW) + _BELOW)
    ctypes.c_void_p.from_address(runner + _BELOW).value = 0
    ctypes.c_int.from_address(state + _LEFT).value = sys.getrecursionlimit()


@contextlib.contextmanager
def deeper(times: int = 0) -> Iterator[None]:
    """Allows deep recursion meanwhile; with ``times`` that many times the usual one."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP) if not times else _USUAL * times)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_USUAL = sys.getrecursionlimit()


def _state() -> int:
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    return int(get())


def _pointer(address: int) -> int:
    return ctypes.c_void_p.from_address(address).value or 0
