"""One request at a time: fork a child, watch it, clean up after it, answer.

The supervisor decides the verdict; nothing that a program prints, returns or writes makes it pass. In a PID namespace
it is the first process, so no program can signal it, and it holds the only descriptors to the host.
"""

import contextlib
import gc
import importlib
import mmap
import os
import resource
import select
import signal
import sys
import time
import weakref
from collections.abc import Iterator
from typing import Any

from apigauge.sandboxes.worker import accounts, child, cleanup, kernel, report, syscalls, tested, watch, wire
from apigauge.sandboxes.worker.program_run import ProgramRun


def serve(config: dict[str, Any]) -> None:
    """Answers requests until the host goes away.

    Args:
        config: ``preload`` (modules to import once), ``variables`` (environment), ``box`` (folder of the programs),
            ``folders`` (all they can write to), ``users`` (range of their user ids, or None), ``accounts`` (the folder
            in which they are entered, or None), ``alone`` (it has its own PID namespace), ``sum_memory`` (no control
            group does it), ``limits`` (upper bounds), those of ``Inputs``.
    """
    requests, answers = _take_streams()
    os.environ.clear()
    os.environ.update(config["variables"])
    before, permissions = cleanup.entries(config["folders"]), cleanup.modes(config["folders"])
    # What is imported stays: looking through it again and again takes a sixth of the time.
    gc.disable()
    # A library that cannot be imported is reported to the host, and programs that do not need it still run.
    problems, threaded = _preload(config["preload"], answers)
    # What libraries write when they are imported (Keras makes /tmp/.keras) belongs to this user, not to the programs',
    # and a copied folder's permissions are not those of /tmp.
    cleanup.restore(before, permissions)
    supervisor = Supervisor(config, requests, answers)
    child.warm_up(config)
    # In a container the engine has set a stricter one.
    has_filter = config["users"] is None and syscalls.install()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(child.SEED)
    _keep_what_was_preloaded()
    gc.collect()
    gc.freeze()  # children share this memory; a garbage collection would copy all of it
    gc.enable()
    kernel.use_huge_pages()
    # A library's threads are not in a fork, which may wait for them for ever.
    limits = config["limits"] | ({"idle_seconds": min(config["limits"]["idle_seconds"], 2.0)} if threaded else {})
    probe = supervisor.run({"source": "pass", "limits": limits})
    wire.write(
        answers,
        {
            "ready": probe["status"] == "passed" and probe["clean"],
            "probe": probe,
            "problems": problems,
            "threaded": threaded,
            "python": ".".join(map(str, sys.version_info[:3])),
            "ends": supervisor.ends,
            "calls": "frames" if supervisor.frames else "word",
            "filter": has_filter,
            "resident": _resident(),
        },
    )
    while (request := wire.read(requests)) is not None:
        wire.write(answers, supervisor.run(request) | {"id": request["id"]})


