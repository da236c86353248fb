"""What the forked child does before, around and after the program.

The supervisor learns that a program has reached its end from the child stopping itself (SIGSTOP): once just before the
program begins and once just after it has ended. Each time the supervisor checks where the child stands, from the stack
pointer that the kernel reports and from the running frame in the child's memory. There is no descriptor, nonce or
marker that the program could find. A program can stop itself too, but only from another frame and another depth of the
stack. The runner's frame is made of constants (see ``hidden.constant_code``), so it can neither be rewritten nor made
to continue after an exception. An item's tests (``tested``) have two such stops of their own: when the program's last
statement is done, and when the tests are. What the child writes to the shared page is trusted only if it makes the
verdict no better than "failed".

Covered: what Python code can do with Python's objects, including frames, garbage collector, tracing and processes.
Not covered: code that writes to the interpreter's own memory (ctypes, pointers passed to numpy, hand-made bytecode).
The code of runner and wrapper is compared with its original, which stops simple attempts; a program that forges the
interpreter's stack can imitate its end. That falsifies the verdict of this one program, and nothing else.
"""

import ast
import atexit
import builtins
import contextlib
import importlib.machinery
import importlib.util
import io
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
from typing import Any, NoReturn, cast

from apigauge.sandboxes.worker import (
    arguments,
    classify,
    deprecations,
    exits,
    genuine,
    hidden,
    honest,
    names,
    observer,
    sites,
    stack,
    tested,
)
from apigauge.sandboxes.worker.inputs import Inputs
from apigauge.sandboxes.worker.report import PAGE_BYTES, Report

FILE = "program.py"
# Of Python's and numpy's global generators, so that a program that draws from them gives the same result every time.
# (torch's generator always starts from the same seed.)
SEED = 0
PARSES, IMPORTS = 1, 2
_REPORTED, _ESCAPED = 70, 71
# Characters of a program whose syntax error is shown.
_MAX_SHOWN = 100_000
_OURS: list[str] = []
_INPUTS: list[Inputs] = []
# Signals that the supervisor ignores, by itself or because it was started by what ignores them (nohup, a shell's `&`).
_IGNORED: list[int] = []

