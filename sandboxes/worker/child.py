"""What the forked child does before, around and after the program.

The supervisor learns that a program has reached its end from the child stopping itself (SIGSTOP): once just before the
program begins and once just after it has ended. Each time the supervisor checks where the child stands, from the stack
pointer that the kernel reports and from the running frame in the child's memory. There is no descriptor, nonce or
marker that the program could find. A program can stop itself too, but only from another frame and another depth of the
stack. The runner's frame is made of constants (see ``observer.constant_code``), so it can neither be rewritten nor made
to continue after an exception. What the child writes to the shared page is trusted only if it makes the verdict no
better than "failed".

Covered: what Python code can do with Python's objects, including frames, garbage collector, tracing and processes.
Not covered: code that writes to the interpreter's own memory (ctypes, pointers passed to numpy, hand-made bytecode).
The code of runner and wrapper is compared with its original, which stops simple attempts; a program that forges the
interpreter's stack can imitate its end. That falsifies the verdict of this one program, and nothing else.
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

from apigauge.sandboxes.worker import arguments, classify, names, observer
from apigauge.sandboxes.worker.inputs import Inputs

FILE = "program.py"
# Of Python's and numpy's global generators, so that a program that draws from them gives the same result every time.
# (torch's generator always starts from the same seed.)
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
    """Does once, in the supervisor, what every child would otherwise repeat."""
    _INPUTS[:] = [Inputs(config)]
    inspect._get_code_position = _position  # type: ignore[attr-defined]  # noqa: SLF001 - it fails on the runner's code
    observer.warm_up()
    observer.stops_of(_RUNNER)
    _OURS[:] = [name for name in sys.modules if name.partition(".")[0] == "apigauge"]


def _position(code: types.CodeType, offset: int) -> tuple[int | None, ...]:
    """As in ``inspect``, but also for the runner, the last frame of ``inspect.stack()``, which has no line numbers."""
    nowhere = (None, None, None, None)
    return nowhere if offset < 0 else next(itertools.islice(code.co_positions(), offset // 2, None), (1, *nowhere[1:]))


class Report:
    """The child's report to the supervisor in a shared memory page: how far it came, and what stopped it."""

    def __init__(self, page: mmap.mmap) -> None:
        self._page = page
        self._process = os.getpid()
        self.facts: dict[str, Any] = {"stage": 0}

    def update(self, **facts: Any) -> None:
        """Adds facts; the page always holds one complete report. Calls in the program's other processes are ignored."""
        if os.getpid() != self._process:
            return
        self.facts |= facts
        body = json.dumps(self.facts).encode("ascii")[: PAGE_BYTES - 4]
        self._page[4 : 4 + len(body)] = body
        self._page[:4] = len(body).to_bytes(4, "big")


