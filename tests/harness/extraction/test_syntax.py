"""What is a Python program, the same on every Python: by the language of 3.14."""

import ast
from pathlib import Path

import pytest

from apigauge.harness.extraction.syntax import MAX_DIGITS, parses, unescaped

ROOT = Path(__file__).parents[3]
VALID = [
    "x = 1",
    "f(a for a in b)",
    "print(*a, **k)",
    'f"{a["b"]}"',  # 3.12
    "f'{x!r:>{w}}'",
    "type X = int",  # 3.12
    "def f[T](x: T) -> T: pass",  # 3.12
    't"{x}"',  # 3.14
    'x = rt"a"',
    "try:\n    pass\nexcept A, B:\n    pass",  # 3.14
    "try:\n    pass\nexcept* E:\n    pass",  # 3.11
    'match x:\n    case {"a": 1, **r}:\n        pass',
    "with (open(a) as b, open(c) as d):\n    pass",
    "é = 'ü'",
    "x = '\\N{BULLET}'",
    "x = b'\\xff'",
    "if x:\n\ty\n",
    "lambda *a, b=1, **k: (yield)",
    "return 1",  # CPython's parser takes it; its compiler does not
]
INVALID = [
    "",
    "  \n",
    "print 'x'",
    "exec 'x'",
    "a <> b",
    "x = (",
    "x = '",
    "  x = 1",
    "if x:\npass",
    "if x:\n    a\n  b",
    "for a in b:\n",
    "f(a=1, 2)",
    "f() = 1",
    "None = 1",
    "def f(a=1, b): pass",
    "1__0",
    "0777",
    "x = '\\x1'",
    "x = '\\u12'",
    "x = b'é'",
    "x = b'a' 'b'",
    "\ufeffx = 1",
    "x = 1\0",
    "x = '\ud800'",
    f"x = {'9' * (MAX_DIGITS + 1)}",
    "x = “a”",
    "!ls",
    "a b",
]


@pytest.mark.parametrize("program", VALID)
def test_a_program_of_today_s_python_is_one_on_every_python(program):
    assert parses(program)


@pytest.mark.parametrize("program", INVALID)
def test_what_python_refuses_is_no_program(program):
    assert not parses(program)


@pytest.mark.parametrize(
    "program",
    [
        "(" * 16_000 + "1" + ")" * 16_000,
        "not " * 12_000 + "x",
        "a" + ".b" * 16_000,
        "x" + "()" * 16_000,
        "x" + "[0]" * 12_000,
        "[" * 49_000,
        "-" * 40_000 + "x",
        "lambda:" * 5_000 + "1",
    ],
)
def test_nesting_ends_no_process_and_is_no_program(program):
    assert not parses(program)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r"a\nb", "a\nb"),
        (r"\x41\u0042\U00000043", "ABC"),
        (r"\101\7", "A\x07"),
        ("a\\\nb", "ab"),
        (r"\d\'\"\\", "\\d'\"\\"),
        (r"\N{BULLET}", r"\N{BULLET}"),
        (r"\x4", None),
        (r"\U00110000", None),
    ],
)
def test_escapes_are_read_as_python_reads_them(source, value):
    assert unescaped(source) == value


def test_nothing_that_scores_asks_the_parser_of_the_python_it_runs_on():
    """Else a score would change with the machine: see the module's docstring."""
    files = [ROOT / "harness" / "evaluation" / "scoring.py"]
    files += sorted((ROOT / "harness" / "extraction").glob("*.py")) + sorted(
        (ROOT / "harness" / "metrics").glob("*.py")
    )
    # BFCL's own checker asks Python's parser, and its verdict is what is reproduced.
    files.remove(ROOT / "harness" / "metrics" / "bfcl_answers.py")
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"ast", "keyword", "token", "tokenize", "unicodedata"} & set(names), path


@pytest.mark.parametrize(
    "text",
    [
        "x = # later\ny = 1",
        "x =\n f(1)",
        "from a import b.c",
        "from a import b,",
        "f(,)",
        "f(a=1, 2)",
        "import\n a",
        "a.\nb()",
    ],
)
def test_what_only_the_grammar_of_the_tree_accepts_is_no_program(text):
    assert not parses(text)