_RUNNER = """
def run():
    try:
        program = "PREPARE"()
        "ALONE"()
        "STOP"("SIGNAL")
        "EXEC"(program, "NAMESPACE")
        if "IS_TESTED"() and "OWN" == "PID"():
            "FLUSH"()
            "ENDED"("SIGNAL")
            try:
                "EXEC"("TESTS"(), "NAMESPACE")
                "TESTED"("SIGNAL")
            except "ANYTHING" as failure:
                "FAILED"(failure)
        "LEAVE"()
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

# What the supervisor calls the runner's stops, but for the first.
STOPS = {"ends": "STOP", "ended": "ENDED", "tested": "TESTED"}


def warm_up(config: dict[str, Any]) -> None:
    """Does once, in the supervisor, what every child would otherwise repeat."""
    _INPUTS[:] = [Inputs(config)]
    usual = {signal.SIGPIPE, signal.SIGXFSZ}  # Python itself ignores these
    _IGNORED[:] = [one for one in signal.valid_signals() - usual if signal.getsignal(one) is signal.SIG_IGN]
    observer.warm_up()
    for stop in STOPS.values():
        hidden.stops_of(_RUNNER, stop)
    _OURS[:] = [name for name in sys.modules if name.partition(".")[0] == "apigauge"]


def start(
    request: dict[str, Any], setup: Callable[[], None], pages: tuple[mmap.mmap, mmap.mmap], streams: tuple[int, int]
) -> NoReturn:
    """Becomes the program; never returns.

    Args:
        request: ``source``, ``callee`` and ``limits``, as the host sent them; ``is_tested`` and ``modules``, if tests
            follow, of which more is known when the program has ended.
        setup: sets the child's user and directory; called before the program is read.
        pages: for the report, and for the tests.
        streams: descriptors that become standard output and standard error.
    """
    exit_now = os._exit  # bound here, so that the program cannot patch it
    page, desk = pages
    try:
        _own_streams(streams)
        setup()
        _limit(request["limits"])
        report = Report(page)
        namespace = _fresh_main()
        flush = _fresh_streams()
        before: list[tested.Before] = []
        random.seed(SEED)  # the fork has reseeded it at random
        constants = {
            # A partial object is called through a C frame, a plain function is not. So code of the program that is
            # called from here, such as the text of its exception, is deeper in the stack than the runner.
            "PREPARE": partial(_prepare, request, report, namespace, before),
            "STOP": signal.raise_signal,
            "SIGNAL": signal.SIGSTOP,
            "EXEC": exec,
            "IS_TESTED": partial(bool, request.get("is_tested")),
            "FLUSH": partial(flush),
            "ENDED": signal.raise_signal,
            "TESTS": partial(_tests, desk, namespace, before),
            "TESTED": signal.raise_signal,
            "FAILED": partial(_report_tests, report),
            "NAMESPACE": namespace,
            "ALONE": partial(stack.begin_here),
            "LEAVE": partial(_leave, flush),
            "ANYTHING": BaseException,
            "REPORT": partial(_report_failure, report, request["source"], flush),
            "EXIT": exit_now,
            "OWN": os.getpid(),
            "PID": os.getpid,
            "REPORTED": _REPORTED,
            "ESCAPED": _ESCAPED,
        }
        runner = hidden.constant_code(_RUNNER, constants)
        report.facts |= {
            "runner": id(runner),
            **{name: hidden.stops_of(_RUNNER, stop) for name, stop in STOPS.items()},
            "memory": hidden.memory_of(runner, runs_once=True),
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
    for number in (signal.SIGCHLD, signal.SIGTERM, *_IGNORED):
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
    file = os.path.abspath(FILE)
    vars(main)["__loader__"] = importlib.machinery.SourceFileLoader("__main__", file)
    vars(main).update(__annotations__={}, __builtins__=builtins, __file__=file, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv[:] = [FILE]
    sys.orig_argv[:] = [os.path.basename(sys.executable), FILE]
    return vars(main)


def _fresh_streams() -> Callable[[], None]:
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # type: ignore[misc]  # noqa: SIM115 - lives as long as the process
    out, err = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)), "utf-8", errors, line_buffering=number == 2
        )
        for number, errors in ((1, "surrogateescape"), (2, "backslashreplace"))
    )
    for stream, name in ((sys.stdin, "<stdin>"), (out, "<stdout>"), (err, "<stderr>")):
        cast("Any", stream).buffer.raw.name = name
    for stream in (out, err):
        stream.mode = "w"  # type: ignore[misc]
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc]

    def flush() -> None:
        for stream in (sys.stdout, out, err):
            with contextlib.suppress(Exception):  # the program may have replaced them by anything
                stream.flush()

    return flush


def _prepare(
    request: dict[str, Any], report: Report, namespace: dict[str, Any], before: list[tested.Before]
) -> types.CodeType:
    """Compiles the program and wraps its API call. No code of the program has run when this returns."""
    source = request["source"].removeprefix("\ufeff")
    # Before it is compiled, so that the display of a syntax error can show the line.
    _write_source(source)
    file = os.path.abspath(FILE)
    with warnings.catch_warnings(), stack.deeper():
        warnings.simplefilter("ignore")
        try:
            with stack.deeper(1):
                code = compile(source, file, "exec", dont_inherit=True)
            tree = ast.parse(source, file)
            imports, resolved = names.imported_names(tree), _imports_resolve(tree)
            is_changed = exits.replace_last(tree, source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise _NotPython(error, *_syntax(error)) from None
        report.update(stage=IMPORTS if resolved else PARSES)
        for inputs in _INPUTS:
            inputs.provide(source, tree, {module for imported in imports.values() for module, _ in imported})
        watched = _watch(request, report, namespace, tree, imports, source)
        if any(one.site for one in watched):
            is_changed = sites.at_call_sites(tree, request.get("callee") or "", watched) or is_changed
        if is_changed:
            code = exits.with_checks(sites.with_sites(compile(tree, file, "exec", dont_inherit=True), watched))
    deprecated = deprecations.Deprecations(file, lambda notes: report.update(deprecated=notes))
    deprecated.install()
    if request.get("is_tested"):
        before.append(tested.Before(request.get("modules", ()), deprecated.stop))
    # Not before: only a running program may import itself.
    sys.path.insert(0, os.getcwd())
    return code


def _watch(
    request: dict[str, Any],
    report: Report,
    namespace: dict[str, Any],
    tree: ast.Module,
    imports: names.Names,
    source: str,
) -> list[observer.Watched]:
    """Puts the wrappers in their places, and reports where the supervisor finds them."""
    callee = request.get("callee") or ""
    place = names.place_of_callee(callee, imports) if callee else None
    place = None if place and observer.depends_on_its_caller(place) else place
    functions = [
        (function, at)
        for function, at in names.places_of_functions(request.get("functions", ()), imports, source, tree)
        if not observer.depends_on_its_caller(at)
    ]
    say = None if request.get("can_read") else partial(_say, report)
    watched = observer.watch(place, functions, namespace, say)
    if "reload" in source:
        observer.follow_reloads(watched, namespace)
    memory = [part for one in watched for part in hidden.memory_of(one.code, runs_once=False)]
    if say is None:
        memory += [part for one in watched for part in genuine.memory_of_original(one.original)]
    report.update(memory=report.facts["memory"] + memory, recorded=[one.to_json() for one in watched if one.records])
    if place:
        report.update(wrapper=id(watched[0].code), stops=watched[0].stops)
    return watched


def _say(report: Report, function: str, skipped: int, positional: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Reports a call, where the supervisor cannot read what it was given."""
    calls = report.facts.get("calls", [])
    call = arguments.record(function, positional[skipped:], keywords)
    if call and call not in calls and len(calls) < arguments.MAX_CALLS and len(repr(calls)) < PAGE_BYTES // 4:
        report.update(calls=[*calls, call])


