"""Everything apigauge raises on purpose.

::

    ApigaugeError            exit code 4: broken input, data or disk
    ├── UsageError           exit code 2: an option or a combination of options makes no sense
    ├── DataError            a benchmark's data is missing, incomplete or not what its digest says
    ├── ResponsesError       a file of answers cannot be used
    ├── ModelError           a checkpoint is unavailable or unusable, or a server does not answer
    ├── RunError             a run directory is missing, foreign or damaged
    ├── SandboxError         no sandbox is available: no engine, no image, a limit that is not enforced
    ├── ExecutorError        what spreads the work over a cluster is missing, unusable or lost
    ├── PluginError          a plugin has a fault, or a command that it adds fails
    └── CommentError         a comment on a pull request cannot be written

Each message names the file or option, what was found there, and what to do about it.
This module imports nothing but the standard library, so that every folder may use it.
"""

from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a message about a name that does not exist: ``; did you mean 'X'?``, or nothing if none is near.

    >>> did_you_mean("rogue.1", ["ast.exact", "rouge.1"])
    "; did you mean 'rouge.1'?"
    >>> did_you_mean("perplexity", ["ast.exact", "rouge.1"])
    ''
    """
    from difflib import get_close_matches  # only where a name is wrong

    by_folded_name = {candidate.casefold().replace("_", "-"): candidate for candidate in names}
    nearest = get_close_matches(name.casefold().replace("_", "-"), by_folded_name, n=1)
    return f"; did you mean {by_folded_name[nearest[0]]!r}?" if nearest else ""


class ApigaugeError(Exception):
    """Base of all errors with a message meant for the person at the keyboard."""

    exit_code = 4


class UsageError(ApigaugeError):
    """An option or a combination of options makes no sense."""

    exit_code = 2


class DataError(ApigaugeError):
    """A benchmark's data is missing, incomplete or not what its digest says."""


class ResponsesError(ApigaugeError):
    """A file of answers cannot be used at all."""


class ModelError(ApigaugeError):
    """A checkpoint is unavailable or unusable, or a server does not answer."""


class RunError(ApigaugeError):
    """A run directory is missing, foreign or damaged."""


class SandboxError(ApigaugeError):
    """No sandbox is available: no engine answers, the image is missing, or a limit cannot be enforced."""


class ExecutorError(ApigaugeError):
    """What spreads work over a cluster is not installed, cannot be used, or was lost; the rows written so far stand."""


class PluginError(ApigaugeError):
    """A plugin has a fault, or a command that it adds fails; the message names the plugin."""


class CommentError(ApigaugeError):
    """A comment on a pull request cannot be written: no right to, or the server does not answer."""
