"""Sets the limits, priority, scheduler and cores of its parent, which runs the next program, and leaves keys behind.

Limits of its own it may set. A fix could compare the number of the process only where the call names it, and forget
calls for a whole user or group of processes.
"""
# expect: passed
# where: docker process
import contextlib
import ctypes
import os
import resource

parent = os.getppid()
done = []


def attempt(name, call, *arguments):
    with contextlib.suppress(OSError, PermissionError):
        call(*arguments)
        done.append(name)


for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_CPU):
    attempt(f"limit {limit}", resource.prlimit, parent, limit, (4, 4))
attempt("cores", os.sched_setaffinity, parent, {0})
attempt("scheduler", os.sched_setscheduler, parent, os.SCHED_BATCH, os.sched_param(0))
attempt("priority", os.setpriority, os.PRIO_PROCESS, parent, 19)
if os.getuid() == os.stat(f"/proc/{parent}").st_uid:
    attempt("priority of the user", os.setpriority, os.PRIO_USER, os.getuid(), 19)
libc = ctypes.CDLL(None, use_errno=True)
machine = os.uname().machine
add_key, session = (248 if machine == "x86_64" else 217), -3
if libc.syscall(add_key, b"user", b"left", b"x", 1, session) >= 0:
    done.append("key")
assert not done, done
resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (100, 200))
resource.setrlimit(resource.RLIMIT_NOFILE, (90, 200))
os.sched_setaffinity(0, os.sched_getaffinity(0))
os.nice(1)
