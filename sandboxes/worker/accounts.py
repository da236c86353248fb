"""The names of a program's user and group, as ``pwd`` and ``grp`` find them.

Only the supervisor's user can write to these files.
"""

import contextlib
import os

_FILES = {"passwd": "sandbox:x:{user}:{user}::{home}:/bin/sh\n", "group": "sandbox:x:{user}:\n"}


class Accounts:
    """The files ``passwd`` and ``group`` of a container.

    Args:
        folder: where they are; None if they cannot be changed.
    """

    def __init__(self, folder: str | None) -> None:
        self._before: dict[str, str] = {}
        if folder is not None and os.access(folder, os.W_OK):
            for name in _FILES:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                    self._before[path] = file.read()

    def enter(self, user: int, home: str) -> None:
        """Gives a user and the group of the same number the name ``sandbox``, instead of the one before."""
        for path, before in self._before.items():
            line = _FILES[os.path.basename(path)].format(user=user, home=home)
            with contextlib.suppress(OSError), open(path, "w", encoding="utf-8") as file:
                file.write(before + line)
