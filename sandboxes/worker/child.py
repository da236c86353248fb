"""What the forked child does before, around and after the program.

The channel by which the supervisor learns that a program reached its end is the program's own standstill: the child
stops itself once just before the program begins and once just after it has ended, and the supervisor looks where it
stands, by what the kernel says of its stack and by what its memory says of the frame that runs. There is no descriptor,
nonce or marker that the program could find. A program can stop itself too, but from another frame and another depth of
the stack, and the runner's frame is made of constants (see ``observer.constant_code``), so it can neither be rewritten
nor made to go on after an exception. What the child writes to the shared page is believed only where it makes the
verdict no better than "failed".

Covered: what Python code can do with Python's objects, frames, garbage collector, tracing and processes included.
Not covered: whatever writes to the interpreter's own memory (ctypes, pointers handed to numpy, bytecode made by hand).
The code of runner and wrapper is compared with what it was, which stops the simple ones; a program that forges the
interpreter's stack can imitate its end. It gains that one program a verdict, and nothing outside it.
"""

import ast
import builtins
import contextlib
import importlib.util
import inspect
import io
import itertools
import json
import linecache
import mmap
import os
import random
import resource
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from apigauge.sandboxes.worker import classify, observer
from apigauge.sandboxes.worker.inputs import Inputs

FILE = "program.py"
# Of Python's and numpy's global generators, so that a program that draws from them does the same every time. (torch's
# begins with the same number anyway.)
SEED = 0
PARSES, IMPORTS = 1, 2
# The shared page: what the child reports, as JSON; the first four bytes are its length.
PAGE_BYTES = 1 << 16
_REPORTED, _ESCAPED = 70, 71
_OURS: list[str] = []
_INPUTS: list[Inputs] = []

_RUNNER = """
def run():
    try:
        program = "PREPARE"()
        "STOP"("SIGNAL")
        "EXEC"(program, "NAMESPACE")
        "JOIN"()
        "FLUSH"()
        if "OWN" != "PID"():
            "EXIT"(0)
    except "ANYTHING" as error:
        try:
            "REPORT"(error)
        finally:
            "EXIT"("REPORTED")
    "STOP"("SIGNAL")
    "EXIT"("ESCAPED")
"""


def warm_up(config: dict[str, Any]) -> None:
    """Does once, in the supervisor, what every child would do anew."""
    _INPUTS[:] = [Inputs(config)]
    inspect._get_code_position = _position  # type: ignore[attr-defined]  # noqa: SLF001 - it fails on the runner
    observer.warm_up()
    observer.stops_of(_RUNNER)
    _OURS[:] = [name for name in sys.modules if name.partition(".")[0] == "apigauge"]


