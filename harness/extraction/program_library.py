"""What built-in functions and a few functions of the standard library do to a program's state."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction import program_constants as constants
from apigauge.harness.extraction.program_functions import Arguments, Functions
from apigauge.harness.extraction.program_state import AbruptError
from apigauge.harness.extraction.program_values import (
    MISSING,
    UNKNOWN,
    Builtin,
    Cell,
    ClassValue,
    Deferred,
    DictValue,
    External,
    Function,
    Instance,
    ListValue,
    Namespace,
    Partial,
    Scope,
    Super,
    plain,
    truth,
)

if TYPE_CHECKING:
    from tree_sitter import Node

# What is set wherever a program runs, so that its default is not what counts.
_SET_EVERYWHERE: Final = frozenset(
    {
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "PWD",
        "PYTHONPATH",
        "SHELL",
        "TEMP",
        "TERM",
        "TMP",
        "TMPDIR",
        "USER",
        "USERNAME",
    }
)
_EXITS: Final = frozenset({"sys.exit", "os._exit", "os.abort"})
_CHANGES_ITS_ARGUMENTS: Final = ("bisect.insort", "heapq.", "operator.setitem", "operator.iadd", "random.shuffle")


class Library(Functions):
    """Built-in functions, methods and the standard library."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = Cell()  # attributes of modules that the program sets itself

    def run_text(self, text: str, scope: Scope, *, is_expression: bool) -> Any:
        """Runs a program given as a string (``exec``, ``eval``)."""
        raise NotImplementedError

    def set_attribute(self, value: Any, name: str, new: Any) -> None:
        """``value.name = new``."""
        if isinstance(value, External):
            self.write(self.patched, f"{value.dotted}.{name}", new)
        elif isinstance(value, Instance | ClassValue | Namespace):
            self.write(value.cell, name, new)
        elif isinstance(value, Function):
            self.escape(new)
        else:
            self.escape(new)
            self.escape(value)

    def leave(self, dotted: str, value: Any = UNKNOWN) -> None:
        """The program ends here."""
        raise NotImplementedError

    # Functions of the standard library

    def known_external(self, function: External, arguments: Arguments, node: "Node") -> Any:
        """What a function of the standard library returns; ``MISSING`` if it is none of those that are followed."""
        dotted = function.dotted
        if dotted in _EXITS:
            self.leave(dotted)
            raise AbruptError
        values = [value for value, _ in arguments[0]]
        named = {name: value for name, value, _ in arguments[1]}
        if dotted == "argparse.ArgumentParser":
            return Namespace("open" if "argument_default" in named or "parents" in named else "parser", Cell())
        if dotted == "dataclasses.field":
            return named.get("default", UNKNOWN) if "init" not in named else UNKNOWN
        if arguments[2]:
            return UNKNOWN if dotted == "functools.partial" else MISSING
        if dotted == "functools.partial" and values:
            return Partial(values[0], arguments[0][1:], arguments[1])
        made = self._of_values(dotted, values, named) if values else MISSING
        if dotted in ("types.SimpleNamespace", "argparse.Namespace") and not values:
            return Namespace("plain", Cell(named))
        return self._with_functions(dotted, values, named, node) if made is MISSING else made

    def _of_values(self, dotted: str, values: list[Any], named: dict[str, Any]) -> Any:
        if dotted in ("importlib.import_module", "importlib.__import__"):
            return self.module(plain(values[0]))
        if dotted in ("os.getenv", "os.environ.get", "os.environ.setdefault"):
            return self._environment(plain(values[0]), values[1] if len(values) > 1 else named.get("default"))
        if dotted in ("collections.namedtuple", "typing.NamedTuple") and len(values) == 2:
            return self._named_tuple(plain(values[0]), plain(values[1]))
        given = [plain(value) for value in values]
        if dotted in ("json.loads", "os.path.join", "posixpath.join") and not named and UNKNOWN not in given:
            return self.lift(constants.function(dotted, given, {}))
        if dotted in ("copy.copy", "copy.deepcopy") and len(values) == 1 and given[0] is not UNKNOWN:
            return self.lift(given[0])
        if dotted == "typing.cast" and len(values) == 2:
            return values[1]
        if dotted == "asyncio.run" and isinstance(values[0], Deferred):
            return self.settle_deferred(values[0], certain=True)
        return MISSING

    def _with_functions(self, dotted: str, values: list[Any], named: dict[str, Any], node: "Node") -> Any:
        if dotted.rsplit(".", 1)[-1] in ("Thread", "Process", "Timer") and isinstance(named.get("target"), Function):
            given = named.get("args", ())
            items = self.items_of(given)
            if items is not None and "kwargs" not in named:
                self.run_escaped(named["target"], MISSING, ([(item, node) for item in items], [], False))
                named["target"] = UNKNOWN
        if dotted.startswith(_CHANGES_ITS_ARGUMENTS):
            for value in values:
                if isinstance(value, ListValue | DictValue):
                    self.pin(value.cell, "items")
        return MISSING

    def module(self, name: Any) -> Any:
        """A module given by its name."""
        return self.patched.get(name, External(name)) if isinstance(name, str) and name else UNKNOWN

    def _environment(self, key: Any, default: Any) -> Any:
        if not isinstance(key, str) or key in _SET_EVERYWHERE:
            return UNKNOWN
        return self.patched.get(f"os.environ[{key}]", default)

    def _named_tuple(self, name: Any, fields: Any) -> Any:
        names = fields.replace(",", " ").split() if isinstance(fields, str) else fields
        if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
            return UNKNOWN
        return ClassValue(str(name), Cell(), (), is_open=False, kind="tuple", fields=list(names))

    # Built-in functions

    def builtin(self, name: str, arguments: Arguments, node: "Node", scope: Scope) -> Any:
        """What a built-in function returns."""
        values = [value for value, _ in arguments[0]]
        named = {key: value for key, value, _ in arguments[1]}
        if name in ("exit", "quit"):
            self.leave(name)
            raise AbruptError
        special = _BUILTINS.get(name)
        if special is not None and not arguments[2]:
            result = special(self, values, named, node, scope)
            if result is not MISSING:
                return result
        if name[0].isupper() and not arguments[2]:
            return Namespace("exception", Cell({"args": tuple(values)}))
        given, by_name = [plain(value) for value in values], {key: plain(value) for key, value in named.items()}
        if UNKNOWN not in given and UNKNOWN not in by_name.values() and not arguments[2]:
            return self.lift(constants.function(name, given, by_name))
        for value in (*values, *named.values()):
            if isinstance(value, Function | Deferred | Partial) or name not in (
                "print",
                "len",
                "isinstance",
                "type",
                "id",
            ):
                self.escape(value)
        return UNKNOWN

    def _getattr(self, values: list[Any], _named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        name = plain(values[1]) if len(values) > 1 else UNKNOWN
        if not isinstance(name, str):
            return UNKNOWN
        return self.get(values[0], name) if len(values) == 2 or isinstance(values[0], External) else UNKNOWN

    def _setattr(self, values: list[Any], _named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        name = plain(values[1]) if len(values) == 3 else UNKNOWN
        if isinstance(name, str):
            self.set_attribute(values[0], name, values[2])
        else:
            self.is_complete = False
        return None

    def _names(self, values: list[Any], _named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        if values and isinstance(values[0], Namespace) and values[0].kind in ("plain", "parsed"):
            return self.new_dict(dict(values[0].cell))
        self.is_complete = False
        return UNKNOWN

    def _text(self, values: list[Any], _named: dict[str, Any], node: "Node", scope: Scope) -> Any:
        text = plain(values[0]) if values else UNKNOWN
        if isinstance(text, str) and len(values) == 1:
            callee = node.child_by_field_name("function")
            return self.run_text(text, scope, is_expression=callee is not None and (callee.text or b"") == b"eval")
        self.is_complete = False
        return UNKNOWN

    def _import_named(self, values: list[Any], named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        name = plain(values[0]) if values else UNKNOWN
        if len(values) == 1 and not named and isinstance(name, str):
            name = name.split(".")[0]
        return self.module(name)

    def _map(self, values: list[Any], _named: dict[str, Any], node: "Node", scope: Scope) -> Any:
        items = self.items_of(values[1]) if len(values) == 2 else None
        if items is None or len(items) > 50:
            return MISSING
        return self.new_list(tuple(self.invoke_any(values[0], [item], node, scope) for item in items))

    def invoke_any(self, function: Any, arguments: list[Any], node: "Node", scope: Scope) -> Any:
        """What anything returns when it is called with positional arguments."""
        raise NotImplementedError

    def _container(self, values: list[Any], named: dict[str, Any], node: "Node", _scope: Scope) -> Any:
        callee = node.child_by_field_name("function")
        name = (callee.text or b"").decode("utf-8", "replace") if callee is not None else ""
        if name == "dict":
            entries: Any = {}
            if values:
                if not isinstance(values[0], DictValue):
                    return MISSING
                entries = values[0].items
            return self.new_dict(UNKNOWN if entries is UNKNOWN else entries | named)
        if len(values) != 1 or named or name not in ("list", "tuple", "iter", "reversed"):
            return MISSING
        items = self.items_of(values[0])
        if items is None:
            return UNKNOWN if name == "tuple" else self.new_list(UNKNOWN)
        items = items[::-1] if name == "reversed" else items
        return tuple(items) if name == "tuple" else self.new_list(tuple(items))

    def _zip(self, values: list[Any], named: dict[str, Any], node: "Node", _scope: Scope) -> Any:
        callee = node.child_by_field_name("function")
        lists = [self.items_of(value) for value in values[:8]]
        if named or len(lists) != len(values) or any(items is None for items in lists):
            return MISSING
        whole = [items for items in lists if items is not None]
        if callee is not None and callee.text == b"enumerate":
            return self.new_list(tuple(enumerate(whole[0]))) if len(whole) == 1 else MISSING
        return self.new_list(tuple(zip(*whole, strict=False)))

    def _next(self, values: list[Any], _named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        if values and isinstance(values[0], Deferred):
            self.settle_deferred(values[0], certain=True)
        return UNKNOWN

    def _super(self, values: list[Any], _named: dict[str, Any], _node: "Node", scope: Scope) -> Any:
        if values and isinstance(values[0], ClassValue):
            return Super(values[0], values[1] if len(values) > 1 else UNKNOWN)
        place: Scope | None = scope
        while place is not None and place.kind != "function":
            place = place.parent
        return Super(place.owner, place.receiver) if place is not None and place.owner is not None else UNKNOWN

    def _bool(self, values: list[Any], _named: dict[str, Any], _node: "Node", _scope: Scope) -> Any:
        is_true = truth(values[0]) if len(values) == 1 else None
        return MISSING if is_true is None else is_true

    def _binding(self, values: list[Any], _named: dict[str, Any], node: "Node", _scope: Scope) -> Any:
        return (
            self.bind_kind(Builtin((node.text or b"").decode("utf-8", "replace").split("(")[0]), values[0])
            if values
            else UNKNOWN
        )

    def bind_kind(self, decorator: Builtin, value: Any) -> Any:
        """``staticmethod``, ``classmethod`` or ``property`` of a function."""
        kinds: Final = {"staticmethod": "static", "classmethod": "class", "property": "property"}
        if isinstance(value, Function) and decorator.name in kinds:
            value.binding = kinds[decorator.name]  # type: ignore[assignment]
            return value
        self.escape(value)
        return UNKNOWN


_Special = Callable[[Library, list[Any], dict[str, Any], "Node", Scope], Any]
_BUILTINS: Final[dict[str, _Special]] = {
    "getattr": Library._getattr,  # noqa: SLF001
    "setattr": Library._setattr,  # noqa: SLF001
    "delattr": Library._setattr,  # noqa: SLF001
    "globals": Library._names,  # noqa: SLF001
    "locals": Library._names,  # noqa: SLF001
    "vars": Library._names,  # noqa: SLF001
    "eval": Library._text,  # noqa: SLF001
    "exec": Library._text,  # noqa: SLF001
    "__import__": Library._import_named,  # noqa: SLF001
    "map": Library._map,  # noqa: SLF001
    "dict": Library._container,  # noqa: SLF001
    "list": Library._container,  # noqa: SLF001
    "tuple": Library._container,  # noqa: SLF001
    "iter": Library._container,  # noqa: SLF001
    "reversed": Library._container,  # noqa: SLF001
    "zip": Library._zip,  # noqa: SLF001
    "enumerate": Library._zip,  # noqa: SLF001
    "next": Library._next,  # noqa: SLF001
    "super": Library._super,  # noqa: SLF001
    "bool": Library._bool,  # noqa: SLF001
    "staticmethod": Library._binding,  # noqa: SLF001
    "classmethod": Library._binding,  # noqa: SLF001
    "property": Library._binding,  # noqa: SLF001
}
