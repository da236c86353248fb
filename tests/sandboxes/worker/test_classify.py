"""From an exception to a failure's category, by what it is and by what it was raised from."""

import errno

import pytest

from apigauge.sandboxes.verdict import CATEGORIES
from apigauge.sandboxes.worker.classify import MAX_TEXT, classify, line_of


def named(name, *bases):
    """An exception class of a library that need not be here, by its name."""
    return type(name, bases or (Exception,), {})


def chained(error, cause):
    error.__cause__ = cause
    return error


class UnreadableError(Exception):
    def __str__(self):
        raise RuntimeError("no")


LOCAL = named("LocalEntryNotFoundError", FileNotFoundError, ValueError)
REPOSITORY = named("RepositoryNotFoundError", OSError)
CASES = [
    (LOCAL("no file"), "hub_not_found"),
    (chained(OSError("We couldn't connect to 'https://hub' to load this file"), LOCAL("x")), "hub_not_found"),
    (OSError("gpt9 is not a local folder and is not a valid model identifier"), "hub_not_found"),
    (chained(ValueError("cannot load"), REPOSITORY("404")), "hub_not_found"),
    (RuntimeError("Cannot find callable resnet51 in hubconf"), "hub_not_found"),
    (named("ConnectionError", OSError)("refused"), "network"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "network"),
    (OSError(errno.ENETUNREACH, "unreachable"), "network"),
    (named("MaxRetryError")("pool"), "network"),
    (chained(ImportError("no h5py"), named("URLError", OSError)("x")), "import"),
    (ModuleNotFoundError("No module named 'x'"), "import"),
    (NameError("name 'x' is not defined"), "name"),
    (UnboundLocalError("x"), "name"),
    (AttributeError("no x"), "attribute"),
    (AssertionError(), "assertion"),
    (FileNotFoundError(errno.ENOENT, "No such file", "image.jpg"), "input"),
    (IsADirectoryError(errno.EISDIR, "Is a directory"), "input"),
    (EOFError("EOF when reading a line"), "input"),
    (named("UnidentifiedImageError", OSError)("cannot identify image file"), "input"),
    (TypeError("f() got an unexpected keyword argument 'x'"), "arguments"),
    (TypeError("f() missing 1 required positional argument: 'x'"), "arguments"),
    (TypeError("f() takes 1 positional argument but 2 were given"), "arguments"),
    (TypeError("f() got multiple values for argument 'x'"), "arguments"),
    (TypeError("unsupported operand type(s) for +: 'int' and 'str'"), "other"),
    (PermissionError(errno.EACCES, "denied"), "other"),
    (ValueError("bad"), "other"),
    (UnreadableError(), "other"),
]


@pytest.mark.parametrize(
    ("error", "category"), CASES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_category(error, category):
    failure = classify(error)
    assert (failure.status, failure.category) == ("failed", category)
    assert category in CATEGORIES


def test_what_python_itself_means_by_too_many_calls():
    """A function called with wrong arguments in this very Python says what the table expects."""

    def function(a, /, b, *, c):
        return a, b, c

    for call in (
        lambda: function(1),
        lambda: function(1, 2, 3, c=4),
        lambda: function(1, 2, c=3, d=4),
        lambda: function(1, 2, b=3, c=4),
        lambda: function(a=1, b=2, c=3),
        sorted,
        len,
        lambda: int(1, 2, 3),
        lambda: print(colour=1),
        {}.get,
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert classify(caught.value).category == "arguments", caught.value


def test_other_statuses():
    assert classify(MemoryError()).status == "memory"
    assert classify(SystemExit(0)).status == "early_exit"
    assert classify(BlockingIOError(errno.EAGAIN, "fork")).status == "process_limit"
    assert classify(RuntimeError("can't start new thread")).status == "process_limit"


def test_a_chain_that_bites_its_tail_and_a_message_without_end():
    one, two = ValueError("x" * 10 * MAX_TEXT), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert len(classify(one).reason) <= MAX_TEXT + 20


def test_the_line_is_the_program_s_own():
    code = compile("import json\n\njson.loads('{')\n", "program.py", "exec")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any will do
        exec(code, {})
    assert line_of(caught.value, "program.py") == 3
    assert line_of(caught.value, "other.py") is None
