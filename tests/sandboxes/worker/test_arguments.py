"""Values as Python source: what is written, what is not, and that reading memory gives the same as looking."""

import ast
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.sandboxes.worker import arguments
from apigauge.sandboxes.worker.arguments import literal

needs_layout = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="another layout of objects")


class Text(str):
    __slots__ = ()


class Own:
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", '"it\'s"'),
        (b"\x00", "b'\\x00'"),
        (-(2**70), str(-(2**70))),
        (0.1, "0.1"),
        (float("inf"), "float('inf')"),
        (True, "True"),
        (None, "None"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ((), "()"),
        ({"a": (1, 2)}, "{'a': (1, 2)}"),
        (Text("a"), "..."),
        ([Text("a")], "..."),
        ({"a": Own()}, "..."),
        ({1, 2}, "..."),
        ("x" * 1000, repr("x" * 1000)),
        ("x" * 1001, "..."),
        (10**100, "..."),
        ([0] * 16, str([0] * 16)),
        ([0] * 17, "..."),
        ([[[1]]], "[[[1]]]"),
        ([[[[1]]]], "..."),
        ("...", "'...'"),
    ],
)
def test_a_value_as_source(value, text):
    assert literal(value) == text


def test_what_contains_itself_has_an_end():
    circle = []
    circle.append(circle)
    assert literal(circle) == "..."


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=40,
)


@given(VALUES)
def test_source_is_the_value_again(value):
    text = literal(value)
    if text != "..." and "float(" not in text:
        assert ast.literal_eval(text) == value


@needs_layout
@given(VALUES)
def test_memory_holds_what_python_shows(value):
    reader = arguments.Reader(arguments._Here())
    assert literal(reader.value(id(value))) == literal(value)


@needs_layout
def test_this_interpreter_can_be_read():
    assert arguments.can_be_read()


@needs_layout
@pytest.mark.parametrize("value", [Text("a"), Own(), [Text("a")], Own().__dict__, {"a": Own()}, object, len])
def test_what_is_not_recorded_is_not_read(value):
    assert literal(arguments.Reader(arguments._Here()).value(id(value))) in ("...", literal(value))


@needs_layout
def test_deleted_keys_are_not_read():
    changed = {"a": 1, "b": 2}
    del changed["a"]
    changed["c"] = 3
    assert arguments.Reader(arguments._Here()).value(id(changed)) == {"b": 2, "c": 3}


@needs_layout
def test_reading_has_an_end_whatever_contains_what_how_often():
    nested = 1
    for _ in range(40):
        nested = [nested] * 16
    read = []

    class Counting(arguments._Here):
        def pointer(self, address):
            read.append(address)
            return super().pointer(address)

    assert literal(arguments.Reader(Counting()).value(id(nested))) == "..."
    assert len(read) < 5_000


def test_memory_that_is_gone_is_no_value():
    class Gone:
        def pointer(self, _):
            return id(str)

        def read(self, *_):
            return b""

    assert literal(arguments.Reader(Gone()).value(1)) == "..."


@pytest.mark.parametrize(
    ("positional", "keywords"),
    [([1] * 65, {}), ([], {str(number): 1 for number in range(65)}), (["x" * 900] * 5, {}), ([], {1: 2})],
)
def test_a_call_with_too_much_is_not_recorded(positional, keywords):
    assert arguments.record("f", positional, keywords) is None


GOOD = {"function": "f", "positional": ["1"], "keywords": {"a": "2"}}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        [GOOD],
        GOOD | {"more": 1},
        GOOD | {"function": 1},
        GOOD | {"positional": [1]},
        GOOD | {"positional": "1"},
        GOOD | {"keywords": {"a": None}},
        GOOD | {"keywords": []},
    ],
)
def test_a_malformed_report_of_a_call_is_left_out(bad):
    assert arguments.checked([bad, GOOD]) == [GOOD]
    assert arguments.checked(bad if not isinstance(bad, list) else None) == []
    assert len(arguments.checked([GOOD] * 100)) == 64
