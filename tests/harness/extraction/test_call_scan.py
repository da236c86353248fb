"""Calls, brackets and imports in text that need not be Python."""

import ast
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apigauge.harness.extraction.call_scan import (
    MAX_CALL,
    MAX_CALLS,
    choose_call,
    comments_and_strings,
    end_of_brackets,
    find_calls,
    functions_of,
    imports,
    resolve,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
CODE_LIKE = st.lists(
    st.sampled_from(
        [
            "f",
            "a.b",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "'",
            '"',
            '"""',
            "'''",
            "\\",
            "\n",
            "#",
            ",",
            "=",
            " ",
            ".",
            "import ",
            "from ",
            "as ",
            "é",
            "\ud800",
            "\0",
            "1",
        ]
    ),
    max_size=40,
).map("".join)


def calls(text):
    return [(span.callee, text[span.start : span.end], span.closed) for span in find_calls(text)]


def test_calls_come_in_the_order_they_begin_with_nested_ones_after_the_call_around_them():
    assert calls("x = f(g(1), h.i(2)) + j()") == [
        ("f", "f(g(1), h.i(2))", True),
        ("g", "g(1)", True),
        ("h.i", "h.i(2)", True),
        ("j", "j()", True),
    ]


def test_white_space_within_a_dotted_name_and_before_the_bracket_does_not_hide_a_call():
    assert calls("torch . hub\n .load (1)") == [("torch.hub.load", "torch . hub\n .load (1)", True)]


@pytest.mark.parametrize(
    "text", ["if (a):", "return (a)", "print (a) if not (b) else (c)", "lambda(x)", "for x in (1, 2):"]
)
def test_keywords_before_a_bracket_are_no_callees(text):
    assert [callee for callee, _, _ in calls(text)] in ([], ["print"])
    assert not {"if", "not", "else", "in", "return", "lambda"} & {callee for callee, _, _ in calls(text)}


def test_the_print_statement_of_old_python_is_no_call():
    assert calls("print (a)") == []


def test_a_method_of_a_result_is_not_taken_for_a_function_of_its_own():
    assert calls("f(1).to('cuda')") == [("f", "f(1)", True)]


def test_a_name_that_begins_with_a_digit_is_no_callee():
    assert calls("3d(1)") == []


def test_an_unclosed_call_reaches_to_the_end_of_the_text():
    assert calls("m = f('a', b=[1") == [("f", "f('a', b=[1", False)]


def test_a_bracket_closed_by_the_wrong_one_leaves_the_call_open():
    assert calls("f([1)] g(2)") == [("f", "f([1)] g(2)", False), ("g", "g(2)", True)]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("()", 2),
        ("(')')x", 5),
        ("('it\\')s')x", 10),
        ('("""a"b)""")x', 12),
        ("('''\n)''')x", 10),
        ("('a\n)x", 5),  # a string in single quotes ends with its line
        ("[{(1)}]x", 7),
        ("(", -1),
        ("(]", -1),
        ("('", -1),
        ("('\\", -1),
    ],
)
def test_brackets_end_where_python_says_they_do(text, end):
    assert end_of_brackets(text, 0) == end


def test_a_call_is_followed_for_a_bounded_stretch():
    inside = "f(" + "a" * (MAX_CALL - 2) + ")"
    assert end_of_brackets(inside, 1) == len(inside)
    assert end_of_brackets("f(" + "a" * (MAX_CALL - 1) + ")", 1) == -1


def test_a_text_yields_a_bounded_number_of_calls():
    assert len(calls("f() " * (MAX_CALLS + 50))) == MAX_CALLS


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("import torch", {"torch": "torch"}),
        ("import torch.nn.functional", {"torch": "torch"}),
        ("import torch.nn.functional as F", {"F": "torch.nn.functional"}),
        ("import numpy as np, torch", {"np": "numpy", "torch": "torch"}),
        ("from transformers import pipeline", {"pipeline": "transformers.pipeline"}),
        ("from a.b import (\n    C,\n    D as E,\n)", {"C": "a.b.C", "E": "a.b.D"}),
        ("from a import b; from c import d", {"b": "a.b"}),
        ("from a import b  # import c", {"b": "a.b"}),
        ("    from . import b", {"b": "..b"}),
        ("x = 'import a'", {}),
        ("important = 1\nfrom_here = 2", {}),
        ("from a import *", {}),
    ],
)
def test_imports_say_what_each_name_stands_for(program, names):
    assert imports(program) == names


