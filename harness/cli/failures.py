"""What ended a command, as one sentence and an exit code that is never 1: that is `gate`'s regression."""

import errno
import os
import sys

from apigauge.errors import ApigaugeError

BROKEN, INTERRUPTED = 4, 130
_FULL = "; make room, then give the same command again: what is written whole is kept"
_CLOSED = "; make it writable, or choose another folder"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}


def explain(error: BaseException) -> str:
    """One sentence: what happened, and what to do."""
    if isinstance(error, ApigaugeError):
        return _text(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command resumes from here"
    if isinstance(error, OSError) and (error.strerror or error.filename):
        advice = _ADVICE.get(error.errno or 0, "")
        return f"{error.filename or 'disk'}: {error.strerror or _text(error)}{advice}"
    what = ": ".join(part for part in (type(error).__name__, _text(error)) if part)
    return f"internal error: {what}; --debug shows where, for a report of the defect"


def exit_code(error: BaseException) -> int:
    """The exit code of a command that this error ended."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return int(error.exit_code) if isinstance(error, ApigaugeError) else BROKEN


def drop_output() -> None:
    """Sends what is still to be printed nowhere: a pipe that nothing reads must not raise again at Python's exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # standard output is no file
        return


def _text(error: BaseException) -> str:
    """An error's message, without line ends; the error may be of a plugin's own class, and its message fail too."""
    try:
        return " ".join(str(error).split("\n")).strip()
    except Exception:  # noqa: BLE001 - see above
        return ""
