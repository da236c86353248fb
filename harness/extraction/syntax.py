"""Python's syntax, the same on every machine: one grammar, one parser, whatever Python runs them.

The standard library's ``ast`` and ``tokenize`` speak the language of the Python they come with, so that an answer could
be a program on one machine and not on another. Here the language is that of Python 3.14 on every machine:

* :func:`syntax_tree` is tree-sitter's tree, which a broken text has too;
* :func:`parses` says whether a text is a program: tree-sitter finds no error in it, LibCST's parser (a port of
  CPython's own grammar) accepts it, and its strings and numbers can be read. CPython 3.14 says the same of all 16,672
  texts that Gorilla's released answers give and of 33,199 of 33,240 made from them by mutation. The other 41 CPython
  parses and this function does not: a default of a type parameter, an annotated target in brackets, and ``a = *b``,
  which CPython itself refuses to compile.

tree-sitter's recovery from errors changes with its version, and scores with it: both are pinned in pyproject.toml.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.metadata import version as installed
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

MAX_PROGRAM = 50_000
# Levels of a syntax tree; the deepest of a released answer has under a hundred.
MAX_DEPTH = 400
# CPython's own limit for an integer in a program's text (sys.int_info.default_max_str_digits).
MAX_DIGITS = 4_300

# https://docs.python.org/3.14/reference/lexical_analysis.html#keywords
RESERVED = frozenset(
    [
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
    ]
)
# Template strings are newer than the grammar, which reads them as formatted ones of the same length.
_TEMPLATE = re.compile(rb"(?<![\w'\"])(?P<raw>[rR]?)[tT](?=[rR]?['\"])")
_LONG_NUMBER = re.compile(rf"[0-9_]{{{MAX_DIGITS},}}")
# Without an escape, a string of bytes or a long number, there is nothing in a literal that Python could refuse.
_DOUBTFUL = re.compile(rb"\\|[bB][rR]?['\"]|" + _LONG_NUMBER.pattern.encode())
_PREFIX = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_ESCAPE = re.compile(
    r"\\(?:(?P<line>\r?\n)|(?P<octal>[0-7]{1,3})|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})"
    r"|U(?P<U>[0-9A-Fa-f]{8})|N\{(?P<name>[^{}\n]{1,88})\}|(?P<other>.))",
    re.DOTALL,
)
_PLAIN_ESCAPES = {
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def version() -> str:
    """The parsers and their versions: part of the version of every metric that reads programs."""
    return ", ".join(f"{name} {installed(name)}" for name in ("tree-sitter", "tree-sitter-python", "libcst"))


@cache
def python_parser() -> "Parser":
    """The tree-sitter parser of the pinned Python grammar."""
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))


@lru_cache(maxsize=16)
def syntax_tree(source: bytes) -> "Tree":
    """The tree of a text; the last few are cached, since extraction and several metrics read the same program."""
    return python_parser().parse(source)


def text_of(node: "Node") -> str:
    """A node's own text."""
    return (node.text or b"").decode("utf-8", "replace")


@lru_cache(maxsize=1_024)
def parses(program: str) -> bool:
    """Whether a text is a program; an empty one is not, nor is one of more than ``MAX_PROGRAM`` characters."""
    if not program.strip() or len(program) > MAX_PROGRAM or program[0] == "\ufeff" or "\0" in program:
        return False
    try:
        source = program.encode()
    except UnicodeEncodeError:  # half a character
        return False
    root = syntax_tree(_TEMPLATE.sub(rb"\g<raw>f", source)).root_node
    # The depth first: LibCST parses by recursion in Rust, and a deeply nested text would end the process.
    if root.has_error or is_deeper(root, MAX_DEPTH):
        return False
    if _DOUBTFUL.search(source) and not _literals_can_be_read(root):
        return False
    return _is_plain(root, source) or _is_accepted(program)


def _is_plain(root: "Node", source: bytes) -> bool:
    """Whether a program has only what tree-sitter reads as LibCST does: imports, assignments and calls, a line each.

    LibCST takes longer than all of the rest of extraction, and most answers are such programs.
    """
    if not _PLAIN_TEXT.fullmatch(source) or b"\\N" in source:  # only LibCST has the characters' names
        return False
    if any(statement.start_point[1] for statement in root.named_children):  # indented, or behind another one
        return False
    depth, row, ends = 0, 0, {statement.end_byte for statement in root.named_children}
    backslashes = source.count(b"\\")  # a line that goes on behind one is not plain
    is_whole = True  # whether the line may end here
    stack = [root]
    while stack:
        node = stack.pop()
        kind = node.type
        if kind not in _PLAIN_NODES or (kind in _PLAIN_CHECKS and not _PLAIN_CHECKS[kind](node)):
            return False
        if kind in _UNBROKEN:
            backslashes -= (node.text or b"").count(b"\\") if backslashes else 0
        elif node.child_count:
            stack += node.children[::-1]
            continue
        if kind == "comment":
            continue
        if not depth and not is_whole and node.start_point[0] != row:  # tree-sitter lets a line end after ``=``
            return False
        depth += (kind in _OPENING) - (kind in _CLOSING)
        row, is_whole = node.end_point[0], node.end_byte in ends
    return not backslashes


def _has_plain_commas(node: "Node") -> bool:
    kinds = [child.type for child in node.children if child.type != "comment"]
    kinds = kinds[node.type == "subscript" :]
    return kinds[1] != "," and (",", ",") not in pairwise(kinds)


def _has_plain_arguments(node: "Node") -> bool:
    if not _has_plain_commas(node):
        return False
    by_name = [child.type in _BY_NAME for child in node.named_children if child.type != "comment"]
    return by_name == sorted(by_name)