class _NotPython(Exception):  # noqa: N818 - internal, never shown to anybody
    """The error of a program that does not compile, what is wrong, and in which line."""


def _syntax(error: BaseException) -> tuple[str, int | None]:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}", error.lineno
    return f"{type(error).__name__}: {error or 'nested too deeply to compile'}", None


def _write_source(source: str) -> None:
    """Writes the file that tracebacks and ``inspect.getsource`` read."""
    with (
        contextlib.suppress(OSError, ValueError),
        open(FILE, "w", encoding="utf-8", errors="surrogatepass", newline="") as file,
    ):
        file.write(source)


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


def _tests(desk: mmap.mmap, namespace: dict[str, Any], before: list[tested.Before]) -> types.CodeType:
    """The tests' code, and all that they rely on as it was before the program."""
    before[0].put_back()
    honest.distrust(namespace)
    return tested.code_of(desk)


def _report_tests(report: Report, error: BaseException) -> None:
    """Reports which test failed, and how."""
    failure = classify.classify(error)
    facts = {"status": "failed", "reason": failure.reason, "line": classify.line_of(error, tested.FILE)}
    if isinstance(error, SyntaxError) and error.filename == tested.FILE:
        facts |= {"line": error.lineno}
    report.update(tests=facts)


def _leave(flush: Callable[[], None]) -> None:
    """What the interpreter does at its end."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
    atexit._run_exitfuncs()  # noqa: SLF001 - it has no public name
    flush()


def _report_failure(report: Report, source: str, flush: Callable[[], None], error: BaseException) -> None:
    if isinstance(error, _NotPython) and len(error.args) == 3:  # which a program can raise itself
        original, reason, line = error.args
        report.update(stage=0, status="failed", category="syntax", reason=reason[: classify.MAX_TEXT], line=line)
        if len(source) < _MAX_SHOWN:  # which repeats the line, and marks each character of it
            sys.__excepthook__(type(original), original, None)
    else:
        failure = classify.classify(error, source)
        line = classify.line_of(error, os.path.abspath(FILE))
        report.update(
            status=failure.status, category=failure.category, reason=failure.reason[: classify.MAX_TEXT], line=line
        )
        if failure.category == "import":
            report.update(stage=PARSES)
        _show(error)
    _leave(flush)


def _show(error: BaseException) -> None:
    """Shows what ended the program, as the interpreter does."""
    if isinstance(error, SystemExit):
        if error.code is not None and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
        return
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as second:  # noqa: BLE001 - the program may have set any
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)