def _position(code: types.CodeType, offset: int) -> tuple[int | None, ...]:
    """As ``inspect`` finds it; the runner, which a program's ``inspect.stack()`` meets last, has no lines."""
    nowhere = (None, None, None, None)
    return nowhere if offset < 0 else next(itertools.islice(code.co_positions(), offset // 2, None), (1, *nowhere[1:]))


class Report:
    """What the child tells the supervisor through a page both share: how far it came, and what stopped it."""

    def __init__(self, page: mmap.mmap) -> None:
        self._page = page
        self._process = os.getpid()
        self.facts: dict[str, Any] = {"stage": 0}

    def update(self, **facts: Any) -> None:
        """Adds facts; the page always holds one whole report. What other processes of the program say is not kept."""
        if os.getpid() != self._process:
            return
        self.facts |= facts
        body = json.dumps(self.facts).encode("ascii")[: PAGE_BYTES - 4]
        self._page[4 : 4 + len(body)] = body
        self._page[:4] = len(body).to_bytes(4, "big")


def read_report(page: mmap.mmap) -> dict[str, Any]:
    """The report on a page, whoever wrote it: anything that is no report is an empty one."""
    length = int.from_bytes(page[:4], "big")
    try:
        facts = json.loads(page[4 : 4 + length]) if length <= PAGE_BYTES - 4 else {}
    except (ValueError, RecursionError):
        facts = {}
    return facts if isinstance(facts, dict) else {}


def start(request: dict[str, Any], setup: Callable[[], None], page: mmap.mmap, streams: tuple[int, int]) -> NoReturn:
    """Becomes the program; never returns.

    Args:
        request: ``source``, ``callee`` and ``limits``, as the host sent them.
        setup: what the kind of sandbox still has to do (its user, its directory); called before anything else is read.
        page: for the report.
        streams: descriptors that become standard output and standard error.
    """
    exit_now = os._exit  # bound here, so that nothing the program patches is on the way out
    try:
        _own_streams(streams)
        setup()
        _limit(request["limits"])
        report = Report(page)
        namespace = _fresh_main()
        flush = _fresh_streams()
        random.seed(SEED)  # a fork has made it unforeseeable
        constants = {
            # A partial object takes a C frame, and so a place in the stack, that a plain function would not: what the
            # program can get called from here, the text of its exception say, stands deeper than the runner.
            "PREPARE": partial(_prepare, request, report, namespace),
            "STOP": signal.raise_signal,
            "SIGNAL": signal.SIGSTOP,
            "EXEC": exec,
            "NAMESPACE": namespace,
            "JOIN": partial(threading._shutdown),  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does at its end
            "FLUSH": partial(flush),
            "ANYTHING": BaseException,
            "REPORT": partial(_tell, report, request["source"]),
            "EXIT": exit_now,
            "OWN": os.getpid(),
            "PID": os.getpid,
            "REPORTED": _REPORTED,
            "ESCAPED": _ESCAPED,
        }
        runner = observer.constant_code(_RUNNER, constants)
        report.facts |= {
            "runner": id(runner),
            "ends": observer.stops_of(_RUNNER),
            "memory": observer.memory_of(runner, runs_once=True),
        }
        types.FunctionType(runner, {})()
    finally:
        exit_now(_ESCAPED)


def _own_streams(streams: tuple[int, int]) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in zip((null, *streams), (0, 1, 2), strict=True):
        os.dup2(source, target)
    os.closerange(3, 1 << 16)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _limit(limits: dict[str, Any]) -> None:
    """Resource limits of the child itself; what concerns all its processes together, the supervisor watches."""
    seconds = int(limits["cpu_seconds"]) + 2
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * mmap.PAGESIZE
    for name, soft, hard in (
        # Addresses are reserved more freely than memory is used; what is used, the control group limits.
        (resource.RLIMIT_AS, now + 2 * limits["memory_bytes"] + (1 << 30), None),
        (resource.RLIMIT_CORE, 0, None),
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], None),
        (resource.RLIMIT_MEMLOCK, 0, None),
        (resource.RLIMIT_MSGQUEUE if hasattr(resource, "RLIMIT_MSGQUEUE") else resource.RLIMIT_CORE, 0, None),
        (resource.RLIMIT_NOFILE, limits["open_files"], None),
        (resource.RLIMIT_STACK, 8 << 20, None),
    ):
        highest = resource.getrlimit(name)[1]
        wanted = soft if hard is None else hard
        ceiling = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        resource.setrlimit(name, (min(soft, ceiling), ceiling))


def _fresh_main() -> dict[str, Any]:
    """A module ``__main__`` like that of ``python program.py``; nothing of ours can be imported by name."""
    for name in _OURS:
        sys.modules.pop(name, None)
    main = types.ModuleType("__main__")
    vars(main).update(__file__=FILE, __builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    sys.argv[:] = [FILE]
    return vars(main)


def _fresh_streams() -> Callable[[], None]:
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    out, err = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)), "utf-8", errors, line_buffering=number == 2
        )
        for number, errors in ((1, "surrogateescape"), (2, "backslashreplace"))
    )
    for stream in (out, err):
        stream.mode = "w"  # type: ignore[misc]
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc]

    def flush() -> None:
        for stream in (sys.stdout, out, err):
            with contextlib.suppress(Exception):  # the program may have put anything there
                stream.flush()

    return flush