def _take_streams() -> tuple[int, int]:
    """The host's two streams, moved to other descriptors, so that code that uses 0 or 1 does not reach them."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return requests, answers


def _preload(modules: list[str], answers: int) -> tuple[list[str], list[str]]:
    """Imports the modules, which takes a busy machine minutes; a thread meanwhile tells the host that it goes on.

    Returns what failed, and the modules that started threads.
    """
    problems, threaded = [], []
    with _saying_alive(answers) if modules else contextlib.nullcontext():
        for module in modules:
            before = _count_threads()
            try:
                importlib.import_module(module)
            except Exception as error:  # noqa: BLE001 - reported to the host
                problems.append(f"{module}: {type(error).__name__}: {error}")
            if _count_threads() > before:
                threaded.append(module)
    return problems, threaded


def _keep_what_was_preloaded() -> None:
    """Leaves the preloaded libraries' objects alone at the end of a child: they are this process's.

    torch takes back thousands of operators, each a copy of pages that nobody looks at again: 30 ms a program.
    """
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
        finalizer.atexit = False


def _count_threads() -> int:
    return len(os.listdir("/proc/self/task"))


@contextlib.contextmanager
def _saying_alive(answers: int) -> Iterator[None]:
    """A sign of life every second; its thread has ended before anything is forked."""
    import threading

    is_over = threading.Event()

    def say() -> None:
        while not is_over.wait(1.0):
            wire.write(answers, {"alive": True})

    thread = threading.Thread(target=say, name="alive")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _resident() -> int:
    stat = kernel.stat(os.getpid())
    return stat.resident_bytes if stat else 0


class Supervisor:
    """Runs programs, one at a time."""

    def __init__(self, config: dict[str, Any], requests: int, answers: int) -> None:
        self._config = config
        self._host = (requests, answers)
        self._page = mmap.mmap(-1, report.PAGE_BYTES)
        self._desk, self._vault = mmap.mmap(-1, tested.MAX_BYTES + 4), tested.Vault()
        self._users = config["users"]
        self._count = 0
        self._start = int.from_bytes(os.urandom(4), "big")  # the kernel counts a user's processes over all containers
        self._alone = config["alone"]
        if not self._alone:
            kernel.become_subreaper()
        # Outside a container of its own the control group has other processes too.
        self._group = kernel.group_seconds() if self._users is not None else None
        self._everyone = cleanup.everyone_else if self._alone else cleanup.descendants
        self._folders = cleanup.Folders(config["folders"])
        self._accounts = accounts.Accounts(config.get("accounts"))
        self.frames = watch.Frames.of_this_interpreter(sys.version_info.minor)
        # "kernel" if the kernel reports where a stopped child stands, else "word"; decided at the first child.
        self.ends = "kernel"
        self._wakeup, signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # The first process of a namespace gets only signals that it handles, and Python handles SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        kernel.set_dumpable(dumpable=False)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Runs one program; returns its verdict as JSON for the host, and whether all is clean again (``clean``)."""
        self._count += 1
        user = self._next_user()
        if tests := request.pop("tests", ""):
            request |= {"is_tested": True, "modules": tested.modules_of(tests)}
            self._vault.keep({"tests": tests, "keeps": request.pop("keeps", [])})
        self._page[:] = bytes(report.PAGE_BYTES)
        if user is not None:
            self._accounts.enter(user, self._box())
        run = ProgramRun(self, request, user)
        try:
            verdict = run.until_it_ends()
        finally:
            killed = cleanup.kill_all(self._everyone, alone=self._alone, rest=self._rest)
            run.close()
            clean = self._folders.empty(user) and killed
            # A port that a closed connection keeps would be in use for the next program.
            # (In a container none does.)
            clean = clean and (self._users is not None or not self._alone or not kernel.waiting_connections())
        kills = kernel.out_of_memory_kills() if self._users is not None else 0
        return verdict | {"clean": clean, "resident": _resident(), "out_of_memory_kills": kills}

    def _box(self) -> str:
        return os.path.join(self._config["box"], str(self._count))

    def _next_user(self) -> int | None:
        if self._users is None:
            return None
        first, last = self._users
        return int(first + (self._start + self._count) % (last - first))

    # The methods that a ProgramRun calls.

    def fork(self, request: dict[str, Any], user: int | None, streams: tuple[int, int]) -> int:
        """Starts the child; returns its process id. In the child this does not return."""
        box = self._box()
        processes = request["limits"]["processes"]
        request = request | {"can_read": self.frames is not None}
        pid = os.fork()
        if pid == 0:
            child.start(request, lambda: _enter(user, box, processes), (self._page, self._desk), streams)
        return pid

    def watch(self, limits: dict[str, Any], *, sum_memory: bool) -> watch.Watch:
        """A watch on a new child."""
        less = limits["memory_bytes"] < self._config["limits"]["memory_bytes"]
        sum_memory = self._config["sum_memory"] or less or sum_memory
        limits = limits | {"sum_memory": sum_memory}
        if self._group is None:
            return watch.Watch(limits, self._everyone, _reaped_seconds, alone=self._alone)
        return watch.Watch(limits, self._everyone, _group_seconds, is_complete=True)

    def report(self) -> dict[str, Any]:
        """What the child has written to the shared page."""
        return report.read_report(self._page)

    def hand_over_tests(self) -> None:
        """Writes the tests where the child, which is stopped, reads them."""
        self._vault.hand_over(self._desk)

    def wait(self, streams: list[int], seconds: float) -> list[int]:
        """Waits until a child changes, a stream can be read, or time is up; returns the streams that can be read.

        Raises:
            SystemExit: the host has closed its end.
        """
        readable = select.select([self._wakeup, self._host[0], *streams], [], [], seconds)[0]
        if self._wakeup in readable:
            self._rest(0)
        if self._host[0] in readable:
            # Between request and answer the host sends nothing, so this is the end of the stream.
            cleanup.kill_all(self._everyone, alone=self._alone)
            raise SystemExit(0)
        return [stream for stream in streams if stream in readable]

    def _rest(self, seconds: float) -> None:
        """Waits until a child has changed, or time is up."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)

    def say_alive(self) -> None:
        """Tells the host that the supervisor is still alive during a long program."""
        wire.write(self._host[1], {"alive": True})


def _group_seconds() -> float:
    """CPU seconds of all in this container but this process."""
    return (kernel.group_seconds() or 0.0) - time.process_time()


def _reaped_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _enter(user: int | None, box: str, processes: int) -> None:
    """Gives the child its own user and folder."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    os.setsid()
    os.umask(0o022)
    if user is not None:
        # Counted for the user id, which no other process has; the control group also limits the whole container.
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    else:
        # The supervisor must read this process's memory, and has no more rights than it.
        kernel.set_dumpable(dumpable=True)
    os.mkdir(box, 0o700)
    os.chdir(box)
    os.environ.update(HOME=box, TMPDIR=box, PWD=box, USER="sandbox", LOGNAME="sandbox")
    if "multiprocessing.process" in sys.modules:  # the folder in which a spawned process looks for the program
        sys.modules["multiprocessing.process"].ORIGINAL_DIR = box  # type: ignore[attr-defined]
