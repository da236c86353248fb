"""Names that a program binds: imports, assignments, functions with their decorators, classes."""

import string
from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.program_methods import Calls
from apigauge.harness.extraction.program_values import (
    UNKNOWN,
    Builtin,
    Cell,
    ClassValue,
    DictValue,
    External,
    Function,
    Instance,
    ListValue,
    Result,
    Scope,
    is_scalar,
    plain,
)
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

# Decorators that leave what the function does with its arguments as it is; by the end of their dotted names.
_TRANSPARENT: Final = frozenset(
    """abstractmethod cache cache_data cache_resource cached contextmanager experimental_memo
    experimental_singleton function inference_mode jit lru_cache memo no_grad override profile singleton timer
    total_ordering wraps""".split()  # noqa: SIM905
)
_CONSTANTS: Final[dict[str, Any]] = {
    "typing.TYPE_CHECKING": False,
    "typing_extensions.TYPE_CHECKING": False,
} | {
    f"string.{name}": getattr(string, name)
    for name in (
        "ascii_letters",
        "ascii_lowercase",
        "ascii_uppercase",
        "digits",
        "hexdigits",
        "octdigits",
        "punctuation",
    )
}
# Bases that call none of a class's methods.
_HARMLESS: Final = frozenset(
    {"ABC", "Enum", "Exception", "Generic", "IntEnum", "NamedTuple", "Protocol", "StrEnum", "int", "object", "str"}
)
_PATTERNS: Final = frozenset(
    {"list", "list_pattern", "parenthesized_expression", "pattern_list", "tuple", "tuple_pattern", "expression_list"}
)


