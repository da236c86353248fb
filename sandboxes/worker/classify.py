"""Maps an exception to the way in which a program failed.

This runs in the child, after the program and under its limits. So a program can influence how its failure is described,
but cannot turn the failure into a success.
"""

import errno
import re
import types
from contextlib import suppress
from typing import Any, NamedTuple

from apigauge.sandboxes.worker import kinds

# Names of exception classes, searched along the chain of causes; the libraries need not be installed.
_HUB = frozenset(
    {
        "EntryNotFoundError",
        "GatedRepoError",
        "HFValidationError",
        "LocalEntryNotFoundError",
        "OfflineModeIsEnabled",
        "RepositoryNotFoundError",
        "RevisionNotFoundError",
    }
)
_HUB_TEXT = re.compile(
    r"not a local folder and is not a valid model identifier|couldn't connect to .{0,80} to load|offline mode|"
    r"does not appear to have a file named|Cannot find callable \S+ in hubconf|is not a valid model identifier|"
    r"repo could not be found in the cache|is not a valid git identifier"
)
# Functions in which the hubs' libraries look for a repository: an error from there means that it does not exist.
_HUB_FRAMES = {
    "torch/hub.py": frozenset({"_check_repo_is_trusted", "_parse_repo_info", "_validate_not_a_forked_repo"}),
    "tensorflow_hub/compressed_module_resolver.py": frozenset({"__call__", "download"}),
}
_NETWORK = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "HTTPError",
        "MaxRetryError",
        "NameResolutionError",
        "NewConnectionError",
        "ProxyError",
        "SSLError",
        "URLError",
        "gaierror",
    }
)
_NETWORK_ERRNO = frozenset(
    {
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPROTONOSUPPORT,
        errno.ESOCKTNOSUPPORT,
    }
)
_INPUT = frozenset(
    {"EOFError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError", "UnidentifiedImageError"}
)
# Messages of libraries that open files themselves.
_INPUT_TEXT = re.compile(
    r"No such file or directory|Error opening '|Failed to open the input|Incorrect image source|!_src\.empty\(\)|"
    r"Could not open input file|URL fetch failure on|Couldn't find appropriate backend to handle uri"
)
_ARGUMENTS = re.compile(
    r"unexpected keyword argument|missing \d+ required|required positional argument|positional arguments? but|"
    r"takes (?:no|at most|at least|exactly|from|\d+)|got multiple values for|got some positional-only|"
    r"expected (?:at (?:most|least) )?\d+ argument|invalid keyword argument|missing a required|"
    r"is an invalid keyword|received an invalid combination of arguments|does not accept|"
    r"Keyword argument not understood"
)
MAX_TEXT = 2_000


class Failure(NamedTuple):
    """How a program ended on an exception: a verdict's status, its category for ``failed``, and a sentence."""

    status: str
    category: str | None
    reason: str


def classify(error: BaseException, source: str = "") -> Failure:
    """The failure that an exception of the program stands for.

    Args:
        error: what was raised.
        source: the program; if it names the address, unreachable data there count as ``input``, not ``network``.
    """
    text = _text(error)
    if isinstance(error, MemoryError):
        return Failure("memory", None, text)
    if isinstance(error, SystemExit):
        return Failure("early_exit", None, f"ended the interpreter ({text}) before its last statement")
    if _is_process_limit(error):
        return Failure("process_limit", None, text)
    return Failure("failed", _category(error, text, source), text)


def line_of(error: BaseException, file_name: str) -> int | None:
    """The innermost line of the program itself in the traceback."""
    line, entry = None, error.__traceback__
    while isinstance(entry, types.TracebackType):
        if entry.tb_frame.f_code.co_filename == file_name:
            line = entry.tb_lineno
        entry = entry.tb_next
    return line


def _category(error: BaseException, text: str, source: str) -> str:
    chain = list(_chain(error))
    names = {cls.__name__ for link in chain for cls in type(link).__mro__}
    if names & _HUB or any(_HUB_TEXT.search(_text(link)) for link in chain) or _looks_for_a_model(error):
        return "hub_not_found"
    if _is_network(error, names):
        address = next(filter(None, map(_requested_address, chain)), "")
        return "input" if kinds.of_named_address(address, source) else "network"
    own = {cls.__name__ for cls in type(error).__mro__}
    for classes, category in (
        ({"ImportError"}, "import"),
        ({"NameError"}, "name"),
        ({"AttributeError"}, "attribute"),
        ({"AssertionError"}, "assertion"),
        (_INPUT, "input"),
    ):
        if own & classes:
            return category
    if isinstance(error, TypeError) and _ARGUMENTS.search(text):
        return "arguments"
    return "input" if _INPUT_TEXT.search(text) else "other"


def _looks_for_a_model(error: BaseException) -> bool:
    """Whether the exception comes from where a hub's library looks for a repository."""
    entry = error.__traceback__
    while isinstance(entry, types.TracebackType):
        code = entry.tb_frame.f_code
        for file, functions in _HUB_FRAMES.items():
            if code.co_filename.endswith(file) and code.co_name in functions:
                return True
        entry = entry.tb_next
    return False


def _is_network(error: BaseException, names: set[str]) -> bool:
    if names & _NETWORK and not isinstance(error, ImportError | NameError | AttributeError):
        return True
    return isinstance(error, OSError) and error.errno in _NETWORK_ERRNO


def _requested_address(error: BaseException) -> str:
    """The address that was requested with GET or HEAD, from the exceptions of requests, httpx, urllib3 and urllib."""
    with suppress(Exception):  # attributes of the program's own classes may raise anything
        request: Any = getattr(error, "request", None)
        if request is not None:
            return str(request.url) if request.method in ("GET", "HEAD") else ""
        if (pool := getattr(error, "pool", None)) is not None:
            return f"{pool.scheme}://{pool.host}{getattr(error, 'url', '')}"
        entry = error.__traceback__
        while isinstance(entry, types.TracebackType):
            if entry.tb_frame.f_code.co_name == "do_open":
                request = entry.tb_frame.f_locals["req"]
                return str(request.full_url) if request.get_method() in ("GET", "HEAD") else ""
            entry = entry.tb_next
    return ""


def _is_process_limit(error: BaseException) -> bool:
    if isinstance(error, BlockingIOError):  # fork(): EAGAIN
        return error.errno == errno.EAGAIN and error.filename is None
    return isinstance(error, RuntimeError) and "can't start new thread" in _text(error)


def _chain(error: BaseException | None) -> "list[BaseException]":
    chain: list[BaseException] = []
    while error is not None and all(error is not link for link in chain) and len(chain) < 20:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _text(error: BaseException) -> str:
    """Name and message, shortened; an error in the program's own ``__str__`` is ignored."""
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a program's __str__ may raise anything
        message = "(its message cannot be read)"
    message = message[:MAX_TEXT]
    return f"{name}: {message}" if message else name
