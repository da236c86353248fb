"""``apigauge`` and ``python -m apigauge``: the command line with the commands of all installed plugins."""

# The next line lets argcomplete's global completion run this module.
# PYTHON_ARGCOMPLETE_OK

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _run(arguments)
    except SystemExit as stop:
        if stop.code is None or (isinstance(stop.code, int) and stop.code != 1):  # help, wrong usage, a plugin's own
            raise
        print(f"apigauge: ended by sys.exit({stop.code!r})", file=sys.stderr)
        code = 4
    except KeyboardInterrupt:  # while modules and plugins were loaded, or again while a command ended
        print("apigauge: interrupted; the same command resumes from here", file=sys.stderr)
        code = _INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - Python's own exit code, 1, would be a regression for `gate`
        if "--debug" in arguments:
            import traceback

            traceback.print_exc()
        print(f"apigauge: internal error: {type(error).__name__}: {error}; --debug shows where", file=sys.stderr)
        code = 4
    if argv is None:  # the process's own command
        _leave_threads(code)
        if code == _INTERRUPTED:
            # CPython ends itself by the signal, and not with the code, if the interrupt passed through an exec(), as
            # in the definition of a data class, wherever it was caught afterwards.
            atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way
            _end(code)
    return code


def _run(arguments: list[str]) -> int:
    from apigauge.harness.cli import main as cli
    from apigauge.harness.plugins import commands, manager

    # Plugins are loaded before the command line is parsed, since they add to it.
    return cli.main(arguments, add_plugin_commands=partial(commands.add, manager.loaded()))


def _leave_threads(code: int) -> None:
    """Ends the process at once if a thread is still generating an answer.

    The interpreter's own end would take the thread's Python from under it, and torch would abort the process. What is
    written is whole lines, so nothing is lost but that answer.
    """
    from apigauge.harness.executors.prefetch import THREAD

    if any(thread.name == THREAD for thread in threading.enumerate()):
        _end(code)


def _end(code: int) -> None:
    """Ends the process with this code, and nothing else of Python's end."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