class Definitions(Calls):
    """Binds names."""

    # Imports

    def import_names(self, node: "Node", scope: Scope) -> None:
        """``import a.b as c``."""
        for name in node.children_by_field_name("name"):
            alias = name.child_by_field_name("alias")
            dotted = name.child_by_field_name("name") or name
            written = "".join(text_of(dotted).split())
            bound = written if alias is not None else written.split(".")[0]
            self.bind(scope, text_of(alias) if alias is not None else bound, self.module(bound))

    def import_from(self, node: "Node", scope: Scope) -> None:
        """``from a import b as c``."""
        place = node.child_by_field_name("module_name")
        module = "".join(text_of(place).split()) if place is not None else ""
        if any(child.type == "wildcard_import" for child in node.named_children):
            scope.stars.append(module)
        for name in node.children_by_field_name("name"):
            alias = name.child_by_field_name("alias")
            dotted = text_of(name.child_by_field_name("name") or name)
            value = self.get(self.module(module), dotted)
            self.bind(scope, text_of(alias) if alias is not None else dotted, value)

    def external_attribute(self, value: External, name: str) -> Any:
        """An attribute of what was imported; the program may have set it itself."""
        dotted = f"{value.dotted}.{name}"
        if self.patched and dotted in self.patched:
            return self.patched[dotted]
        if dotted in _CONSTANTS and not value.is_free:
            return _CONSTANTS[dotted]
        return External(dotted, value.is_free, value.star)

    # Assignments

    def bind(self, scope: Scope, name: str, value: Any) -> None:
        """Binds a name where an assignment in this scope binds it."""
        self.write(self.home(scope, name).names, name, value)

    def assign(self, target: "Node", value: Any, scope: Scope) -> None:
        """Binds a target: a name, a pattern, an attribute or an item."""
        if target.type == "identifier":
            self.bind(scope, text_of(target), value)
        elif target.type in _PATTERNS:
            self._unpack([child for child in target.named_children if child.type != "comment"], value, scope)
        elif target.type == "attribute":
            held, name = target.child_by_field_name("object"), target.child_by_field_name("attribute")
            if held is not None and name is not None:
                self.set_attribute(self.evaluate(held, scope), text_of(name), value)
        elif target.type == "subscript":
            self._set_item(target, value, scope)
        elif target.type in ("list_splat_pattern", "list_splat", "as_pattern_target"):
            for child in target.named_children:
                self.assign(child, value, scope)

    def _unpack(self, targets: "list[Node]", value: Any, scope: Scope) -> None:
        items: Any = None
        if isinstance(value, tuple | str | ListValue | DictValue):
            items = self.items_of(value) if targets else None
        stars = [i for i, target in enumerate(targets) if target.type in ("list_splat_pattern", "list_splat")]
        if items is not None and len(stars) == 1 and len(items) >= len(targets) - 1:
            first, rest = stars[0], len(items) - len(targets) + 1
            items = [*items[:first], self.new_list(tuple(items[first : first + rest])), *items[first + rest :]]
        if items is None or len(items) != len(targets):
            inner = Result(value.of, is_direct=False) if isinstance(value, Result) else UNKNOWN
            items = [inner] * len(targets)
        for target, item in zip(targets, items, strict=True):
            self.assign(target, item, scope)

    def _set_item(self, target: "Node", value: Any, scope: Scope) -> None:
        place = target.child_by_field_name("value")
        keys = [plain(self.evaluate(key, scope)) for key in target.children_by_field_name("subscript")]
        held = self.evaluate(place, scope) if place is not None else UNKNOWN
        key = keys[0] if len(keys) == 1 else UNKNOWN
        is_key = key is not UNKNOWN and not isinstance(key, list | dict | slice)
        if isinstance(held, DictValue):
            entries = held.items
            whole = is_key and entries is not UNKNOWN
            self.write(held.cell, "items", entries | {key: value} if whole else UNKNOWN)
        elif isinstance(held, ListValue):
            changed: Any = UNKNOWN
            if type(key) is int and held.items is not UNKNOWN and -len(held.items) <= key < len(held.items):
                changed = [*held.items]
                changed[key] = value
            self.write(held.cell, "items", UNKNOWN if changed is UNKNOWN else tuple(changed))
        elif isinstance(held, External) and held.dotted in ("os.environ", "sys.modules"):
            if not isinstance(key, str):
                self.is_complete = False
                return
            self.write(self.patched, key if held.dotted == "sys.modules" else f"os.environ[{key}]", value)
        elif isinstance(held, Instance):
            self.escape(held)
            self.escape(value)
        else:
            if held is UNKNOWN and place is not None and place.type == "call":
                self.is_complete = False  # ``globals()['x'] = ...``
            self.escape(value)

    def augment(self, node: "Node", scope: Scope) -> None:
        """``a += b``."""
        target, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = node.child_by_field_name("operator")
        if target is None or value is None or sign is None:
            return
        old, more = self.evaluate(target, scope), self.evaluate(value, scope)
        if isinstance(old, ListValue) and sign.type == "+=":
            items, tail = old.items, self.items_of(more)
            self.write(old.cell, "items", UNKNOWN if items is UNKNOWN or tail is None else (*items, *tail))
            return
        if isinstance(old, DictValue) and sign.type == "|=":
            extra = more.items if isinstance(more, DictValue) else UNKNOWN
            entries = old.items
            self.write(old.cell, "items", UNKNOWN if UNKNOWN in (entries, extra) else entries | extra)
            return
        if isinstance(old, ListValue | DictValue):
            self.write(old.cell, "items", UNKNOWN)
        self.assign(target, self.operate(sign.type.removesuffix("="), old, more), scope)

    def delete(self, node: "Node", scope: Scope) -> None:
        """``del a``."""
        targets = list(node.named_children)
        while targets:
            target = targets.pop()
            if target.type in _PATTERNS:
                targets += target.named_children
            elif target.type == "identifier":
                place = self.home(scope, text_of(target)).names
                if text_of(target) in place:
                    self.write(place, text_of(target), UNKNOWN)
            elif target.type == "subscript" and (held := target.child_by_field_name("value")) is not None:
                value = self.evaluate(held, scope)
                if isinstance(value, ListValue | DictValue):
                    self.write(value.cell, "items", UNKNOWN)
            elif target.type == "attribute" and (held := target.child_by_field_name("object")) is not None:
                name = target.child_by_field_name("attribute")
                if name is not None:
                    self.set_attribute(self.evaluate(held, scope), text_of(name), UNKNOWN)

    # Functions and classes

    def define(self, node: "Node", scope: Scope) -> None:
        """A function or class, with its decorators."""
        decorators = [child.named_children[0] for child in node.named_children if child.type == "decorator"]
        definition = node.child_by_field_name("definition") or node
        name = definition.child_by_field_name("name")
        values = [(self.evaluate(decorator, scope), decorator) for decorator in decorators if decorator is not None]
        if definition.type == "class_definition":
            made: Any = self._make_class(definition, scope, [value for value, _ in values])
        else:
            made = self.make_function(definition, scope)
            made.owner = scope.owner if scope.kind == "class" else None
        for value, place in reversed(values):
            made = self._decorated(value, made, place, scope)
        if name is not None:
            self.bind(scope, text_of(name), made)

    def _decorated(self, decorator: Any, made: Any, place: "Node", scope: Scope) -> Any:
        if isinstance(decorator, Builtin):
            return self.bind_kind(decorator, made)
        dotted = self._dotted(decorator)
        last = dotted.rsplit(".", 1)[-1]
        if isinstance(made, ClassValue):
            if last in ("dataclass", "unique", "total_ordering", "runtime_checkable", "final"):
                return made
            if not dotted:
                return self.invoke_any(decorator, [made], place, scope)
            made.is_open = True
            return made
        if not isinstance(made, Function):
            return self.invoke_any(decorator, [made], place, scope)
        if last in ("setter", "deleter") or text_of(place).endswith((".setter", ".deleter")):
            return UNKNOWN
        if last in ("cached_property", "abstractproperty"):
            made.binding = "property"
            return made
        if dotted and last in _TRANSPARENT:
            return made
        if dotted or isinstance(decorator, Result):
            made.is_wrapped = True  # by a framework, which calls it when it likes
            return made
        return self.invoke_any(decorator, [made], place, scope)

    @staticmethod
    def _dotted(decorator: Any) -> str:
        if isinstance(decorator, Result) and decorator.of.is_api:
            return decorator.of.function.dotted
        return decorator.dotted if isinstance(decorator, External) else ""

    def _make_class(self, node: "Node", scope: Scope, decorators: list[Any]) -> ClassValue:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("superclasses")
        made = ClassValue(text_of(name) if name is not None else "", Cell(), (), is_open=False)
        bases: list[ClassValue] = []
        externals: list[str] = []
        for child in given.named_children if given is not None else ():
            base = self.evaluate(child, scope) if child.type != "keyword_argument" else UNKNOWN
            if isinstance(base, ClassValue):
                bases.append(base)
            elif isinstance(base, External | Builtin):
                externals.append(base.dotted if isinstance(base, External) else base.name)
            elif child.type != "comment":
                externals.append("?")
        made.bases, made.externals = tuple(bases), tuple(externals)
        _classify(
            made,
            [one.rsplit(".", 1)[-1] for one in externals],
            any(self._dotted(one).endswith("dataclass") for one in decorators),
        )
        inner = Scope(made.cell, scope, "class", owner=made, text=scope.text)
        body = node.child_by_field_name("body")
        if body is not None:
            if made.kind in ("dataclass", "tuple"):
                made.fields = _fields(body)
            self.body(body, inner)
        if made.kind == "enum":
            for key, value in list(made.cell.items()):
                if not isinstance(value, Function) and not key.startswith("_"):
                    member = Instance(made, Cell({"value": value if is_scalar(value) else UNKNOWN, "name": key}))
                    self.write(made.cell, key, member)
        return made


def _classify(made: ClassValue, lasts: list[str], is_dataclass: bool) -> None:
    """Says what kind of class it is by its bases and decorators."""
    enums = {"Enum", "StrEnum", "IntEnum"} & set(lasts)
    if enums or any(base.kind == "enum" for base in made.bases):
        made.kind = "enum"
        mixins = {"str", "int", "StrEnum", "IntEnum"} & set(lasts) or {base.mixin for base in made.bases if base.mixin}
        made.mixin = next(iter(sorted(mixins)), "")
    elif is_dataclass or any(base.kind == "dataclass" for base in made.bases):
        made.kind = "dataclass"
    elif "NamedTuple" in lasts:
        made.kind = "tuple"
    made.is_open = not _HARMLESS.issuperset(lasts) or any(base.is_open for base in made.bases)


def _fields(body: "Node") -> list[str]:
    """The annotated names of a class, in order."""
    names = []
    for statement in body.named_children:
        inner = statement.named_children[0] if statement.type == "expression_statement" else statement
        target = inner.child_by_field_name("left") if inner.type == "assignment" else None
        if target is not None and target.type == "identifier" and inner.child_by_field_name("type") is not None:
            names.append(text_of(target))
    return names
