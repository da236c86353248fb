"""The filter of system calls, interpreted here and compared with what it is to do."""

import os

import pytest

from apigauge.sandboxes.worker import syscalls

PROTECTED = (1, 17)
ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x00050001, 0x00050026
# Machine, system call, arguments, result.
CASES = [
    ("x86_64", 0, (), ALLOWED),
    ("x86_64", 59, (), ALLOWED),
    ("x86_64", 101, (), REFUSED),
    ("x86_64", 0x40000000 | 1, (), REFUSED),
    ("x86_64", 322, (), REFUSED),
    ("x86_64", 435, (), UNKNOWN),
    ("x86_64", 56, (17,), ALLOWED),
    ("x86_64", 56, (0x10000011,), REFUSED),
    ("x86_64", 302, (0, 7, 1 << 40), ALLOWED),
    ("x86_64", 302, (4242, 7, 5), ALLOWED),
    ("x86_64", 302, (17, 7, 5), REFUSED),
    ("x86_64", 302, (1, 7, 5), REFUSED),
    ("x86_64", 302, (1, 7, 1 << 40), REFUSED),
    ("x86_64", 302, (1, 7, 0), ALLOWED),
    ("x86_64", 203, (1,), REFUSED),
    ("x86_64", 203, (4242,), ALLOWED),
    ("x86_64", 141, (0, 0, 5), ALLOWED),
    ("x86_64", 141, (0, 1, 5), REFUSED),
    ("x86_64", 141, (2, 0, 5), REFUSED),
    ("x86_64", 41, (1, 1, 0), ALLOWED),
    ("x86_64", 41, (2, 0x80001, 6), ALLOWED),
    ("x86_64", 41, (2, 1, 262), REFUSED),
    ("x86_64", 41, (10, 2, 17), ALLOWED),
    ("x86_64", 41, (10, 2, 58), REFUSED),
    ("x86_64", 41, (2, 3, 0), REFUSED),
    ("x86_64", 41, (16, 3, 0), ALLOWED),
    ("x86_64", 41, (16, 3, 9), REFUSED),
    ("x86_64", 41, (17, 3, 0), REFUSED),
    ("aarch64", 117, (), REFUSED),
    ("aarch64", 101, (), ALLOWED),
    ("aarch64", 261, (1, 7, 5), REFUSED),
    ("aarch64", 140, (0, 4242, 5), ALLOWED),
    ("aarch64", 30, (1, 1), REFUSED),
    ("aarch64", 198, (2, 1, 0), ALLOWED),
]


def interpret(steps, machine, call, arguments):
    """What the kernel does with these instructions (Documentation/networking/filter.rst)."""
    audit = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    data = {0: call, 4: audit}
    for place, value in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        data |= {16 + 8 * place: value & 0xFFFFFFFF, 20 + 8 * place: value >> 32}
    accumulator, at = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            accumulator = data[value]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}[code]
            at += yes if holds else no


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_filter_allows_what_it_is_to_allow(case):
    machine, call, arguments, result = case
    assert interpret(syscalls.program(machine, PROTECTED), machine, call, arguments) == result


def test_another_machine_gets_none():
    assert syscalls.program("riscv64", PROTECTED) == []


def test_another_architecture_of_the_same_machine_is_refused():
    assert interpret(syscalls.program("x86_64", PROTECTED), "aarch64", 0, ()) == REFUSED


def test_this_kernel_takes_it():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if syscalls.install() else 1)
    assert os.waitpid(pid, 0)[1] == 0
