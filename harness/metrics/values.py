"""What the arguments of a call stand for: constants, names that a program gives one constant, or expressions.

Read from the syntax tree and evaluated here, so that the result does not depend on the Python that runs the harness.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from apigauge.harness.extraction.literals import NOT_CONSTANT, SINGLETONS, as_bytes, content, number, prefix
from apigauge.harness.extraction.program_scope import Argument
from apigauge.harness.extraction.program_values import UNKNOWN, External, plain
from apigauge.harness.extraction.syntax import is_deeper, parses, syntax_tree, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

Constant = str | int | float | complex | bool | bytes | tuple[Any, ...] | list[Any] | None

Kind = Literal["string", "constant", "name", "expression", "unresolved"]

_MAX_TEXT = 1_000
# Levels of an expression; it is read by recursion, whose limit must not decide a score.
_MAX_DEPTH = 60
_LITERALS = frozenset({"false", "float", "integer", "none", "string", "true"})
# Its quotes and what is between them.
_PARTS_OF_A_STRING = 3
_ASSIGNMENT = re.compile(
    r"""^(?:>>>)?[ \t]*(\w+)[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*
    ("[^"\\\n]*"|'[^'\\\n]*'|-?[0-9]+(?:\.[0-9]+)?|True|False|None)[ \t]*(?:\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)
# What binds the names in it: the rest of an assignment's left side is attributes and items of what exists.
_PATTERNS = frozenset(
    {
        "as_pattern_target",
        "dictionary_splat_pattern",
        "expression_list",
        "list",
        "list_pattern",
        "list_splat",
        "list_splat_pattern",
        "parenthesized_expression",
        "pattern_list",
        "tuple",
        "tuple_pattern",
    }
)
_BINDERS = {
    "assignment": "left",
    "augmented_assignment": "left",
    "for_in_clause": "left",
    "for_statement": "left",
    "named_expression": "name",
}
_PARAMETERS = frozenset({"lambda_parameters", "parameters"})


@dataclass(frozen=True, slots=True)
class Value:
    """An argument.

    ``text`` is a string's content, or the source without white space; ``kind`` keeps ``'True'`` apart from ``True``;
    ``unresolved`` says that the value depends on what cannot be followed.
    """

    kind: Kind
    text: str

    def accepts(self, other: "Value") -> bool:
        """Whether an answer's value is this reference's; a reference may have forgotten the quotes, an answer not."""
        if self.kind == other.kind:
            return self.text == other.text
        is_text = self.kind in ("name", "expression") and other.kind in ("string", "unresolved")
        return is_text and self.text == other.text


def argument_value(argument: Argument) -> Value:
    """The value of an argument of a program's call."""
    constant = plain(argument.value)
    if constant is not UNKNOWN and not _has_dictionary(constant):
        return _written_out(constant)
    if constant is not UNKNOWN:
        return Value("expression", _squeezed(repr(constant)))
    if isinstance(argument.value, External) and argument.value.is_free and "." not in argument.value.dotted:
        return Value("name", argument.value.dotted)
    return Value("unresolved" if argument.is_open else "expression", _squeezed(argument.text))


def literal_value(node: "Node") -> Value | None:
    """The value of an expression that is one plain literal; None if it is anything else, or broken."""
    kind = node.type
    if kind not in _LITERALS or node.has_error:
        return None
    if kind == "string":
        parts = node.named_children
        is_plain = node.children[0].text in (b"'", b'"') and len(parts) <= _PARTS_OF_A_STRING
        text = content(parts[1], "") if is_plain and len(parts) == _PARTS_OF_A_STRING else NOT_CONSTANT
        return Value("string", text) if isinstance(text, str) and len(text) < _MAX_TEXT else None
    constant = SINGLETONS[kind] if kind in SINGLETONS else number(text_of(node))
    return None if constant is NOT_CONSTANT else _written_out(constant)


def _has_dictionary(constant: Any) -> bool:
    parts = constant if isinstance(constant, tuple | list) else ()
    return isinstance(constant, dict) or any(_has_dictionary(part) for part in parts)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).replace('"', "'")


def follow(name: Value, program: str) -> Value:
    """The constant that a name stands for in a program, or the name itself."""
    scope = constants(program)
    return _written_out(scope[name.text]) if name.text in scope else name


def default_text(node: "Node") -> str:
    """The text by which a parameter's default is compared with an argument's value."""
    constant = _constant_of(node, {})
    return text_of(node) if constant is NOT_CONSTANT else _written_out(constant).text


def _written_out(constant: object) -> Value:
    return Value("string", constant) if isinstance(constant, str) else Value("constant", repr(constant))


@lru_cache(maxsize=64)
def constants(program: str) -> dict[str, Constant]:
    """Names that every binding in the program gives the same constant.

    Assignments (annotated, chained, unpacked), defaults of parameters, joined strings and names of other constants are
    followed. A name that is also bound to something else anywhere stands for nothing. Where the text does not parse,
    plain assignments are read line by line.
    """
    if not parses(program):
        return _agreed([(name, _expression(text)) for name, text in _ASSIGNMENT.findall(program)])
    root = syntax_tree(program.encode()).root_node
    scope: dict[str, Constant] = {}
    for _ in range(3):  # a name of a name of a constant
        scope = _agreed(_bindings(root, scope))
    return scope


def _constant_of(node: "Node", scope: dict[str, Constant]) -> Any:
    """The constant an expression stands for, its names being those of the scope; ``NOT_CONSTANT`` if it is none."""
    if node.has_error or node.end_byte - node.start_byte >= _MAX_TEXT or is_deeper(node, _MAX_DEPTH):
        return NOT_CONSTANT
    return _fold(node, scope)


