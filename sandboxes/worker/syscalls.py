"""A filter of system calls for a program in a sandbox without an engine, which would have one of its own.

It refuses what reaches beyond a program's own processes: limits, priority and cores of the supervisor, keys, tracing,
mounts, namespaces, the kernel's modules and settings, and kinds of sockets that no Python program needs. The supervisor
sets it once, for itself and for all that it starts, so that it costs a program nothing.

Numbers as in Linux's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h, instructions as in
include/uapi/linux/{filter,seccomp}.h.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

# For each machine: its number in a filter (AUDIT_ARCH), and which column of the tables has its system calls.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000
# Refused whatever their arguments are.
_REFUSED = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chroot": (161, 51),
    "clock_adjtime": (305, 266), "clock_settime": (227, 112), "delete_module": (176, 106), "execveat": (322, 281),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "init_module": (175, 105), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18), "memfd_secret": (447, 447),
    "migrate_pages": (256, 238), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "move_pages": (279, 239), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170),
    "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "vhangup": (153, 58),
}  # fmt: skip
# Of these the first argument must be no thread of the supervisor.
_OWN_ONLY = {
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
# And of these that one's second, after a first that says "process".
_OWN_ONLY_SECOND = {"setpriority": ((141, 140), 0), "ioprio_set": ((251, 30), 1)}
_PRLIMIT, _SOCKET, _CLONE, _CLONE3 = (302, 261), (41, 198), (56, 220), (435, 435)
_NEW_NAMESPACES = 0x7E020000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _DATAGRAM, _TCP, _UDP = 1, 2, 6, 17

_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

Step = tuple[int, int, int, int]


def install() -> bool:
    """Sets the filter for this process and all that it starts; returns whether the kernel has taken it."""
    steps = program(os.uname().machine, sorted(map(int, os.listdir("/proc/self/task"))))
    if not steps:
        return False
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog
    described = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(buffer)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    if prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return not prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(described), 0, 0)


def program(machine: str, protected: Sequence[int]) -> list[Step]:
    """The filter's instructions; none for a machine that is not in the tables.

    Args:
        machine: as ``uname`` has it.
        protected: process and thread ids of the supervisor, at most 100 of which are protected.
    """
    if machine not in _MACHINES:
        return []
    audit, column = _MACHINES[machine]
    protected = protected[:100]
    refused, allowed = _result(errno.EPERM), _result(None)
    steps: list[Step] = [_load(4), (_EQUAL, 1, 0, audit), refused, _load(0)]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), refused]
    for numbers in _REFUSED.values():
        steps += [(_EQUAL, 0, 1, numbers[column]), refused]
    steps += _only(_CLONE3[column], [_result(errno.ENOSYS)])
    steps += _only(_CLONE[column], [_argument(0), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), refused, allowed])
    for numbers in _OWN_ONLY.values():
        steps += _only(numbers[column], _others(0, protected))
    for numbers, process in _OWN_ONLY_SECOND.values():
        steps += _only(numbers[column], [_argument(0), (_EQUAL, 1, 0, process), refused, *_others(1, protected)])
    # To read the limits of another process is harmless.
    reads = [_argument(2), (_EQUAL, 0, 3, 0), _argument(2, high=True), (_EQUAL, 0, 1, 0), allowed]
    steps += _only(_PRLIMIT[column], [*reads, *_others(0, protected)])
    steps += _only(_SOCKET[column], _sockets())
    return [*steps, allowed]


def _result(error: int | None) -> Step:
    return (_RETURN, 0, 0, _ALLOW if error is None else _ERRNO | error)


def _load(offset: int) -> Step:
    return (_LOAD, 0, 0, offset)


def _argument(place: int, *, high: bool = False) -> Step:
    """Loads half of an argument, from struct seccomp_data of a little-endian machine."""
    return _load(16 + 8 * place + 4 * high)


def _only(number: int, body: list[Step]) -> list[Step]:
    """Steps for one system call; they must end in a result."""
    return [(_EQUAL, 0, len(body), number), *body]


def _others(place: int, protected: Sequence[int]) -> list[Step]:
    """Refuses a call if this argument is one of these numbers."""
    refused = [(_EQUAL, left, 0, one) for left, one in zip(range(len(protected), 0, -1), protected, strict=True)]
    return [_argument(place), *refused, _result(None), _result(errno.EPERM)]


def _sockets() -> list[Step]:
    """Local sockets, TCP and UDP, and what the C library asks for addresses."""
    refused = _result(errno.EPERM)
    kind, stream, datagram, netlink, allowed = 6, 11, 15, 19, 22

    def body(*steps: Step | tuple[int, int]) -> list[Step]:
        # A pair is a value, and where to go on if it is equal.
        return [
            (_EQUAL, step[1] - place - 1, 0, step[0]) if len(step) == 2 else step for place, step in enumerate(steps)
        ]

    return body(
        *(_argument(0), (_UNIX, allowed), (_NETLINK, netlink), (_INET, kind), (_INET6, kind), refused),
        *(_argument(1), (_AND, 0, 0, 15), (_STREAM, stream), (_DATAGRAM, datagram), refused),
        *(_argument(2), (0, allowed), (_TCP, allowed), refused),
        *(_argument(2), (0, allowed), (_UDP, allowed), refused),
        *(_argument(2), (0, allowed), refused),
        _result(None),
    )