def _imports_plain_names(node: "Node") -> bool:
    names = node.children_by_field_name("name")
    names = [name.named_children[0] if name.type == "aliased_import" else name for name in names]
    return node.children[-1].type != "," and all(name.named_child_count == 1 for name in names)


def _has_plain_quotes(node: "Node") -> bool:
    opening = text_of(node.children[0])
    return opening in ('"""', "'''") or (opening in ("'", '"') and b"\n" not in (node.text or b""))


_PLAIN_TEXT = re.compile(rb"[\n\x20-\x7e]*")
# Their parts need no look.
_UNBROKEN = ("comment", "string")
_BY_NAME = ("dictionary_splat", "keyword_argument")
_TARGETS = ("attribute", "identifier", "subscript")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_PLAIN_NODES = frozenset(
    [
        *"()[]{},.:=+-*/%",
        "**",
        "//",
        "aliased_import",
        "argument_list",
        "as",
        "assignment",
        "attribute",
        "binary_operator",
        "call",
        "comment",
        "dictionary",
        "dictionary_splat",
        "dotted_name",
        "ellipsis",
        "expression_statement",
        "false",
        "float",
        "from",
        "identifier",
        "import",
        "import_from_statement",
        "import_statement",
        "integer",
        "keyword_argument",
        "list",
        "module",
        "none",
        "pair",
        "parenthesized_expression",
        "pattern_list",
        "slice",
        "string",
        "subscript",
        "true",
        "tuple",
        "unary_operator",
    ]
)
_PLAIN_CHECKS: dict[str, Callable[["Node"], bool]] = {
    "argument_list": _has_plain_arguments,
    "assignment": lambda node: node.children[0].type in (*_TARGETS, "pattern_list"),
    "attribute": lambda node: node.children[0].type in ("identifier", "attribute", "call", "subscript"),
    "dictionary": _has_plain_commas,
    "float": lambda node: re.fullmatch(rb"[0-9]+\.[0-9]+", node.text or b"") is not None,
    "identifier": lambda node: text_of(node) not in RESERVED,
    "import_from_statement": _imports_plain_names,
    "import_statement": lambda node: node.children[-1].type != ",",
    "integer": lambda node: re.fullmatch(rb"0|[1-9][0-9]*", node.text or b"") is not None,
    "list": _has_plain_commas,
    "pattern_list": lambda node: all(child.type in (*_TARGETS, ",", "comment") for child in node.children),
    "string": _has_plain_quotes,
    "subscript": _has_plain_commas,
    "tuple": _has_plain_commas,
}


def is_deeper(root: "Node", levels: int) -> bool:
    """Whether a tree has more than so many levels of nodes with children."""
    level = [root]
    for _ in range(levels):
        level = [child for node in level for child in node.children if child.child_count]
        if not level:
            return False
    return True


def _is_accepted(program: str) -> bool:
    from libcst import native  # type: ignore[attr-defined]

    try:
        native.parse_module(program, None)
    except Exception:  # noqa: BLE001 - its error type is private; whatever it is, the text was not accepted
        return False
    return True


def _literals_can_be_read(root: "Node") -> bool:
    for node in walk(root):
        if node.type == "integer" and _LONG_NUMBER.search(text_of(node)) and not text_of(node)[:2].isalpha():
            return False
        if node.type in ("string", "concatenated_string") and not _string_can_be_read(node):
            return False
    return True


def _string_can_be_read(node: "Node") -> bool:
    if node.type == "concatenated_string":
        parts = [child for child in node.named_children if child.type == "string"]
        return len({_is_bytes(part) for part in parts}) <= 1
    opening = _PREFIX.match(text_of(node.children[0]))
    prefix = opening[1].casefold() if opening else ""
    for part in node.children:
        if part.type == "string_content":
            text = text_of(part)
            if "b" in prefix and not text.isascii():
                return False
            if "r" not in prefix and unescaped(text, is_bytes="b" in prefix) is None:
                return False
    return True


def _is_bytes(string: "Node") -> bool:
    return b"b" in (string.children[0].text or b"").lower()


def walk(root: "Node") -> Iterator["Node"]:
    """The nodes of a tree, each before its children, from left to right."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def unescaped(text: str, *, is_bytes: bool = False) -> str | None:
    r"""The value of a string literal whose source between its quotes is ``text``; None if Python refuses it.

    https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences. In a bytes literal, each character is
    one byte. A character given by its name (``\N{BULLET}``) is left as it is written.
    """
    if "\\" not in text:
        return text
    parts, position = [], 0
    for escape in _ESCAPE.finditer(text):
        meaning = _bytes_escape(escape) if is_bytes else _escape(escape)
        if meaning is None:
            return None
        parts += [text[position : escape.start()], meaning]
        position = escape.end()
    return "".join(parts) + text[position:]


def _escape(escape: re.Match[str]) -> str | None:
    kind, value = str(escape.lastgroup), escape[escape.lastgroup or 0]
    if kind == "line":
        return ""
    if kind == "octal":
        return chr(int(value, 8))
    if kind in ("x", "u", "U"):
        return chr(int(value, 16)) if int(value, 16) <= 0x10FFFF else None
    if kind == "name":  # the table of names grows with each Python
        return escape[0]
    # Unknown escapes stay as they are; these four begin an escape that is incomplete.
    return None if value in "xuUN" else _PLAIN_ESCAPES.get(value, "\\" + value)


def _bytes_escape(escape: re.Match[str]) -> str | None:
    if escape.lastgroup in ("u", "U", "name") or escape["other"] in ("u", "U", "N"):
        return escape[0]
    if escape.lastgroup == "octal":
        return chr(int(escape["octal"], 8) & 0xFF)
    return _escape(escape)