def _expression(text: str) -> Any:
    statements = syntax_tree(text.encode("utf-8", "replace")).root_node.named_children
    if len(statements) != 1 or statements[0].type != "expression_statement":
        return NOT_CONSTANT
    return _constant_of(statements[0].named_children[0], {})


def _agreed(bindings: list[tuple[str, Any]]) -> dict[str, Constant]:
    values: dict[str, list[Any]] = {}
    for name, value in bindings:
        values.setdefault(name, []).append(value)
    return {
        name: bound[0]
        for name, bound in values.items()
        if NOT_CONSTANT not in bound and all(type(v) is type(bound[0]) and v == bound[0] for v in bound)
    }


def _bindings(root: "Node", scope: dict[str, Constant]) -> list[tuple[str, Any]]:
    bound: list[tuple[str, Any]] = []
    for node in walk(root):
        if node.type in _BINDERS:
            target = node.child_by_field_name(_BINDERS[node.type])
            has_value = node.type in ("assignment", "named_expression")
            value = _assigned(node) if has_value else None
            if target is not None:
                bound += _pairs(target, value, scope)
        elif node.type == "as_pattern_target":
            bound += _pairs(node, None, scope)
        elif node.type in _PARAMETERS:
            bound += _parameters(node, scope)
    return bound


def _assigned(node: "Node") -> "Node | None":
    """The value of an assignment; that of ``a = b = 1`` is at the end of the chain."""
    value = node.child_by_field_name("value" if node.type == "named_expression" else "right")
    while value is not None and value.type == "assignment":
        value = value.child_by_field_name("right")
    return value


def _pairs(target: "Node", value: "Node | None", scope: dict[str, Constant]) -> list[tuple[str, Any]]:
    """Each name that a target binds, with its constant."""
    if target.type == "identifier":
        return [(text_of(target), NOT_CONSTANT if value is None else _constant_of(value, scope))]
    if target.type not in _PATTERNS:
        return []
    targets = target.named_children
    values: list[Node | None] = [None] * len(targets)
    if target.type in ("pattern_list", "tuple_pattern") and value is not None:
        elements = value.named_children if value.type in ("expression_list", "tuple") else []
        values = list(elements) if len(elements) == len(targets) else values
    return [pair for one, its in zip(targets, values, strict=True) for pair in _pairs(one, its, scope)]


def _parameters(node: "Node", scope: dict[str, Constant]) -> list[tuple[str, Any]]:
    bound: list[tuple[str, Any]] = []
    for parameter in node.named_children:
        value = parameter.child_by_field_name("value")
        name = parameter if parameter.type == "identifier" else parameter.child_by_field_name("name")
        if name is None and parameter.type in ("typed_parameter", "list_splat_pattern", "dictionary_splat_pattern"):
            name = next((inner for inner in walk(parameter) if inner.type == "identifier"), None)
        if name is not None:
            bound.append((text_of(name), NOT_CONSTANT if value is None else _constant_of(value, scope)))
    return bound


def _fold(node: "Node", scope: dict[str, Constant]) -> Any:
    """The value of an expression of literals, names of constants, joined and formatted strings."""
    if node.type == "parenthesized_expression" and node.named_child_count == 1:
        return _fold(node.named_children[0], scope)
    if node.type == "identifier":
        return scope.get(text_of(node), NOT_CONSTANT)
    if node.type in ("string", "concatenated_string"):
        return _string(node, scope)
    if node.type == "binary_operator":
        return _sum(node, scope)
    return _literal(node)


def _sum(node: "Node", scope: dict[str, Constant]) -> Any:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None or operator.type not in ("+", "-"):
        return NOT_CONSTANT
    first, second = _fold(left, scope), _fold(right, scope)
    if isinstance(first, str) and isinstance(second, str):
        return first + second if operator.type == "+" else NOT_CONSTANT
    # ``1 + 2j`` is how a complex number is written.
    if type(first) in (int, float) and isinstance(second, complex):
        return first + second if operator.type == "+" else first - second
    return NOT_CONSTANT


def _string(node: "Node", scope: dict[str, Constant]) -> Any:
    parts = [_one_string(part, scope) for part in _strings(node)]
    if parts and all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return b"".join(parts) if parts and all(isinstance(part, bytes) for part in parts) else NOT_CONSTANT


def _strings(node: "Node") -> "list[Node]":
    return [node] if node.type == "string" else [child for child in node.named_children if child.type == "string"]


def _one_string(node: "Node", scope: dict[str, Constant]) -> Any:
    letters = prefix(node)
    parts: list[Any] = []
    for child in node.named_children:
        if child.type == "interpolation":
            inner = child.named_children
            parts.append(_fold(inner[0], scope) if len(inner) == 1 and child.child_count == 3 else NOT_CONSTANT)
        elif child.type == "string_content":
            parts.append(content(child, letters))
    if not all(isinstance(part, str) for part in parts):
        return NOT_CONSTANT
    return as_bytes("".join(parts)) if "b" in letters else "".join(parts)


def _literal(node: "Node") -> Any:
    if node.type in SINGLETONS:
        return SINGLETONS[node.type]
    if node.type in ("integer", "float"):
        return number(text_of(node))
    if node.type == "unary_operator":
        value = _literal(node.named_children[-1])
        sign = node.children[0].type
        numeric = type(value) in (int, float, complex) and sign in ("-", "+")
        return (-value if sign == "-" else value) if numeric else NOT_CONSTANT
    if node.type in ("tuple", "expression_list", "list"):
        parts = [_fold(child, {}) for child in node.named_children if child.type != "comment"]
        whole = all(part is not NOT_CONSTANT for part in parts)
        return (parts if node.type == "list" else tuple(parts)) if whole else NOT_CONSTANT
    return NOT_CONSTANT
