"""Runs after each attack in the same sandbox and checks that everything is as if the attack had not happened.

A fix must not be written for these checks alone: they are examples of what the next program could meet.
"""
# expect: passed
import builtins
import gc
import json
import os
import random
import resource
import signal
import socket
import sys
import threading
import time

# The runner sets this to False if process and network namespaces and shared folders are the machine's.
NAMESPACES = True

wrong = []


def check(holds, text):
    if not holds:
        wrong.append(text)


def check_folders():
    own = os.getcwd()
    check(set(os.listdir(own)) <= {"program.py"}, f"its directory holds {os.listdir(own)[:5]}")
    check(os.environ["HOME"] == os.environ["TMPDIR"] == own, "home and TMPDIR are not its directory")
    shared = ("/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", "/run/lock") if NAMESPACES else ()
    for folder in shared:
        if os.access(folder, os.W_OK):
            left = [name for name in os.listdir(folder) if os.path.realpath(os.path.join(folder, name)) != own]
            # A Python that is installed below /tmp is visible there.
            left = [name for name in left if not (sys.prefix + "/").startswith(os.path.join(folder, name, ""))]
            check(not left, f"{folder} holds {left[:5]}")
    above = os.path.dirname(own)
    if NAMESPACES and os.access(above, os.R_OK):
        left = [name for name in os.listdir(above) if os.path.join(above, name) != own]
        check(not left, f"{above} holds {left[:5]}")


def ancestors():
    pids, pid = {os.getpid()}, os.getpid()
    while pid > 1:
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(") ")[2].split()[1])
        pids.add(pid)
    return pids


def check_processes():
    if not NAMESPACES:
        return
    expected = ancestors() | {1}
    names = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    check(set(names) <= expected, f"processes {sorted(set(names) - expected)[:5]} are there")
    for table in ("tcp", "tcp6", "udp", "udp6", "raw"):
        try:
            with open(f"/proc/net/{table}") as file:
                check(len(file.readlines()) <= 1, f"sockets are open ({table})")
        except OSError:
            pass
    with open("/proc/net/unix") as file:
        names = [line.split()[7] for line in file.readlines()[1:] if len(line.split()) > 7]
    check(not [name for name in names if "left" in name], f"unix sockets are open: {names[:5]}")
    for table in ("shm", "sem", "msg"):
        try:
            with open(f"/proc/sysvipc/{table}") as file:
                check(len(file.readlines()) <= 1, f"System V {table} is there")
        except OSError:
            pass


def check_inheritance():
    mask = os.umask(0o022)
    check(mask == 0o022, f"umask is {mask:o}")
    check(not signal.pthread_sigmask(signal.SIG_BLOCK, ()), "signals are blocked")
    check(not signal.sigpending(), "signals are pending")
    for number in signal.valid_signals() - {signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ}:
        check(signal.getsignal(number) in (signal.SIG_DFL, None), f"signal {number} has a handler")
    check(signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0), "a timer runs")
    for name in ("ATTACK", "LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP"):
        check(name not in os.environ, f"{name} is set")
    check("/usr/bin" in os.environ.get("PATH", ""), "PATH is changed")
    check("/tmp" not in sys.path, "sys.path is changed")
    check(resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 32, "the limit on descriptors is changed")
    check(os.getpriority(os.PRIO_PROCESS, 0) <= 0 or not NAMESPACES, "priority is changed")
    # Where the frames of apigauge stay on the stack (not in Python 3.11) the limit is higher by their number.
    check(sys.getrecursionlimit() == (1000 if sys.version_info < (3, 12) else 1020), "the recursion limit is changed")
    check(sys.getswitchinterval() < 1, "the switch interval is changed")
    check(gc.isenabled(), "the collector is off")
    check(threading.active_count() == 1, "threads are running")
    check(not sys.stdin.closed and not sys.stdout.closed, "streams are closed")


def check_modules():
    check(not hasattr(builtins, "poisoned") and not hasattr(builtins, "second"), "builtins are poisoned")
    check(type(open).__name__ == "builtin_function_or_method", "open is patched")
    check(json.loads("[1]") == [1], "json is patched")
    check(0 <= random.random() < 1 and random.random() != random.random(), "random is patched")
    check(sys.modules["re"].match("a", "a") if "re" in sys.modules else True, "re is patched")
    check(sys.meta_path and sys.path_hooks, "imports are patched")
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        pass
    else:
        check(False, "it has children")


def check_room():
    block = bytearray(200 << 20)
    for start in range(0, len(block), 4096):
        block[start] = 1
    del block
    for number in range(2):
        with open(f"file{number}", "wb") as file:
            file.write(b"x" * (30 << 20))
        os.unlink(f"file{number}")
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            time.sleep(0.1)
            os._exit(0)
        children.append(child)
    check(all(os.waitpid(child, 0)[1] == 0 for child in children), "its children were killed")
    threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check_ports():
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", 4567))
        except OSError as error:
            wrong.append(f"a port is in use: {error}")


CHECKS = [check_folders, check_processes, check_inheritance, check_modules, check_room]
# Without namespaces, ports are the machine's.
for look in CHECKS + [check_ports] * NAMESPACES:
    look()
if wrong:
    raise AssertionError("; ".join(wrong))
