"""Everything apigauge raises on purpose.

::

    ApigaugeError            exit code 4: broken input, data or disk
    ├── UsageError           exit code 2: an option or a combination of options makes no sense
    ├── DataError            a benchmark's data is missing, incomplete or not what its digest says
    ├── ResponsesError       a file of answers cannot be used
    ├── ModelError           a checkpoint cannot be had or used, or a server does not answer
    ├── RunError             a run directory is missing, foreign or damaged
    ├── SandboxError         no sandbox can be had: no engine, no image, a limit that is not enforced
    ├── PluginError          a plugin has a fault, or a command that it adds fails
    └── CommentError         a comment on a pull request cannot be written

Each message names the file or option, what was found there, and what to do about it.
This module imports nothing, so that every folder may use it.
"""


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
    """A checkpoint cannot be had or used, or a server does not answer."""


class RunError(ApigaugeError):
    """A run directory is missing, foreign or damaged."""


class SandboxError(ApigaugeError):
    """No sandbox can be had: no engine answers, the image is missing, or a limit cannot be enforced."""


class PluginError(ApigaugeError):
    """A plugin has a fault, or a command that it adds fails; the message names the plugin."""


class CommentError(ApigaugeError):
    """A comment on a pull request cannot be written: no right to, or the server does not answer."""
