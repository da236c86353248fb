"""What the expressions of a program stand for while the program is followed.

Scalars and tuples are Python's own; everything that can be changed keeps its state in a :class:`Cell`, so that a branch
can be undone. Nothing of the program is ever executed.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from tree_sitter import Node

BUILTINS: Final = frozenset(
    """abs all any bool bytes chr classmethod delattr dict divmod enumerate eval exec filter float format frozenset
    getattr globals hasattr hash help hex id input int isinstance issubclass iter len list locals map max min
    next object oct open ord pow print property range repr reversed round set setattr slice sorted staticmethod
    str sum super tuple type vars zip exit quit __import__ bytearray callable compile complex dir memoryview
    breakpoint anext aiter ArithmeticError AssertionError AttributeError BaseException ConnectionError EOFError
    EnvironmentError Exception FileExistsError FileNotFoundError ImportError IndexError IOError KeyError
    KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotImplemented NotImplementedError
    OSError OverflowError PermissionError RuntimeError RuntimeWarning StopIteration SyntaxError SystemExit
    TimeoutError TypeError UnicodeDecodeError UserWarning ValueError Warning DeprecationWarning FutureWarning
    ZeroDivisionError StopAsyncIteration GeneratorExit RecursionError""".split()  # noqa: SIM905
)


class Sentinel:
    """A value of its own kind, with a name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


UNKNOWN: Final = Sentinel("UNKNOWN")
MISSING: Final = Sentinel("MISSING")


class Cell(dict[str, Any]):
    """State that can be undone: the names of a scope, the attributes of an object, the items of a container."""

    __slots__ = ("holds_names",)

    def __init__(self, *args: Any, holds_names: bool = False) -> None:
        super().__init__(*args)
        self.holds_names = holds_names


@dataclass(frozen=True, slots=True)
class External:
    """What an imported name stands for, or a name that nothing in the program binds (``is_free``).

    ``star`` is the module of a star import that the name may come from.
    """

    dotted: str
    is_free: bool = False
    star: str = ""


@dataclass(eq=False, slots=True)
class Evaluation:
    """One call of an external function, as it was reached.

    Attributes:
        node: of the call.
        text: the source that the node stands in.
        function: what is called.
        positional: values of the positional arguments, with their nodes.
        keywords: names, values and nodes of the others.
        is_open: whether ``*`` or ``**`` passed what could not be followed.
        is_certain: whether the program is sure to come here.
        parts: calls whose results are handed to this one.
        is_api: whether the callee is external; else it is some value's method or the value itself.
        rendered: source of each argument with its constants filled in, by the start of its node.
        method: of a class's method that is called on an object that the program makes (``frame = pandas.DataFrame(x)``,
            then ``frame.head()``), its dotted name, such as ``pandas.DataFrame.head``.
        sources: calls from whose results something that is handed to this one was taken.
    """

    node: "Node"
    text: bytes
    function: External
    positional: list[tuple[Any, "Node"]]
    keywords: list[tuple[str, Any, "Node"]]
    is_open: bool
    is_certain: bool
    parts: list["Evaluation"]
    is_api: bool = True
    rendered: dict[int, str] = field(default_factory=dict)
    is_used: bool = False
    method: str = ""
    sources: list["Evaluation"] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Result:
    """What an external call returned, or (not ``is_direct``) something taken from it."""

    of: Evaluation = field(repr=False)
    is_direct: bool = True


@dataclass(eq=False, slots=True)
class ListValue:
    """A list; ``items`` in its cell is a tuple, or ``UNKNOWN``."""

    cell: Cell

    @property
    def items(self) -> Any:
        """The elements now."""
        return self.cell["items"]


@dataclass(eq=False, slots=True)
class DictValue:
    """A dictionary; ``items`` in its cell is a dictionary that is never changed in place, or ``UNKNOWN``."""

    cell: Cell

    @property
    def items(self) -> Any:
        """The entries now."""
        return self.cell["items"]