def read_report(page: mmap.mmap) -> dict[str, Any]:
    """The report on a page, which the program may have overwritten: anything malformed is an empty report."""
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
        setup: sets the child's user and directory; called before the program is read.
        page: for the report.
        streams: descriptors that become standard output and standard error.
    """
    exit_now = os._exit  # bound here, so that the program cannot patch it
    try:
        _own_streams(streams)
        setup()
        _limit(request["limits"])
        report = Report(page)
        namespace = _fresh_main()
        flush = _fresh_streams()
        random.seed(SEED)  # the fork has reseeded it at random
        constants = {
            # A partial object is called through a C frame, a plain function is not. So code of the program that is
            # called from here, such as the text of its exception, is deeper in the stack than the runner.
            "PREPARE": partial(_prepare, request, report, namespace),
            "STOP": signal.raise_signal,
            "SIGNAL": signal.SIGSTOP,
            "EXEC": exec,
            "NAMESPACE": namespace,
            "JOIN": partial(threading._shutdown),  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does at its end
            "FLUSH": partial(flush),
            "ANYTHING": BaseException,
            "REPORT": partial(_report_failure, report, request["source"]),
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
    """Sets the limits of the child itself; the supervisor watches the limits on all its processes together."""
    seconds = int(limits["cpu_seconds"]) + 2
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * mmap.PAGESIZE
    for name, soft, hard in (
        # Programs reserve more addresses than they use; the memory in use is limited by the control group.
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
        ceiling = soft if hard is None else hard
        ceiling = ceiling if highest == resource.RLIM_INFINITY else min(ceiling, highest)
        resource.setrlimit(name, (min(soft, ceiling), ceiling))


def _fresh_main() -> dict[str, Any]:
    """Makes a module ``__main__`` like that of ``python program.py``; no module of apigauge can be imported by name."""
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
            with contextlib.suppress(Exception):  # the program may have replaced them by anything
                stream.flush()

    return flush


def _prepare(request: dict[str, Any], report: Report, namespace: dict[str, Any]) -> types.CodeType:
    """Compiles the program and wraps its API call. No code of the program has run when this returns."""
    source = request["source"].removeprefix("\ufeff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source, FILE)
            imports, resolved = names.imported_names(tree), _imports_resolve(tree)
            tree = _without_last_exit(tree)
            code = compile(tree, FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise _NotPython(*_syntax(error)) from None
    report.update(stage=IMPORTS if resolved else PARSES)
    for inputs in _INPUTS:
        inputs.provide(source, tree, {module for imported in imports.values() for module, _ in imported})
    callee = request.get("callee") or ""
    place = names.place_of_callee(callee, imports) if callee else None
    functions = list(names.places_of_functions(request.get("functions", ()), imports, source, tree))
    say = None if request.get("can_read") else partial(_say, report)
    watched = observer.watch(place, functions, namespace, say)
    memory = [part for one in watched for part in observer.memory_of(one.code, runs_once=False)]
    report.update(memory=report.facts["memory"] + memory, recorded=[one.to_json() for one in watched if one.records])
    if place:
        report.update(wrapper=id(watched[0].code), stops=watched[0].stops)
    if any(one.site for one in watched):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(observer.at_call_sites(tree, callee, watched), FILE, "exec", dont_inherit=True)
        code = observer.with_sites(code, watched)
    # The frames of apigauge on the stack must not reduce the recursion that the program may use.
    sys.setrecursionlimit(sys.getrecursionlimit() + 20)
    # Not before: only a running program may import itself.
    _show_source(source)
    sys.path.insert(0, os.getcwd())
    return code


def _say(report: Report, function: str, skipped: int, positional: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Reports a call, where the supervisor cannot read what it was given."""
    calls = report.facts.get("calls", [])
    call = arguments.record(function, positional[skipped:], keywords)
    if call and call not in calls and len(calls) < arguments.MAX_CALLS and len(repr(calls)) < PAGE_BYTES // 4:
        report.update(calls=[*calls, call])


class _NotPython(Exception):  # noqa: N818 - internal, never shown to anybody
    """Says what is wrong with a program that does not compile, and in which line."""


def _syntax(error: BaseException) -> tuple[str, int | None]:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}", error.lineno
    return f"{type(error).__name__}: {error or 'nested too deeply to compile'}", None


def _show_source(source: str) -> None:
    """Writes the file that tracebacks and ``inspect.getsource`` read."""
    with contextlib.suppress(OSError, ValueError):
        with open(FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(source)
        linecache.cache[os.path.abspath(FILE)] = (len(source), None, source.splitlines(keepends=True), FILE)


def _imports_resolve(tree: ast.Module) -> bool:
    """Whether every package that the program imports unconditionally is installed."""
    roots = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return all(root in sys.modules or _is_installed(root) for root in roots)


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _without_last_exit(tree: ast.Module) -> ast.Module:
    """Replaces a final ``sys.exit(X)``, which is a normal end, by a check of X.

    Any other exit ends the program before its last statement, and so does this one if X signals a failure.
    """
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assigned |= {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)}
    _check_last_exit(tree.body, _EXITS - {name for name in _EXITS if name.partition(".")[0] in assigned})
    return tree


_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_EXITS = frozenset({"sys.exit", "exit", "quit", "SystemExit"})


def _check_last_exit(body: list[ast.stmt], exits: frozenset[str]) -> None:
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        _check_last_exit(last.body, exits)
        _check_last_exit(last.orelse, exits)
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
    check = ast.parse(template).body[0]
    next(node for node in ast.walk(check) if isinstance(node, ast.NamedExpr)).value = value
    body[-1] = ast.fix_missing_locations(ast.copy_location(check, last))


def _report_failure(report: Report, source: str, error: BaseException) -> None:
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
