"""The calls that a program makes: followed on its syntax tree, never executed.

:func:`live_calls` runs a program in the abstract. Names, attributes, containers and functions are followed as Python
would; what depends on the outside world (a file, the network, a library's result) is ``UNKNOWN``. So a call in code
that never runs is not seen, an alias does not hide a function, and an argument is the constant that the program really
passes, or open. Work is bounded (steps, depth, size); what lies beyond the bounds is open too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from apigauge.harness.extraction.program_rivals import side_by_side
from apigauge.harness.extraction.program_state import AbruptError, OutOfBudgetError
from apigauge.harness.extraction.program_statements import Statements
from apigauge.harness.extraction.program_values import (
    MISSING,
    UNKNOWN,
    Cell,
    ClassValue,
    DictValue,
    Evaluation,
    External,
    Function,
    ListValue,
    Result,
    Scope,
    join,
    plain,
)
from apigauge.harness.extraction.syntax import parses, syntax_tree, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_VARIANTS: Final = 20
_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
# What a callee may have between its names: white space, a comment, the end of a line.
_NOT_WRITTEN: Final = re.compile(r"\\\n|#[^\n]*|\s+")
# What a program does around a model: data, files, pictures. Nobody asks for these, unless a catalogue has them.
NO_APIS: Final = frozenset(
    """IPython PIL __future__ abc argparse array asyncio base64 bisect builtins bz2 calendar cmath codecs
    collections concurrent configparser contextlib copy csv ctypes cv2 dataclasses datetime decimal difflib
    dotenv email enum faulthandler fileinput fnmatch fractions functools gc getpass glob google gzip hashlib
    heapq hmac html http imageio importlib inspect io ipaddress itertools json keyword linecache locale logging
    lzma math matplotlib mimetypes multiprocessing numbers numpy operator os pandas pathlib pickle pkgutil
    platform plotly pprint psutil queue random re requests resource scipy seaborn secrets select shlex shutil
    signal site socket soundfile sqlite3 ssl stat statistics string struct subprocess sys tarfile tempfile
    textwrap threading time timeit tkinter token tokenize tqdm traceback types typing typing_extensions
    unicodedata unittest urllib uuid warnings wave weakref webbrowser xml yaml zipfile zlib np pd plt""".split()  # noqa: SIM905
)
_SIMPLE: Final = frozenset(
    {"integer", "float", "string", "concatenated_string", "true", "false", "none", "unary_operator"}
)
_DEFINITIONS: Final = frozenset(
    {
        "class_definition",
        "comment",
        "decorated_definition",
        "function_definition",
        "future_import_statement",
        "import_from_statement",
        "import_statement",
        "pass_statement",
        "type_alias_statement",
    }
)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: its value, or ``UNKNOWN``, and its source with constants filled in."""

    value: Any
    text: str
    is_open: bool


