"""An item's tests: run behind a program, in its process and with its names, once it has ended.

Before the program begins, what tests rely on is noted: Python's own functions, the modules that the tests import, what
answers signals. Before the tests begin it is put back, so that a program cannot decide over them by replacing any of
that. The tests themselves are not in the child's memory until the program has ended: the supervisor keeps them where a
fork does not have them, and writes them to a shared page while the child is stopped.

Covered: exits, replaced functions and classes of the modules that the tests name, tracers, handlers, import hooks. Not
covered: objects of the program that lie about more than being equal (``honest``), threads of the program that run on,
parts of libraries that the tests use without naming them, code that reads the stack to find what the tests expect.
"""

import ast
import builtins
import contextlib
import gc
import importlib
import json
import mmap
import os
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

FILE = "<tests>"
# What tests may be as JSON, and how much a report of their failure may be.
MAX_BYTES = 1 << 20
_MARK = "\0apigauge builtin "


class Vault:
    """What the supervisor knows and a fork of it does not."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MAX_BYTES)
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._memory.madvise(mmap.MADV_DONTFORK)
        self._length = 0

    def keep(self, secret: dict[str, Any]) -> None:
        """Takes the place of what was kept before."""
        data = json.dumps(secret).encode("ascii")
        self._length = len(data)
        self._memory[: len(data)] = data

    def hand_over(self, desk: mmap.mmap) -> None:
        """Writes it where the child reads it."""
        desk[4 : 4 + self._length] = self._memory[: self._length]
        desk[:4] = self._length.to_bytes(4, "big")


def modules_of(tests: str) -> list[str]:
    """The modules that tests import, whatever their syntax errors."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return sorted(names)


class Before:
    """What tests rely on, as it is before the program begins.

    Args:
        modules: those that the tests import. Python's own are loaded; others only if they are already.
        finish: called when the program's part is over.
    """

    def __init__(self, modules: Sequence[str], finish: Callable[[], None]) -> None:
        self._finish = finish
        own = [name for name in modules if name.partition(".")[0] in sys.stdlib_module_names]
        for name in own:
            with contextlib.suppress(Exception):  # the tests will say so themselves
                importlib.import_module(name)
        roots = {name.partition(".")[0] for name in modules}
        self._modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in roots}
        self._entries: list[tuple[Any, dict[str, Any]]] = []
        self._bodies: list[tuple[types.FunctionType, tuple[Any, ...]]] = []
        for owner in (builtins, *self._modules.values(), *_classes(self._modules.get(name) for name in modules)):
            entries = {name: value for name, value in _entries(owner) if callable(value)}
            self._entries.append((owner, entries))
            self._bodies += [(one, _body(one)) for one in entries.values() if type(one) is types.FunctionType]
        lists: tuple[list[Any], ...] = (sys.path, sys.meta_path, sys.path_hooks, gc.callbacks)
        self._lists = [(one, list(one)) for one in lists]
        self._handlers = _handlers()
        # Bound here: the program may replace them.
        self._steps = (sys.settrace, sys.setprofile, signal.signal, signal.setitimer, signal.ITIMER_REAL, os.getcwd)

    def put_back(self) -> None:
        """Undoes what the program has done to it."""
        self._finish()
        settrace, setprofile, set_handler, set_timer, real, folder = self._steps
        settrace(None)
        setprofile(None)
        _stop_monitoring()
        set_timer(real, 0)
        for number, handler in self._handlers.items():
            with contextlib.suppress(OSError, ValueError, TypeError):
                set_handler(number, handler)
        for function, body in self._bodies:
            if _body(function) != body:
                function.__code__, function.__defaults__, function.__kwdefaults__ = body
        for owner, entries in self._entries:
            now = dict(_entries(owner))
            for name, value in entries.items():
                if now.get(name) is not value:
                    with contextlib.suppress(Exception):
                        setattr(owner, name, value)
        sys.modules.update(self._modules)
        for one, content in self._lists:
            one[:] = content
        sys.path.append(folder())  # behind all others: a file of the program's must not stand for a library


def _entries(owner: Any) -> Iterable[tuple[str, Any]]:
    return list(vars(owner).items()) if isinstance(owner, type | types.ModuleType) else []


def _classes(modules: Iterable[Any]) -> Iterator[type]:
    """The classes that these modules offer, but for Python's own that nobody can change."""
    for module in modules:
        for _, value in _entries(module):
            if isinstance(value, type) and value.__flags__ & (1 << 9):  # Py_TPFLAGS_HEAPTYPE
                yield value


def _body(function: types.FunctionType) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _handlers() -> dict[int, Any]:
    return {number: handler for number in signal.valid_signals() if (handler := signal.getsignal(number)) is not None}


def _stop_monitoring() -> None:
    monitoring: Any = getattr(sys, "monitoring", None)  # since Python 3.12
    for tool in range(6) if monitoring else ():
        if monitoring.get_tool(tool) is not None:
            monitoring.set_events(tool, 0)


def code_of(desk: mmap.mmap) -> types.CodeType:
    """The tests' code, from what the supervisor has written: their text, and ``keeps``, the builtins' names not to fix.

    In the place of a name that is Python's own stands the function itself, unless the tests bind the name.
    """
    length = int.from_bytes(desk[:4], "big")
    secret = json.loads(desk[4 : 4 + length])
    desk[: 4 + length] = bytes(4 + length)
    tree = ast.parse(secret["tests"], FILE)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
    bound |= {
        one.name
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler) and one.name
    }
    bound |= {(one.asname or one.name).partition(".")[0] for one in ast.walk(tree) if isinstance(one, ast.alias)}
    fixed = vars(builtins).keys() - bound - set(secret["keeps"]) - {"__import__", "__build_class__", "super"}
    fixed = {name for name in fixed if not name.startswith("__")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(_Fixed(fixed).visit(tree), FILE, "exec", dont_inherit=True)
    return _filled(code, {f"{_MARK}{name}": vars(builtins)[name] for name in fixed})


class _Fixed(ast.NodeTransformer):
    """Puts marks in the place of names."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The mark, or the name."""
        if isinstance(node.ctx, ast.Load) and node.id in self._names:
            return ast.copy_location(ast.Constant(f"{_MARK}{node.id}"), node)
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.MatchClass:
        """As it is: a pattern's class must be a name."""
        return node


def _filled(code: types.CodeType, objects: dict[str, Any]) -> types.CodeType:
    def filled(value: Any) -> Any:
        if isinstance(value, types.CodeType):
            return value.replace(co_consts=tuple(map(filled, value.co_consts)))
        if isinstance(value, tuple | frozenset):
            return type(value)(map(filled, value))
        return objects.get(value, value) if isinstance(value, str) else value

    return cast("types.CodeType", filled(code))
