"""Reads what the kernel says of its privileges: no capability, no new ones, a filter on system calls, no extra group.

PID 1 keeps some capabilities to change users; a child that keeps them, or could get them back by exec, is root.
"""
# expect: passed
# where: docker
import os

status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
    if int(status[name], 16):
        raise AssertionError(f"escaped: {name} is {status[name]}")
if status["NoNewPrivs"] != "1":
    raise AssertionError("escaped: may gain privileges by exec")
if status["Seccomp"] != "2":
    raise AssertionError("escaped: no filter on system calls")
if 0 in os.getresuid() + os.getresgid() + tuple(os.getgroups()):
    raise AssertionError("escaped: is root")