@dataclass(eq=False, slots=True)
class Scope:
    """Names of a module, a function or a class body."""

    names: Cell
    parent: "Scope | None"
    kind: Literal["module", "function", "class"]
    outer: dict[str, str] = field(default_factory=dict)  # name -> "global" or "nonlocal"
    stars: list[str] = field(default_factory=list)
    owner: "ClassValue | None" = None
    receiver: Any = None
    text: bytes = b""


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter of a function of the program."""

    name: str
    kind: Literal["positional", "keyword", "list", "dictionary"]
    default: Any = MISSING


@dataclass(eq=False, slots=True)
class Function:
    """A function of the program."""

    node: "Node"
    scope: Scope
    name: str
    parameters: list[Parameter]
    kind: Literal["plain", "generator", "async"] = "plain"
    binding: Literal["", "static", "class", "property"] = ""
    owner: "ClassValue | None" = None
    is_wrapped: bool = False  # by a decorator that is not known
    calls: int = 0


@dataclass(eq=False, slots=True)
class Bound:
    """A method with its receiver."""

    function: Function
    receiver: Any


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the program; ``is_open`` if a base is not of the program."""

    name: str
    cell: Cell
    bases: tuple["ClassValue", ...]
    is_open: bool
    kind: Literal["", "dataclass", "enum", "tuple"] = ""
    mixin: str = ""
    fields: list[str] = field(default_factory=list)
    externals: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the program."""

    cls: ClassValue
    cell: Cell


@dataclass(eq=False, slots=True)
class Namespace:
    """An object with attributes and nothing else (``SimpleNamespace``, what ``parse_args`` returns, a parser)."""

    kind: str
    cell: Cell


@dataclass(eq=False, slots=True)
class Partial:
    """``functools.partial``."""

    function: Any
    positional: list[tuple[Any, "Node"]]
    keywords: list[tuple[str, Any, "Node"]]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in function, class or exception."""

    name: str


@dataclass(eq=False, slots=True)
class Method:
    """A method of a constant, a container or a namespace."""

    value: Any
    name: str


@dataclass(eq=False, slots=True)
class Deferred:
    """A generator or coroutine that has not run yet."""

    run: Any
    is_generator: bool


@dataclass(eq=False, slots=True)
class Super:
    """What ``super()`` returns."""

    cls: ClassValue
    receiver: Any


_SCALARS: Final = frozenset({bool, bytes, complex, float, int, str, type(None), type(...)})


def is_scalar(value: object) -> bool:
    """Whether a value is one of Python's own that never changes and has no parts."""
    return type(value) in _SCALARS


def same(one: Any, other: Any) -> bool:
    """Whether two values are sure to be the same."""
    if one is other:
        return True
    if is_scalar(one) and is_scalar(other):
        return type(one) is type(other) and repr(one) == repr(other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, External | Builtin) and one == other


def join(one: Any, other: Any) -> Any:
    """What stands for either of two values."""
    if same(one, other):
        return one
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return tuple(map(join, one, other))
    return UNKNOWN


def plain(value: Any, depth: int = 0) -> Any:
    """The Python constant that a value is: scalars, tuples, lists and dictionaries of them; ``UNKNOWN`` for others."""
    if is_scalar(value):
        return value
    if depth > 8:
        return UNKNOWN
    if isinstance(value, tuple | ListValue):
        items = value if isinstance(value, tuple) else value.items
        if items is UNKNOWN:
            return UNKNOWN
        parts = [plain(item, depth + 1) for item in items]
        if any(part is UNKNOWN for part in parts):
            return UNKNOWN
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, DictValue) and value.items is not UNKNOWN:
        entries = {key: plain(item, depth + 1) for key, item in value.items.items()}
        return UNKNOWN if any(item is UNKNOWN for item in entries.values()) else entries
    if isinstance(value, Instance) and value.cls.kind == "enum" and value.cls.mixin:
        return plain(value.cell.get("value", UNKNOWN), depth + 1)
    return UNKNOWN


def truth(value: Any) -> bool | None:
    """Whether a value is true; None if that is open."""
    if is_scalar(value) or isinstance(value, tuple):
        return bool(value)
    if isinstance(value, ListValue | DictValue):
        return None if value.items is UNKNOWN else bool(value.items)
    if isinstance(value, Function | Bound | ClassValue | Builtin | Partial | Method | Deferred):
        return True if not (isinstance(value, ClassValue) and value.is_open) else None
    return None
