"""Becomes root, or the user id of another program, by every call there is."""
# expect: passed
# where: docker process
import os

own = os.getuid()
for user in (0, own + 1, own - 1, 65_534, 1, 1000):
    for become in (
        lambda number: os.setuid(number),
        lambda number: os.seteuid(number),
        lambda number: os.setreuid(number, -1),
        lambda number: os.setresuid(-1, -1, number),
        lambda number: os.setgid(number),
        lambda number: os.setresgid(-1, number, -1),
        lambda number: os.setgroups([number]),
    ):
        before = os.getresuid(), os.getresgid(), os.getgroups()
        try:
            become(user)
        except OSError:
            continue
        if (os.getresuid(), os.getresgid(), os.getgroups()) != before:
            raise AssertionError(f"escaped: became {os.getresuid()} {os.getresgid()} {os.getgroups()}")
