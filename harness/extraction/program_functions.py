"""Functions and classes of a program that is followed: definitions, calls, attributes."""

from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.program_expressions import Expressions
from apigauge.harness.extraction.program_state import AbruptError, Target
from apigauge.harness.extraction.program_values import (
    MISSING,
    UNKNOWN,
    Bound,
    Builtin,
    Cell,
    ClassValue,
    Deferred,
    DictValue,
    External,
    Function,
    Instance,
    ListValue,
    Method,
    Namespace,
    Parameter,
    Partial,
    Result,
    Scope,
    Sentinel,
    Super,
    is_scalar,
)
from apigauge.harness.extraction.syntax import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_CALLS_DEEP: Final = 12
# Methods that give the object they belong to, so that what they return is still the model.
_SAME_OBJECT: Final = frozenset({"bfloat16", "cpu", "cuda", "eval", "float", "half", "requires_grad_", "to", "train"})
_RUN_BY_THE_FRAMEWORK: Final = frozenset({"__call__", "forward"})

Arguments = tuple[list[tuple[Any, "Node"]], list[tuple[str, Any, "Node"]], bool]


class Functions(Expressions):
    """Runs functions of the program with the arguments they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[Function] = []
        self.returns: Target | None = None
        self.escaped: dict[int, tuple[Function, Any]] = {}
        self.functions: list[Function] = []
        self.is_complete = True

    def body(self, node: "Node", scope: Scope) -> bool:
        """Runs a block; whether control comes to its end."""
        raise NotImplementedError

    # Definitions

    def make_function(self, node: "Node", scope: Scope) -> Function:
        """The function that a definition or lambda stands for."""
        name = node.child_by_field_name("name")
        parameters = node.child_by_field_name("parameters")
        made = Function(node, scope, text_of(name) if name is not None else "<lambda>", [])
        by_keyword = False
        for child in parameters.named_children if parameters is not None else ():
            by_keyword = by_keyword or child.type in ("keyword_separator", "list_splat_pattern")
            default = child.child_by_field_name("value")
            value = self.evaluate(default, scope) if default is not None else MISSING
            inner = child.child_by_field_name("name") or child
            inner = inner.named_children[0] if inner.type == "typed_parameter" else inner
            by_keyword = by_keyword or inner.type == "list_splat_pattern"
            if inner.type in ("list_splat_pattern", "dictionary_splat_pattern"):
                kind = "list" if inner.type == "list_splat_pattern" else "dictionary"
                made.parameters.append(Parameter(text_of(inner).lstrip("* "), kind))  # type: ignore[arg-type]
            elif inner.type == "identifier":
                is_last = by_keyword and inner.type == "identifier"
                made.parameters.append(Parameter(text_of(inner), "keyword" if is_last else "positional", value))
        body = node.child_by_field_name("body")
        if node.children[0].type == "async":
            made.kind = "async"
        elif body is not None and _yields(body):
            made.kind = "generator"
        self.functions.append(made)
        return made

    # Calls

    def invoke(self, function: Any, arguments: list[Any], node: "Node", scope: Scope) -> Any:
        """What a value returns when it is called with positional arguments."""
        return self.call_value(function, ([(value, node) for value in arguments], [], False), node, scope)

    def call_value(self, function: Any, arguments: Arguments, node: "Node", scope: Scope) -> Any:
        """What a value returns when it is called."""
        if isinstance(function, Function):
            return self.run_function(function, MISSING, arguments)
        if isinstance(function, Bound):
            return self.run_function(function.function, function.receiver, arguments)
        if isinstance(function, Partial):
            keywords = [*function.keywords, *arguments[1]]
            last = {name: (name, value, place) for name, value, place in keywords}
            merged = ([*function.positional, *arguments[0]], list(last.values()), arguments[2])
            return self.call_value(function.function, merged, node, scope)
        if isinstance(function, ClassValue):
            return self.instantiate(function, arguments)
        if isinstance(function, Instance):
            method = self.get(function, "__call__")
            if isinstance(method, Sentinel) and function.cls.is_open:
                method = self.get(function, "forward")
            if not isinstance(method, Sentinel):
                return self.call_value(method, arguments, node, scope)
        self.escape_all(function, arguments)
        return UNKNOWN

    def escape_all(self, function: Any, arguments: Arguments) -> None:
        """Every argument comes to code that is not followed; so do the containers, which it may change."""
        for value in [one for one, _ in arguments[0]] + [one for _, one, _ in arguments[1]] + [function]:
            self.escape(value)

    def run_function(self, function: Function, receiver: Any, arguments: Arguments) -> Any:
        """What a function of the program returns."""
        function.calls += 1
        if function.kind == "plain":
            return self._run(function, receiver, arguments)
        return Deferred(lambda: self._run(function, receiver, arguments), function.kind == "generator")

    def _run(self, function: Function, receiver: Any, arguments: Arguments) -> Any:
        if len(self.active) >= MAX_CALLS_DEEP or self.active.count(function) > 1:
            self.is_complete = False
            return UNKNOWN
        scope = Scope(
            Cell(holds_names=True), function.scope, "function", owner=function.owner, text=function.scope.text
        )
        first = [] if receiver is MISSING else [(receiver, function.node)]
        self._bind(function, scope, ([*first, *arguments[0]], arguments[1], arguments[2]))
        scope.receiver = scope.names.get(function.parameters[0].name) if function.parameters else None
        body = function.node.child_by_field_name("body")
        if body is None:
            return UNKNOWN
        if function.node.type == "lambda":
            return self._expression_body(function, body, scope)
        target = Target(len(self.journal))
        before, self.returns = self.returns, target
        uncertain = self.uncertain
        self.targets.append(target)
        self.active.append(function)
        try:
            if self.body(body, scope):
                self.arrive(target, None)
        finally:
            self.active.pop()
            self.targets.pop()
            self.returns = before
            self.uncertain = uncertain
        self.settle(target.mark, [delta for _, delta in target.arrivals])
        if not target.arrivals:
            raise AbruptError
        return self._joined(Cell(), "", [value for value, _ in target.arrivals])

    def _expression_body(self, function: Function, body: "Node", scope: Scope) -> Any:
        self.active.append(function)
        try:
            return self.evaluate(body, scope)
        finally:
            self.active.pop()

    def _bind(self, function: Function, scope: Scope, arguments: Arguments) -> None:
        positional = [value for value, _ in arguments[0]]
        keywords = {name: value for name, value, _ in arguments[1]}
        for parameter in function.parameters:
            if parameter.kind == "list":
                rest: Any = UNKNOWN if arguments[2] else tuple(positional)
                value, positional = rest, []
            elif parameter.kind == "dictionary":
                value = self.new_dict(UNKNOWN if arguments[2] else dict(keywords))
            elif parameter.kind == "positional" and positional:
                value = positional.pop(0)
            elif parameter.name in keywords:
                value = keywords.pop(parameter.name)
            else:
                value = UNKNOWN if arguments[2] or parameter.default is MISSING else parameter.default
            self.write(scope.names, parameter.name, value)
        for value in [*positional, *keywords.values()]:
            self.escape(value)

    def settle_deferred(self, value: Deferred, *, certain: bool) -> Any:
        """Runs a coroutine or a generator; what it gives."""
        results: list[Any] = []

        def way() -> bool:
            results.append(value.run())
            return True

        if certain:
            way()
        else:
            self.branch([way, lambda: True])
        return results[0] if results and certain and not value.is_generator else UNKNOWN

    # Code that is not followed

    def escape(self, value: Any) -> None:
        """Notes that a value came to code that is not followed, which may call it."""
        if is_scalar(value) or isinstance(value, Sentinel | External | Builtin):
            return
        if isinstance(value, Function):
            self._may_be_called(value, MISSING)
        elif isinstance(value, Bound):
            self._may_be_called(value.function, value.receiver)
        elif isinstance(value, Partial):
            self.escape(value.function)
        elif isinstance(value, Deferred):
            self.settle_deferred(value, certain=False)
        elif isinstance(value, ClassValue):
            self._may_be_instantiated(value)
        elif isinstance(value, Instance):
            self.escape_methods(value, all_of_them=True)
        elif isinstance(value, tuple):
            for item in value[:100]:
                self.escape(item)
        elif isinstance(value, ListValue | DictValue) and value.items is not UNKNOWN:
            held = value.items.values() if isinstance(value, DictValue) else value.items
            for item in [one for one in list(held)[:100] if not isinstance(one, ListValue | DictValue)]:
                self.escape(item)

    def _may_be_called(self, function: Function, receiver: Any) -> None:
        if id(function.node) in self.escaped or function in self.active:
            return
        self.escaped[id(function.node)] = (function, receiver)
        self.run_escaped(function, receiver)

    def run_escaped(self, function: Function, receiver: Any, arguments: Arguments = ([], [], True)) -> None:
        """Runs a function that may be called at any time; what it changes is open from now on."""
        mark = len(self.journal)

        def way() -> bool:
            self._run(function, receiver, arguments)
            return True

        self.branch([way, lambda: True])
        changed = {(id(cell), key): (cell, key) for cell, key, _ in self.journal[mark:]}
        for cell, key in changed.values():
            self.pin(cell, key)

    def _may_be_instantiated(self, cls: ClassValue) -> None:
        if id(cls) in self.escaped:
            return
        self.escaped[id(cls)] = (Function(None, None, "", []), MISSING)  # type: ignore[arg-type]
        results: list[Any] = []

        def way() -> bool:
            results.append(self.instantiate(cls, ([], [], True)))
            return True

        self.branch([way, lambda: True])
        if results:
            self.escape(results[0])

    def escape_methods(self, instance: Instance, *, all_of_them: bool) -> None:
        """Methods of an object that code which is not followed may call."""
        for cls in _line_of(instance.cls):
            for name, value in list(cls.cell.items()):
                wanted = name not in ("__init__", "__new__") and (all_of_them or name in _RUN_BY_THE_FRAMEWORK)
                if wanted and isinstance(value, Function) and not value.calls:
                    self._may_be_called(value, MISSING if value.binding == "static" else instance)

    # Classes

    def instantiate(self, cls: ClassValue, arguments: Arguments) -> Any:
        """An object of a class of the program."""
        if cls.kind == "enum":
            members = [one for one in cls.cell.values() if isinstance(one, Instance)]
            same = [one for one in members if arguments[0] and one.cell["value"] == arguments[0][0][0]]
            return same[0] if same and is_scalar(arguments[0][0][0]) else UNKNOWN
        instance = Instance(cls, Cell())
        if self.class_attribute(cls, "__new__") is not MISSING and not cls.is_open:
            self.escape_all(cls.cell.get("__new__"), arguments)
            return UNKNOWN
        initialiser = self.class_attribute(cls, "__init__")
        if isinstance(initialiser, Function):
            self.run_function(initialiser, instance, arguments)
        elif cls.kind in ("dataclass", "tuple"):
            self._fill(instance, arguments)
        else:
            self.escape_all(UNKNOWN, arguments)
        if cls.is_open:
            is_module = all(name.endswith("nn.Module") for name in cls.externals)
            self.escape_methods(instance, all_of_them=not is_module)
        return instance

    def _fill(self, instance: Instance, arguments: Arguments) -> None:
        """The constructor that a dataclass or named tuple has."""
        positional = [value for value, _ in arguments[0]]
        keywords = {name: value for name, value, _ in arguments[1]}
        for cls in reversed(list(_line_of(instance.cls))):
            for name in cls.fields:
                default = cls.cell.get(name, MISSING)
                value = UNKNOWN if arguments[2] or default is MISSING else default
                value = positional.pop(0) if positional else keywords.get(name, value)
                self.write(instance.cell, name, UNKNOWN if isinstance(value, ListValue | DictValue) else value)
        after = self.class_attribute(instance.cls, "__post_init__")
        if isinstance(after, Function):
            self.run_function(after, instance, ([], [], False))

    def class_attribute(self, cls: ClassValue, name: str) -> Any:
        """A class's attribute, its own or inherited; ``MISSING`` if it has none."""
        for one in _line_of(cls):
            if name in one.cell:
                return one.cell[name]
        return MISSING

    # Attributes

    def get(self, value: Any, name: str) -> Any:
        """An attribute's value."""
        if isinstance(value, External):
            return self.external_attribute(value, name)
        if isinstance(value, Instance):
            return self._of_instance(value, name)
        if isinstance(value, ClassValue):
            return self._of_class(value, name)
        if isinstance(value, Super):
            for base in value.cls.bases:
                held = self.class_attribute(base, name)
                if isinstance(held, Function):
                    return Bound(held, value.receiver)
            return UNKNOWN
        if isinstance(value, Result):
            return Result(value.of, is_direct=value.is_direct and name in _SAME_OBJECT)
        if isinstance(value, Namespace):
            return value.cell[name] if name in value.cell else Method(value, name)
        if isinstance(value, Partial) and name in ("func", "args", "keywords"):
            return value.function if name == "func" else UNKNOWN
        if isinstance(value, str | int | float | bytes | tuple | ListValue | DictValue | Builtin):
            return Method(value, name)
        return UNKNOWN

    def external_attribute(self, value: External, name: str) -> Any:
        """An attribute of what was imported."""
        raise NotImplementedError

    def _of_instance(self, instance: Instance, name: str) -> Any:
        cls = instance.cls
        if name in instance.cell:
            return instance.cell[name]
        if name == "__class__":
            return cls
        held = self.class_attribute(cls, name)
        if isinstance(held, Function):
            if held.binding == "property":
                return self.run_function(held, instance, ([], [], False))
            if held.binding == "static":
                return held
            return Bound(held, cls if held.binding == "class" else instance)
        if held is not MISSING and not isinstance(held, Instance):
            return held
        return UNKNOWN

    def _of_class(self, cls: ClassValue, name: str) -> Any:
        held = self.class_attribute(cls, name)
        if isinstance(held, Function) and held.binding == "class":
            return Bound(held, cls)
        if name == "__name__":
            return cls.name
        return UNKNOWN if held is MISSING else held


def _line_of(cls: ClassValue, depth: int = 0) -> list[ClassValue]:
    """A class and its bases, in the order in which attributes are looked up (without diamonds)."""
    return [cls] + [one for base in cls.bases for one in _line_of(base, depth + 1)] if depth < 10 else [cls]


def _yields(body: "Node") -> bool:
    """Whether a function's own body has a ``yield``."""
    if b"yield" not in (body.text or b""):
        return False
    stack = [body]
    while stack:
        node = stack.pop()
        if node.type == "yield":
            return True
        if node.type not in ("function_definition", "lambda", "class_definition"):
            stack.extend(node.children)
    return False