@dataclass(eq=False, slots=True)
class LiveCall:
    """A call that a program makes.

    Attributes:
        start: where it begins in the program, in bytes; -1 for one in a string that the program runs.
        text: its source.
        written: its callee as written.
        function: its callee resolved through imports and aliases.
        is_free: whether the first part of ``function`` is bound by nothing in the program.
        positional: its arguments; where it is made several times with different ones, they are open.
        keywords: the others, by name.
        is_open: whether ``*`` or ``**`` passed what could not be followed.
        is_certain: whether the program is sure to make it.
        is_api: whether the callee is external; else it is a value of the program that is called by its name.
        users: the calls that this one's result is handed to.
        parts: the calls whose results are handed to this one.
        rivals: calls of the same function that take the place of this one.
        variants: positional and keyword arguments each time it is made, where they differ.
        method: its dotted name, if it is a method of an object that the program makes by calling a class.
        feeds: the calls that something taken from this one's result is handed to.
    """

    start: int
    text: str
    written: str
    function: str
    is_free: bool
    positional: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...]
    is_open: bool
    is_certain: bool
    is_api: bool
    users: list["LiveCall"] = field(default_factory=list)
    parts: list["LiveCall"] = field(default_factory=list)
    rivals: list["LiveCall"] = field(default_factory=list)
    variants: tuple[tuple[tuple[Argument, ...], tuple[tuple[str, Argument], ...]], ...] = ()
    method: str = ""
    feeds: list["LiveCall"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was followed: its calls in the order of the text, and its module's names at its end."""

    calls: tuple[LiveCall, ...]
    names: dict[str, Any]
    machine: "Machine"


class Machine(Statements):
    """Follows one program."""

    def __init__(self, source: bytes) -> None:
        super().__init__()
        self.failure: Exception | None = None  # a fault of ours, not of the program
        self.module_scope = Scope(Cell(holds_names=True), None, "module", text=source)

    def follow(self, root: "Node") -> None:
        """Follows a program to its end, and then what may be called at any time."""
        try:
            self.body(root, self.module_scope)
            if all(child.type in _DEFINITIONS or _is_constant(child) for child in root.named_children):
                self._enter_library()
            for function in [one for one in self.functions if one.is_wrapped and not one.calls]:
                self.escape(function)
            for function, receiver in list(self.escaped.values()):
                if function.node is not None:
                    self.run_escaped(function, receiver)
        except (OutOfBudgetError, RecursionError):
            self.is_complete = False
        except Exception as error:  # noqa: BLE001 - one answer never ends a run; what was not followed is open
            self.is_complete = False
            self.failure = error

    def _enter_library(self) -> None:
        """A program of nothing but definitions is a library: each function that it does not call itself is entered."""
        for function in list(self.functions):
            if not function.calls and function.scope is self.module_scope and function.node.type != "lambda":
                self._enter_function(function, MISSING)
        for cls in [one for one in self.module_scope.names.values() if isinstance(one, ClassValue)]:
            if not cls.is_open and not any(isinstance(one, Function) and one.calls for one in cls.cell.values()):
                self._enter_class(cls)

    def _enter_function(self, function: Function, receiver: Any) -> None:
        def way() -> bool:
            value = self.run_function(function, receiver, ([], [], False))
            self.escape(value)
            return True

        self.branch([way, lambda: True])

    def _enter_class(self, cls: ClassValue) -> None:
        def way() -> bool:
            instance = self.instantiate(cls, ([], [], False))
            self.escape(instance)
            return True

        self.branch([way, lambda: True])

    def run_text(self, text: str, scope: Scope, *, is_expression: bool) -> Any:
        """Runs a program given as a string (``exec``, ``eval``)."""
        if not parses(text.strip()):
            return UNKNOWN
        source = text.strip().encode()
        root = syntax_tree(source).root_node
        inner = Scope(
            scope.names, scope.parent, scope.kind, scope.outer, scope.stars, scope.owner, scope.receiver, source
        )
        if not is_expression:
            self.body(root, inner)
            return None
        statement = root.named_children[0]
        is_one = root.named_child_count == 1 and statement.type == "expression_statement"
        return self.evaluate(statement.named_children[0], inner) if is_one else UNKNOWN

    def outside(self, node: "Node", text: bytes, names: Mapping[str, Any]) -> LiveCall | None:
        """A call that stands outside the program, as it would be made after the program's end.

        Args:
            node: of the call.
            text: the source that it stands in.
            names: constants for names that the program's module does not bind.
        """
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or given is None:
            return None
        self.steps = 0
        bound = {name: value for name, value in names.items() if name not in self.module_scope.names}
        scope = Scope(
            Cell({key: self.lift(value) for key, value in bound.items()}), self.module_scope, "function", text=text
        )
        mark, seen = len(self.journal), len(self.trace)
        try:
            function = self.evaluate(callee, scope)
            arguments = self._arguments(given, scope)
            if not isinstance(function, External):
                function = External("".join(text_of(callee).split()), is_free=True)
            noted = self._note(function, arguments, node, scope).of
            return _live([noted], -1, is_complete=True)
        except (OutOfBudgetError, AbruptError, RecursionError):
            return None
        finally:
            self.rollback(mark)
            del self.trace[seen:]


def _is_constant(node: "Node") -> bool:
    """Whether a statement is a docstring or gives names constants."""
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    while inner.type == "assignment":
        value = inner.child_by_field_name("right")
        if value is None:
            return True
        inner = value
    return inner.type in _SIMPLE


def is_open(value: Any, depth: int = 0) -> bool:
    """Whether a value has a part that could not be followed."""
    if value is UNKNOWN or depth > 6:
        return True
    if isinstance(value, External):
        return value.is_free and "." not in value.dotted
    if isinstance(value, Result):
        call = value.of
        given = [one for one, _ in call.positional] + [one for _, one, _ in call.keywords]
        # What a function of the standard library returns may be any text; a library's model is none.
        is_text = call.function.dotted.split(".")[0] in NO_APIS
        return is_text or call.is_open or not call.is_api or any(is_open(one, depth + 1) for one in given)
    if isinstance(value, ListValue | DictValue):
        value = value.items
        if value is UNKNOWN:
            return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return any(is_open(one, depth + 1) for one in inner)


@lru_cache(maxsize=64)
def followed(program: str) -> Program | None:
    """A program followed to its end; None if the text is no program. Never raises."""
    if not parses(program):
        return None
    source = program.encode()
    machine = Machine(source)
    machine.follow(syntax_tree(source).root_node)
    return Program(_grouped(machine, source), dict(machine.module_scope.names), machine)


@lru_cache(maxsize=1)
def _empty() -> Machine:
    return Machine(b"")


def call_outside(program: str, node: "Node", source: bytes, names: Mapping[str, Any]) -> LiveCall | None:
    """A call in another text, as a program would make it at its end.

    Args:
        program: the program; what does not parse is read as an empty one.
        node: of the call.
        source: the text that it stands in.
        names: constants for names that the program's module does not bind.

    Returns:
        None if it cannot be followed.
    """
    result = followed(program) if program else None
    machine = result.machine if result is not None else _empty()
    return machine.outside(node, source, names)


def live_calls(program: str) -> tuple[LiveCall, ...]:
    """The calls of external functions that a program makes, in the order of its text; none for what does not parse."""
    result = followed(program)
    return result.calls if result is not None else ()


def _grouped(machine: Machine, source: bytes) -> tuple[LiveCall, ...]:
    groups: dict[tuple[int, int, int], list[Evaluation]] = {}
    for seen in machine.trace:
        place = (0 if seen.text is source else 1 + hash(seen.text), seen.node.start_byte, seen.node.end_byte)
        groups.setdefault(place, []).append(seen)
    made: dict[int, LiveCall] = {}
    calls: list[LiveCall] = []
    for (where, start, _), evaluations in groups.items():
        call = _live(evaluations, start if where == 0 else -1, is_complete=machine.is_complete)
        calls.append(call)
        made |= dict.fromkeys(map(id, evaluations), call)
    for user in machine.trace:
        for part in user.parts:
            if id(part) in made and made[id(part)] is not made[id(user)]:
                made[id(part)].users.append(made[id(user)])
                made[id(user)].parts.append(made[id(part)])
        for origin in (one for one in user.sources if id(one) in made and made[id(one)] is not made[id(user)]):
            made[id(origin)].feeds.append(made[id(user)])
    for one, other in (*machine.rivals, *side_by_side(machine.trace)):
        first, second = made.get(id(one)), made.get(id(other))
        if first is not None and second is not None and first is not second and first.function == second.function:
            first.rivals.append(second)
            second.rivals.append(first)
    return tuple(sorted(calls, key=lambda call: call.start))


def _live(evaluations: list[Evaluation], start: int, *, is_complete: bool) -> LiveCall:
    first = evaluations[0]
    callee = first.node.child_by_field_name("function")
    written = text_of(callee) if callee is not None else ""
    written = written if _DOTTED.fullmatch(written) else _NOT_WRITTEN.sub("", written)
    function = first.function
    dotted = function.dotted
    if function.is_free and function.star:
        dotted = f"{function.star}.{dotted}"
    if function.is_free or not _DOTTED.fullmatch(written):
        written = function.dotted
    same_callee = all(one.function == function for one in evaluations[1:])
    variants = list(_variants(evaluations, is_complete=is_complete))
    positional, keywords = variants[0]
    for others, named in variants[1:]:
        positional, keywords = _joined(positional, others), _joined_names(keywords, named)
    return LiveCall(
        start,
        text_of(first.node),
        written,
        dotted if same_callee else "",
        function.is_free,
        positional,
        keywords,
        any(one.is_open for one in evaluations) or len({(len(p), len(k)) for p, k in variants}) > 1,
        any(one.is_certain for one in evaluations),
        first.is_api and same_callee,
        variants=tuple(variants),
        method=first.method if all(one.method == first.method for one in evaluations[1:]) else "",
    )


_Arguments = tuple[tuple[Argument, ...], tuple[tuple[str, Argument], ...]]


def _variants(evaluations: list[Evaluation], *, is_complete: bool) -> Iterator[_Arguments]:
    seen: set[str] = set()
    for call in evaluations:
        positional = tuple(_argument(call, value, node, is_complete) for value, node in call.positional)
        keywords = tuple((name, _argument(call, value, node, is_complete)) for name, value, node in call.keywords)
        if len(evaluations) == 1:
            yield positional, keywords
            return
        key = repr([(a.text, a.is_open, repr(plain(a.value))) for a in (*positional, *(a for _, a in keywords))])
        if key not in seen and len(seen) < MAX_VARIANTS:
            seen.add(key)
            yield positional, keywords


def _argument(call: Evaluation, value: Any, node: "Node", is_complete: bool) -> Argument:
    if not is_complete and node.type not in _SIMPLE:
        return Argument(UNKNOWN, text_of(node), is_open=True)
    return Argument(value, call.rendered.get(node.start_byte, text_of(node)), is_open(value))


def _joined(ours: tuple[Argument, ...], theirs: tuple[Argument, ...]) -> tuple[Argument, ...]:
    return tuple(_either(one, other) for one, other in zip(ours, theirs, strict=False))


def _joined_names(
    ours: tuple[tuple[str, Argument], ...], theirs: tuple[tuple[str, Argument], ...]
) -> tuple[tuple[str, Argument], ...]:
    others = dict(theirs)
    return tuple((name, _either(one, others[name])) for name, one in ours if name in others)


def _either(one: Argument, other: Argument) -> Argument:
    constants = plain(one.value), plain(other.value)
    if UNKNOWN not in constants:
        value = one.value if repr(constants[0]) == repr(constants[1]) else UNKNOWN
    else:
        value = join(one.value, other.value)
    is_alike = constants == (UNKNOWN, UNKNOWN) and one.text == other.text and not one.is_open | other.is_open
    if value is UNKNOWN and is_alike:
        return one
    return Argument(value, one.text, is_open(value))