def _prepare(request: dict[str, Any], report: Report, namespace: dict[str, Any]) -> types.CodeType:
    """The program, compiled, its API call watched. Nothing of the program has run when this returns."""
    source = request["source"].removeprefix("\ufeff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source, FILE)
            names, found = observer.imported_names(tree), _imports_resolve(tree)
            tree = _without_last_exit(tree)
            code = compile(tree, FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise _NotPython(*_syntax(error)) from None
    report.update(stage=IMPORTS if found else PARSES)
    for given in _INPUTS:
        given.provide(source, tree, {module for imported in names.values() for module, _ in imported})
    watched = observer.watch(request["callee"], names, namespace) if request.get("callee") else None
    if watched:
        memory = report.facts["memory"] + observer.memory_of(watched.code, runs_once=False)
        report.update(wrapper=id(watched.code), stops=watched.stops, memory=memory)
        if watched.site:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = compile(observer.at_call_sites(tree, request["callee"]), FILE, "exec", dont_inherit=True)
            code = observer.with_site(code, watched.site)
    # What we are ourselves on the stack is not to cost the program its own recursion.
    sys.setrecursionlimit(sys.getrecursionlimit() + 20)
    # Only now may a program import itself.
    _show_source(source)
    sys.path.insert(0, os.getcwd())
    return code


class _NotPython(Exception):  # noqa: N818 - not an error of ours, and never seen by anyone
    """Carries what is wrong with a program that does not compile, and where."""


def _syntax(error: BaseException) -> tuple[str, int | None]:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}", error.lineno
    return f"{type(error).__name__}: {error or 'nested too deeply to compile'}", None


def _show_source(source: str) -> None:
    """The file that tracebacks and ``inspect.getsource`` read."""
    with contextlib.suppress(OSError, ValueError):
        with open(FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(source)
        linecache.cache[os.path.abspath(FILE)] = (len(source), None, source.splitlines(keepends=True), FILE)


def _imports_resolve(tree: ast.Module) -> bool:
    """Whether every package that the program imports in any case is there."""
    roots = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return all(root in sys.modules or _is_there(root) for root in roots)


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _without_last_exit(tree: ast.Module) -> ast.Module:
    """``sys.exit(X)`` as the very last thing a program does is its end: it becomes a plain look at X.

    Any other exit ends the program before its last statement, and so does this one if X says that something failed.
    """
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assigned |= {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)}
    _look_at_last_exit(tree.body, _EXITS - {name for name in _EXITS if name.partition(".")[0] in assigned})
    return tree


_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_EXITS = frozenset({"sys.exit", "exit", "quit", "SystemExit"})


def _look_at_last_exit(body: list[ast.stmt], exits: frozenset[str]) -> None:
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        _look_at_last_exit(last.body, exits)
        _look_at_last_exit(last.orelse, exits)
        return
    call = last.value if isinstance(last, ast.Expr) else last.exc if isinstance(last, ast.Raise) else None
    if last is None or not isinstance(call, ast.Call) or call.keywords or len(call.args) > 1:
        return
    name = ast.unparse(call.func)
    if name not in exits or isinstance(last, ast.Raise) != (name == "SystemExit"):
        return
    value = call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else ast.Constant(None)
    template = (
        "if not ((_status := 0) is None or (isinstance(_status, int) and _status == 0)): raise SystemExit(_status)"
    )
    look = ast.parse(template).body[0]
    next(node for node in ast.walk(look) if isinstance(node, ast.NamedExpr)).value = value
    body[-1] = ast.fix_missing_locations(ast.copy_location(look, last))


def _tell(report: Report, source: str, error: BaseException) -> None:
    if isinstance(error, _NotPython):
        reason, line = error.args
        report.update(stage=0, status="failed", category="syntax", reason=reason[: classify.MAX_TEXT], line=line)
        return
    failure = classify.classify(error, source)
    line = classify.line_of(error, FILE)
    report.update(
        status=failure.status, category=failure.category, reason=failure.reason[: classify.MAX_TEXT], line=line
    )
    if failure.category == "import":
        report.update(stage=PARSES)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