def test_a_name_is_resolved_by_its_first_part_alone():
    names = {"F": "torch.nn.functional", "load": "torch.hub.load"}
    assert resolve("F.relu", names) == "torch.nn.functional.relu"
    assert resolve("load", names) == "torch.hub.load"
    assert resolve("x.F", names) == "x.F"
    assert resolve("", names) == ""


def test_functions_of_a_catalogue_are_the_outermost_callees():
    assert functions_of(["a.f(g(1), h())", "x = k(2).l(3)", "pip install b", "m(1) + n(2)"]) == {"a.f", "k", "m", "n"}


def test_comments_and_strings_are_found_by_character_not_by_byte():
    program = "é = 'ü(1)'  # f(2)\ng(3)\n"
    texts = [program[stretch.start : stretch.stop] for stretch in comments_and_strings(program)]
    assert texts == ["'ü(1)'", "# f(2)"]


def test_a_string_over_several_lines_is_one_stretch():
    program = 'a = """x\ny(1)\n"""\nf(2)\n'
    (stretch,) = comments_and_strings(program)
    assert program[stretch.start : stretch.stop] == '"""x\ny(1)\n"""'


@pytest.mark.parametrize(
    ("program", "stretches"),
    [
        ("f((", []),
        ("x = = 'g(1)'  # h(2)", ["'g(1)'", "# h(2)"]),
        ("f('a', (  # g(1)", ["'a'", "# g(1)"]),
    ],
)
def test_a_broken_program_has_the_comments_and_strings_that_can_be_told(program, stretches):
    assert [program[one.start : one.stop] for one in comments_and_strings(program)] == stretches


def test_what_a_formatted_string_calls_is_no_part_of_the_string():
    program = "print(f'a(1) {b(2)} c(3) {d:{e(4)}}')"
    stretches = comments_and_strings(program)
    calls = [span.callee for span in find_calls(program) if all(span.start not in stretch for stretch in stretches)]
    assert calls == ["b", "e"]


@pytest.mark.parametrize(
    ("program", "strings"),
    [("``", []), ("`f(1)`", []), ("```\nf(1)\n```\ng('`')\n", ["'`'"]), ("# `f(1)`\nh('a`b')", ["# `f(1)`", "'a`b'"])],
)
def test_a_backtick_begins_no_string(program, strings):
    assert [program[one.start : one.stop] for one in comments_and_strings(program)] == strings


@given(ANY_TEXT | CODE_LIKE)
@example("``")
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_raise_and_every_span_is_what_it_says(text):
    spans = list(find_calls(text))
    assert [span.start for span in spans] == sorted({span.start for span in spans})
    for span in spans:
        call = text[span.start : span.end]
        assert "".join(call.split("(")[0].split()) == span.callee
        assert call.endswith(")") or not span.closed
    imports(text)
    stretches = comments_and_strings(text)
    assert all(one.stop <= two.start for one, two in itertools.pairwise(stretches))
    if "{" not in text:
        assert all(text[stretch.start] in "#'\"rRbBuUfF" for stretch in stretches)
    functions_of([text])


ATOMS = st.sampled_from(["1", "x", "'a(b'", '"it\'s)"', "'''(\n('''", "'\\'('", "[1, (2)]", "{'k': (3,)}", "-y"])
NAMES = st.sampled_from(["f", "g.h", "torch.hub.load", "_a1", "naïve"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda name, arguments, space: f"{name}{space}({', '.join(arguments)})",
        NAMES,
        st.lists(inner | inner.map("k={}".format), max_size=3).map(
            lambda a: sorted(a, key=lambda s: s.startswith("k="))
        ),
        st.sampled_from(["", " "]),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_in_valid_python_the_calls_found_are_those_of_the_syntax_tree(expression):
    # Names repeated as keywords ("k=") are an error for the compiler but not for the parser.
    tree = ast.parse(expression)
    expected = sorted(ast.get_source_segment(expression, node) for node in ast.walk(tree) if isinstance(node, ast.Call))
    strings = comments_and_strings(expression)
    calls = [s for s in find_calls(expression) if not any(s.start in stretch for stretch in strings)]
    assert sorted(expression[s.start : s.end] for s in calls) == expected
    assert all(s.closed for s in calls)


def test_no_call_in_a_skipped_stretch_is_chosen():
    text = "# f(1)\nf(2)"
    assert choose_call(text, {}, frozenset({"f"}), any_call=True) == "f(1)"
    assert choose_call(text, {}, frozenset({"f"}), any_call=True, skip=comments_and_strings(text)) == "f(2)"
