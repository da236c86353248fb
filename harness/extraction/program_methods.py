"""Methods of containers and parsers, which change them, and the calls of a program."""

import re
from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction import program_constants as constants
from apigauge.harness.extraction.program_functions import Arguments
from apigauge.harness.extraction.program_library import Library
from apigauge.harness.extraction.program_values import (
    MISSING,
    UNKNOWN,
    Builtin,
    Cell,
    ClassValue,
    Deferred,
    DictValue,
    Evaluation,
    External,
    Function,
    Instance,
    ListValue,
    Method,
    Namespace,
    Result,
    Scope,
    plain,
)
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Calls(Library):
    """Evaluates calls, and notes those of external functions."""

    def call(self, node: "Node", scope: Scope) -> Any:
        """A call's value."""
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or given is None:
            return UNKNOWN
        function = self.evaluate(callee, scope)
        arguments = self._arguments(given, scope)
        return self._call_any(function, arguments, node, scope)

    def invoke_any(self, function: Any, arguments: list[Any], node: "Node", scope: Scope) -> Any:
        """What anything returns when it is called with positional arguments."""
        return self._call_any(function, ([(value, node) for value in arguments], [], False), node, scope)

    def _call_any(self, function: Any, arguments: Arguments, node: "Node", scope: Scope) -> Any:
        if isinstance(function, Builtin):
            return self.builtin(function.name, arguments, node, scope)
        if isinstance(function, Method):
            return self._method(function, arguments)
        if isinstance(function, External):
            value = self.known_external(function, arguments, node)
            return self._note(function, arguments, node, scope) if value is MISSING else value
        if isinstance(function, Result) or function is UNKNOWN:
            return self._of_result(function, arguments, node, scope)
        return self.call_value(function, arguments, node, scope)

    def call_value(self, function: Any, arguments: Arguments, node: "Node", scope: Scope) -> Any:
        """What a value returns when it is called."""
        if isinstance(function, External | Builtin | Method):
            return self._call_any(function, arguments, node, scope)
        return super().call_value(function, arguments, node, scope)

    def _arguments(self, node: "Node", scope: Scope) -> Arguments:
        positional: list[tuple[Any, Node]] = []
        keywords: list[tuple[str, Any, Node]] = []
        is_open = False
        if node.type == "generator_expression":
            return [(self.evaluate(node, scope), node)], [], False
        for child in node.named_children:
            if child.type in ("comment", "ERROR"):
                continue
            if child.type == "keyword_argument":
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                if name is not None and value is not None:
                    keywords.append((text_of(name), self.evaluate(value, scope), value))
            elif child.type == "list_splat":
                items = self.items_of(self.evaluate(child.named_children[0], scope))
                is_open = is_open or items is None
                positional += [(item, child) for item in items or ()]
            elif child.type == "dictionary_splat":
                value = self.evaluate(child.named_children[0], scope)
                entries: Any = value.items if isinstance(value, DictValue) else UNKNOWN
                if entries is UNKNOWN or not all(isinstance(key, str) for key in entries):
                    is_open, entries = True, {}
                keywords += [(key, one, child) for key, one in entries.items()]
            else:
                positional.append((self.evaluate(child, scope), child))
        return positional, keywords, is_open

    # Calls of what is not of the program

    def _note(
        self, function: External, arguments: Arguments, node: "Node", scope: Scope, *, is_api: bool = True
    ) -> Result:
        handed = [
            part
            for value in [one for one, _ in arguments[0]] + [one for _, one, _ in arguments[1]]
            for part in self._handed(value)
        ]
        noted = Evaluation(
            node,
            scope.text,
            function,
            *arguments,
            is_certain=not self.uncertain,
            parts=[part.of for part in handed if part.is_direct],
            is_api=is_api,
            sources=[part.of for part in handed if not part.is_direct],
        )
        for value, place in [*arguments[0], *((value, place) for _, value, place in arguments[1])]:
            if plain(value) is UNKNOWN:
                noted.rendered[place.start_byte] = self._render(value, place, scope)
        self.trace.append(noted)
        self.escape_all(UNKNOWN, arguments)
        return Result(noted)

    def _handed(self, value: Any, depth: int = 0) -> list[Result]:
        if isinstance(value, Result):
            return [value]
        held = value.items if isinstance(value, ListValue | DictValue) else value
        inner = held.values() if isinstance(held, dict) else held if isinstance(held, tuple) else ()
        return [part for one in inner for part in self._handed(one, depth + 1)] if depth < 4 else []

    def _render(self, value: Any, node: "Node", scope: Scope) -> str:
        """An argument's source with the names of constants replaced by the constants."""
        if node.type == "identifier" and isinstance(value, Result):
            return _written_call(value.of)
        if node.type == "identifier" and isinstance(value, External) and not value.is_free:
            return value.dotted
        source, start = node.text or b"", node.start_byte
        for name in reversed(_names_read(node)):
            constant = plain(self.lookup(scope, text_of(name)))
            if constant is not UNKNOWN:
                text = repr(constant).encode("utf-8", "replace")
                source = source[: name.start_byte - start] + text + source[name.end_byte - start :]
        return source.decode("utf-8", "replace")

    def _of_result(self, function: Any, arguments: Arguments, node: "Node", scope: Scope) -> Any:
        callee = node.child_by_field_name("function")
        written = re.sub(r"\s+", "", text_of(callee)) if callee is not None else ""
        is_shadowed = callee is not None and isinstance(self.lookup(scope, _head(callee)), External)
        if _DOTTED.fullmatch(written) and not is_shadowed:
            noted = self._note(External(written), arguments, node, scope, is_api=False).of
            self._note_method(noted, written, scope)
        last = written.rsplit(".", 1)[-1]
        first = arguments[0][0][0] if arguments[0] else None
        if last in ("submit", "apply_async", "run_in_executor", "to_thread") and isinstance(first, Function):
            self.run_escaped(first, MISSING, (arguments[0][1:], arguments[1], arguments[2]))
        elif last in ("run_until_complete", "create_task", "gather") and isinstance(first, Deferred):
            self.settle_deferred(first, certain=True)
        else:
            self.escape_all(UNKNOWN, arguments)
        if isinstance(function, Result):
            return Result(
                function.of, is_direct=function.is_direct and callee is not None and callee.type == "attribute"
            )
        return UNKNOWN

    def _note_method(self, noted: Evaluation, written: str, scope: Scope) -> None:
        """Notes whose method a call is, if the program makes the object by calling a class."""
        name, _, method = written.partition(".")
        receiver = self.lookup(scope, name)
        if not method or "." in method or not isinstance(receiver, Result) or not receiver.is_direct:
            return
        cls = receiver.of.function
        if receiver.of.is_api and not cls.is_free and cls.dotted.rpartition(".")[2][:1].isupper():
            noted.method = f"{cls.dotted}.{method}"
            noted.sources.append(receiver.of)

    # Methods

    def _method(self, method: Method, arguments: Arguments) -> Any:
        value, name = method.value, method.name
        positional = [one for one, _ in arguments[0]]
        named = {key: one for key, one, _ in arguments[1]}
        if isinstance(value, Namespace):
            return self._of_namespace(value, name, positional, named, arguments)
        if isinstance(value, ListValue) and value.items is not UNKNOWN and not arguments[2]:
            result = self._of_list(value, name, positional)
            if result is not MISSING:
                return result
        if isinstance(value, DictValue) and value.items is not UNKNOWN and not arguments[2]:
            result = self._of_dict(value, name, positional, named)
            if result is not MISSING:
                return result
        given, by_name = [plain(one) for one in positional], {key: plain(one) for key, one in named.items()}
        constant = UNKNOWN if isinstance(value, Builtin) else plain(value)
        is_pure = name not in _CHANGES
        if is_pure and constant is not UNKNOWN and UNKNOWN not in given and UNKNOWN not in by_name.values():
            return UNKNOWN if arguments[2] else self.lift(constants.method(constant, name, given, by_name))
        for one in (*positional, *named.values()):
            self.escape(one)
        if not is_pure and isinstance(value, ListValue | DictValue):
            self.write(value.cell, "items", UNKNOWN)
        return UNKNOWN

    def _of_list(self, value: ListValue, name: str, given: list[Any]) -> Any:
        items = value.items
        if name == "append" and len(given) == 1:
            self.write(value.cell, "items", (*items, given[0]))
        elif name == "extend" and len(given) == 1 and (more := self.items_of(given[0])) is not None:
            self.write(value.cell, "items", (*items, *more))
        elif name == "insert" and len(given) == 2 and type(given[0]) is int:
            changed = list(items)
            changed.insert(given[0], given[1])
            self.write(value.cell, "items", tuple(changed))
        elif (
            name == "pop" and items and (not given or (type(given[0]) is int and -len(items) <= given[0] < len(items)))
        ):
            position = given[0] % len(items) if given else len(items) - 1
            self.write(value.cell, "items", items[:position] + items[position + 1 :])
            return items[position]
        elif name in ("clear", "reverse", "copy") and not given:
            if name == "copy":
                return self.new_list(items)
            self.write(value.cell, "items", () if name == "clear" else items[::-1])
        else:
            return MISSING
        return None

    def _of_dict(self, value: DictValue, name: str, given: list[Any], named: dict[str, Any]) -> Any:
        items = value.items
        key = plain(given[0]) if given else MISSING
        if name in ("get", "pop", "setdefault") and given and key is not UNKNOWN and not isinstance(key, list | dict):
            default = given[1] if len(given) > 1 else None if name != "pop" else UNKNOWN
            if name == "pop":
                self.write(value.cell, "items", {one: held for one, held in items.items() if one != key})
            elif name == "setdefault" and key not in items:
                self.write(value.cell, "items", items | {key: default})
            return items.get(key, default)
        if name == "update" and len(given) <= 1:
            more = given[0].items if given and isinstance(given[0], DictValue) else {} if not given else UNKNOWN
            self.write(value.cell, "items", UNKNOWN if more is UNKNOWN else items | more | named)
        elif name in ("items", "keys", "values", "copy") and not given:
            if name == "copy":
                return self.new_dict(items)
            listed = {"items": items.items(), "keys": items.keys(), "values": items.values()}[name]
            return self.new_list(tuple(listed))
        elif name == "clear":
            self.write(value.cell, "items", {})
        else:
            return MISSING
        return None

    def _of_namespace(
        self, value: Namespace, name: str, given: list[Any], named: dict[str, Any], arguments: Arguments
    ) -> Any:
        """Methods of a parser of the command line, which is run without arguments."""
        self.escape_all(UNKNOWN, arguments)
        if name in ("add_argument_group", "add_mutually_exclusive_group"):
            return value
        if name == "add_argument":
            self._add_argument(value, given, named)
        elif name in ("parse_args", "parse_known_args"):
            line = given[0] if given else named.get("args")
            is_plain = not (len(given) > 1 or "namespace" in named) and value.kind == "parser"
            is_empty = line is None or line == External("sys.argv") or plain(line) == []
            cell = Cell({key: one if is_plain and is_empty else UNKNOWN for key, one in value.cell.items()})
            parsed = Namespace("parsed", cell)
            return parsed if name == "parse_args" else (parsed, UNKNOWN)
        elif name == "set_defaults":
            for key, one in named.items():
                self.write(value.cell, key, one)
        else:
            value.kind = "open"
        return UNKNOWN

    def _add_argument(self, parser: Namespace, given: list[Any], named: dict[str, Any]) -> None:
        options = [plain(one) for one in given]
        if not options or not all(isinstance(option, str) for option in options):
            parser.kind = "open"
            return
        long = next((option for option in options if option.startswith("--")), options[0])
        name = named.get("dest", long.lstrip("-").replace("-", "_"))
        action, default = named.get("action"), named.get("default")
        if action in ("store_true", "store_false"):
            default = named.get("default", action == "store_false")
        elif action not in (None, "store") or named.get("required") or not options[0].startswith("-"):
            default = UNKNOWN
        kind = named.get("type")
        if isinstance(default, str) and kind is not None:
            is_simple = isinstance(kind, Builtin) and kind.name in ("int", "float", "str")
            default = constants.function(kind.name, [default], {}) if is_simple else UNKNOWN
        if isinstance(name, str):
            self.write(parser.cell, name, default)

    def items_of(self, value: Any) -> list[Any] | None:
        """What iterating over a value yields; None if that is open."""
        if isinstance(value, ListValue):
            return None if value.items is UNKNOWN else list(value.items)
        if isinstance(value, tuple | str):
            return list(value) if len(value) <= 1_000 else None
        if isinstance(value, bytes):
            return list(value)
        if isinstance(value, DictValue):
            return None if value.items is UNKNOWN else list(value.items)
        if isinstance(value, Deferred):
            self.settle_deferred(value, certain=True)
        elif isinstance(value, ClassValue) and value.kind == "enum":
            return [one for one in value.cell.values() if isinstance(one, Instance)]
        elif isinstance(value, Instance):
            self.escape_methods(value, all_of_them=True)
        return None


