"""Expressions of a program that is followed."""

from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction import program_constants as constants
from apigauge.harness.extraction.literals import NOT_CONSTANT, SINGLETONS, as_bytes, content, documented, number, prefix
from apigauge.harness.extraction.program_state import OutOfBudgetError, Store
from apigauge.harness.extraction.program_values import (
    UNKNOWN,
    Cell,
    ClassValue,
    DictValue,
    External,
    Function,
    Instance,
    ListValue,
    Result,
    Scope,
    Sentinel,
    is_scalar,
    plain,
    truth,
)
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH: Final = 100
_ORDERS_OF_IDENTITY: Final = ("is", "is not")


class Expressions(Store):
    """Evaluates expressions; what calls, attributes and functions do is in the classes above it."""

    depth = 0

    def call(self, node: "Node", scope: Scope) -> Any:
        """A call's value."""
        raise NotImplementedError

    def get(self, value: Any, name: str) -> Any:
        """An attribute's value."""
        raise NotImplementedError

    def invoke(self, function: Any, arguments: list[Any], node: "Node", scope: Scope) -> Any:
        """What a value returns when it is called with positional arguments."""
        raise NotImplementedError

    def make_function(self, node: "Node", scope: Scope) -> Function:
        """The function that a definition or lambda stands for."""
        raise NotImplementedError

    def escape(self, value: Any) -> None:
        """Notes that a value came to code that is not followed, which may call it."""
        raise NotImplementedError

    def assign(self, target: "Node", value: Any, scope: Scope) -> None:
        """Binds a target."""
        raise NotImplementedError

    def items_of(self, value: Any) -> list[Any] | None:
        """What iterating over a value yields; None if that is open."""
        raise NotImplementedError

    def evaluate(self, node: "Node", scope: Scope) -> Any:
        """An expression's value."""
        self.step()
        if self.depth > MAX_DEPTH:
            raise OutOfBudgetError
        method = _METHODS.get(node.type)
        self.depth += 1
        try:
            if method is None:
                for child in node.named_children:
                    self.escape(self.evaluate(child, scope))
                return UNKNOWN
            return getattr(self, method)(node, scope)
        finally:
            self.depth -= 1

    def _identifier(self, node: "Node", scope: Scope) -> Any:
        return self.lookup(scope, text_of(node))

    def _inner(self, node: "Node", scope: Scope) -> Any:
        children = [child for child in node.named_children if child.type != "comment"]
        return self.evaluate(children[0], scope) if len(children) == 1 else UNKNOWN

    def _singleton(self, node: "Node", _scope: Scope) -> Any:
        return SINGLETONS[node.type]

    def _number(self, node: "Node", _scope: Scope) -> Any:
        value = number(text_of(node))
        return UNKNOWN if value is NOT_CONSTANT else value

    def _string(self, node: "Node", scope: Scope) -> Any:
        if node.type == "concatenated_string":
            parts = [self._string(child, scope) for child in node.named_children if child.type == "string"]
            if parts and all(isinstance(part, str) for part in parts):
                return "".join(parts)
            return b"".join(parts) if parts and all(isinstance(part, bytes) for part in parts) else UNKNOWN
        letters = prefix(node)
        pieces: list[Any] = []
        for child in node.named_children:
            if child.type == "interpolation":
                pieces.append(self._interpolation(child, scope))
            elif child.type == "string_content":
                pieces.append(content(child, letters))
        if "t" in letters or not all(isinstance(piece, str) for piece in pieces):
            return UNKNOWN
        value = "".join(pieces)
        if "b" not in letters:
            return value if len(value) <= 2 * constants.MAX_LENGTH else UNKNOWN
        data = as_bytes(value)
        return UNKNOWN if data is NOT_CONSTANT else data

    def _interpolation(self, node: "Node", scope: Scope) -> Any:
        expression = node.child_by_field_name("expression")
        conversion = node.child_by_field_name("type_conversion")
        specifier = node.child_by_field_name("format_specifier")
        if expression is None:
            return UNKNOWN
        value = self.evaluate(expression, scope)
        spec = self._spec(specifier, scope) if specifier is not None else ""
        mark = text_of(conversion)[1:] if conversion is not None else ""
        equals = next((child for child in node.children if child.type == "="), None)
        if isinstance(value, Instance) or plain(value) is UNKNOWN or not isinstance(spec, str):
            self.escape(value)
            return UNKNOWN
        if equals is None:
            return constants.formatted(plain(value), mark, spec)
        text = constants.formatted(plain(value), mark or ("" if specifier is not None else "r"), spec)
        return UNKNOWN if not isinstance(text, str) else documented(node, equals) + text

    def _spec(self, node: "Node", scope: Scope) -> Any:
        """A format, with the values of the expressions in it."""
        source, parts, end = node.text or b"", [""], 1
        for part in node.named_children:
            inner = part.child_by_field_name("expression")
            value = plain(self.evaluate(inner, scope)) if inner is not None and part.child_count == 3 else UNKNOWN
            text = constants.formatted(value, "", "") if value is not UNKNOWN else UNKNOWN
            if not isinstance(text, str):
                return UNKNOWN
            parts += [source[end : part.start_byte - node.start_byte].decode("utf-8", "replace"), text]
            end = part.end_byte - node.start_byte
        return "".join(parts) + source[end:].decode("utf-8", "replace")

    def _attribute(self, node: "Node", scope: Scope) -> Any:
        value, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
        if value is None or name is None:
            return UNKNOWN
        return self.get(self.evaluate(value, scope), text_of(name))

    def _subscript(self, node: "Node", scope: Scope) -> Any:
        container = node.child_by_field_name("value")
        keys = [self.evaluate(key, scope) for key in node.children_by_field_name("subscript")]
        value = self.evaluate(container, scope) if container is not None else UNKNOWN
        key = plain(keys[0] if len(keys) == 1 else tuple(keys))
        if key is UNKNOWN or isinstance(key, list | dict):
            for one in keys:
                self.escape(one)
        return self.item(value, key, node, scope)

    def item(self, value: Any, key: Any, node: "Node", scope: Scope) -> Any:
        """``value[key]``; the key is a constant or ``UNKNOWN``."""
        if isinstance(value, Instance):
            function = self.get(value, "__getitem__")
            return UNKNOWN if isinstance(function, Sentinel) else self.invoke(function, [key], node, scope)
        if isinstance(value, ClassValue) and value.kind == "enum" and isinstance(key, str):
            return value.cell.get(key, UNKNOWN)
        if isinstance(value, Result):
            return Result(value.of, is_direct=False)
        if isinstance(value, External) and value.dotted == "sys.modules" and isinstance(key, str):
            return External(key)
        if key is UNKNOWN or isinstance(key, list | dict):
            return UNKNOWN
        if isinstance(value, DictValue) and value.items is not UNKNOWN:
            return value.items.get(key, UNKNOWN)
        items = value.items if isinstance(value, ListValue) else value
        if isinstance(items, tuple) and isinstance(key, slice):
            part = items[key]
            return self.new_list(part) if isinstance(value, ListValue) else part
        if isinstance(items, tuple | str | bytes):
            try:
                return items[key]
            except (IndexError, TypeError, ValueError):
                return UNKNOWN
        return UNKNOWN

    def _slice(self, node: "Node", scope: Scope) -> Any:
        bounds: list[Any] = [None]
        for child in node.children:
            if child.type == ":":
                bounds.append(None)
            elif child.type != "comment":
                bounds[-1] = plain(self.evaluate(child, scope))
        if all(bound is None or type(bound) is int for bound in bounds) and (len(bounds) < 3 or bounds[2] != 0):
            return slice(*bounds) if len(bounds) > 1 else UNKNOWN
        return UNKNOWN

    def _binary(self, node: "Node", scope: Scope) -> Any:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = node.child_by_field_name("operator")
        if left is None or right is None or sign is None:
            return UNKNOWN
        return self.operate(sign.type, self.evaluate(left, scope), self.evaluate(right, scope))

    def operate(self, sign: str, one: Any, other: Any) -> Any:
        """A binary operator's value."""
        first, second = plain(one), plain(other)
        if not isinstance(one, Instance) and not isinstance(other, Instance) and UNKNOWN not in (first, second):
            return self.lift(constants.binary(sign, first, second))
        if sign == "+" and isinstance(one, tuple) and isinstance(other, tuple):
            return (*one, *other)
        held: list[Any] = [
            value.items if isinstance(value, ListValue | DictValue) else UNKNOWN for value in (one, other)
        ]
        if sign == "+" and isinstance(one, ListValue) and isinstance(other, ListValue) and UNKNOWN not in held:
            return self.new_list((*held[0], *held[1]))
        if sign == "|" and isinstance(one, DictValue) and isinstance(other, DictValue) and UNKNOWN not in held:
            return self.new_dict(held[0] | held[1])
        self.escape(one)
        self.escape(other)
        return UNKNOWN

    def lift(self, constant: Any) -> Any:
        """A Python constant as a value of the program: its lists and dictionaries can be changed."""
        if isinstance(constant, tuple):
            return tuple(map(self.lift, constant))
        if isinstance(constant, list):
            return self.new_list(tuple(map(self.lift, constant)))
        if isinstance(constant, dict):
            return self.new_dict({key: self.lift(value) for key, value in constant.items()})
        return constant

    def new_list(self, items: Any) -> ListValue:
        """A list of its own."""
        return ListValue(Cell({"items": items}))

    def new_dict(self, items: Any) -> DictValue:
        """A dictionary of its own."""
        return DictValue(Cell({"items": items}))

    def _boolean(self, node: "Node", scope: Scope) -> Any:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = node.child_by_field_name("operator")
        if left is None or right is None or sign is None:
            return UNKNOWN
        first = self.evaluate(left, scope)
        is_true = truth(first)
        if is_true is not None:
            return self.evaluate(right, scope) if is_true == (sign.type == "and") else first
        second = self._perhaps(right, scope)
        if isinstance(first, Result) and isinstance(second, Result):
            self.rivals.append((first.of, second.of))
        return UNKNOWN

    def _perhaps(self, node: "Node", scope: Scope) -> Any:
        """The value of an expression that may not be evaluated at all."""
        values: list[Any] = []

        def way() -> bool:
            values.append(self.evaluate(node, scope))
            return True

        self.branch([way, lambda: True])
        return values[0] if values else UNKNOWN

    def _conditional(self, node: "Node", scope: Scope) -> Any:
        parts = [child for child in node.named_children if child.type != "comment"]
        if len(parts) != 3:
            return UNKNOWN
        is_true = truth(self.evaluate(parts[1], scope))
        if is_true is not None:
            return self.evaluate(parts[0] if is_true else parts[2], scope)
        values: list[Any] = []

        def way(part: "Node") -> bool:
            values.append(self.evaluate(part, scope))
            return True

        self.branch([lambda: way(parts[0]), lambda: way(parts[2])])
        return self._joined(Cell(), "", values) if len(values) == 2 else UNKNOWN

    def _not(self, node: "Node", scope: Scope) -> Any:
        argument = node.child_by_field_name("argument")
        is_true = truth(self.evaluate(argument, scope)) if argument is not None else None
        return UNKNOWN if is_true is None else not is_true

    def _unary(self, node: "Node", scope: Scope) -> Any:
        argument = node.child_by_field_name("argument")
        value = self.evaluate(argument, scope) if argument is not None else UNKNOWN
        if not is_scalar(value) or value is UNKNOWN:
            self.escape(value)
            return UNKNOWN
        return constants.unary(node.children[0].type, value)

    def _comparison(self, node: "Node", scope: Scope) -> Any:
        operands = [self.evaluate(child, scope) for child in node.named_children if child.type != "comment"]
        signs = [child.type for child in node.children if not child.is_named or child.type in ("not in", "is not")]
        if len(operands) != len(signs) + 1:
            return UNKNOWN
        outcome: Any = True
        for one, sign, other in zip(operands, signs, operands[1:], strict=False):
            first, second = plain(one), plain(other)
            if first is UNKNOWN or second is UNKNOWN or isinstance(one, Instance) or isinstance(other, Instance):
                return UNKNOWN
            if sign in _ORDERS_OF_IDENTITY:
                if first is not None and second is not None and not isinstance(first, bool):
                    return UNKNOWN
                outcome = (first is second) == (sign == "is")
            else:
                outcome = constants.compare(sign, first, second)
            if outcome is UNKNOWN or not outcome:
                return outcome
        return outcome

    def _sequence(self, node: "Node", scope: Scope) -> Any:
        items: Any = ()
        for child in node.named_children:
            if child.type == "comment":
                continue
            if child.type == "list_splat":
                inner = self.items_of(self.evaluate(child.named_children[0], scope))
                items = UNKNOWN if inner is None or items is UNKNOWN else (*items, *inner)
            else:
                value = self.evaluate(child, scope)
                items = items if items is UNKNOWN else (*items, value)
        if node.type == "list":
            return self.new_list(items)
        return items if node.type in ("tuple", "expression_list") else UNKNOWN

    def _dictionary(self, node: "Node", scope: Scope) -> Any:
        entries: Any = {}
        for child in node.named_children:
            if child.type == "dictionary_splat":
                inner = self.evaluate(child.named_children[0], scope)
                more = inner.items if isinstance(inner, DictValue) else UNKNOWN
                entries = UNKNOWN if more is UNKNOWN or entries is UNKNOWN else entries | more
                continue
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if child.type != "pair" or key is None or value is None:
                continue
            name, held = plain(self.evaluate(key, scope)), self.evaluate(value, scope)
            is_key = name is not UNKNOWN and not isinstance(name, list | dict)
            entries = entries | {name: held} if entries is not UNKNOWN and is_key else UNKNOWN
            if not is_key:
                self.escape(held)
        return self.new_dict(entries)

    def _named(self, node: "Node", scope: Scope) -> Any:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        result = self.evaluate(value, scope) if value is not None else UNKNOWN
        if name is not None:
            self.assign(name, result, scope)
        return result


_METHODS: Final = {
    "identifier": "_identifier",
    "parenthesized_expression": "_inner",
    "type": "_inner",
    "true": "_singleton",
    "false": "_singleton",
    "none": "_singleton",
    "ellipsis": "_singleton",
    "integer": "_number",
    "float": "_number",
    "string": "_string",
    "concatenated_string": "_string",
    "attribute": "_attribute",
    "subscript": "_subscript",
    "slice": "_slice",
    "binary_operator": "_binary",
    "boolean_operator": "_boolean",
    "conditional_expression": "_conditional",
    "not_operator": "_not",
    "unary_operator": "_unary",
    "comparison_operator": "_comparison",
    "tuple": "_sequence",
    "list": "_sequence",
    "set": "_sequence",
    "expression_list": "_sequence",
    "dictionary": "_dictionary",
    "named_expression": "_named",
    "lambda": "make_function",
    "call": "call",
    "list_comprehension": "_comprehension",
    "set_comprehension": "_comprehension",
    "dictionary_comprehension": "_comprehension",
    "generator_expression": "_comprehension",
    "await": "_await",
    "yield": "_yield",
}