_CHANGES: Final = frozenset(
    [
        "append",
        "clear",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
        "__setitem__",
        "__delitem__",
    ]
)


def _head(callee: "Node") -> str:
    """The name that a dotted callee begins with."""
    while callee.type == "attribute" and callee.named_children:
        callee = callee.named_children[0]
    return text_of(callee)


def _written_call(call: Evaluation) -> str:
    """A call with its constants filled in."""
    callee = call.node.child_by_field_name("function")
    written = text_of(callee) if callee is not None else call.function.dotted
    arguments = [_written(call, value, place) for value, place in call.positional]
    arguments += [f"{name}={_written(call, value, place)}" for name, value, place in call.keywords]
    return f"{written}({', '.join(arguments)})"


def _written(call: Evaluation, value: Any, place: "Node") -> str:
    constant = plain(value)
    return call.rendered.get(place.start_byte, text_of(place)) if constant is UNKNOWN else repr(constant)


def _names_read(node: "Node") -> "list[Node]":
    """Identifiers an expression reads, in order: no attribute's name, no keyword argument's."""
    names, stack = [], [node]
    while stack:
        inner = stack.pop()
        if inner.type == "identifier":
            names.append(inner)
        children = inner.named_children
        if inner.type == "attribute":
            children = children[:1]
        elif inner.type in ("keyword_argument", "lambda"):
            children = children[1:]
        stack.extend(reversed(children))
    return names
