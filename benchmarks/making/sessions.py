"""The examples of a docstring as one session: which statement binds, uses and changes which names."""

import ast
import doctest
import re
from collections.abc import Sequence
from dataclasses import dataclass

_PARSER = doctest.DocTestParser()
# Methods that change what they are called on though they return something.
_CHANGES = re.compile(
    r"(?:add|append|clear|discard|extend|fill|fit|insert|partial_fit|pop|put|remove|set|sort|update)(?:_|$)"
)
_SKIP = re.compile(r"#\s*doctest:\s*\+SKIP|#\s*(?:may vary|random|output may|results? may|platform)", re.IGNORECASE)
_SEEDS = re.compile(r"(?:^|\.)(?:random\.)?seed$")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a session.

    Attributes:
        source: its text.
        node: its syntax tree.
        want: what it prints, as documented; empty if nothing.
        text: what the docstring says between the example before and this one.
        is_skipped: whether the docstring says that its output varies or that it is not to be run.
        raises: whether it is documented to raise.
        binds: names that it gives a value.
        uses: names whose values it needs.
        changes: names whose values it may change.
    """

    source: str
    node: ast.stmt
    want: str
    text: str
    is_skipped: bool
    raises: bool
    binds: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]

    @property
    def is_import(self) -> bool:
        """Whether it imports something."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)


def steps(doc: str) -> list[Step]:
    """The statements of a docstring's examples, in order; what is no Python ends the list.

    Raises:
        ValueError: the examples are not laid out as doctest requires.
    """
    result: list[Step] = []
    text = ""
    for part in _PARSER.parse(doc):
        if isinstance(part, str):
            text += part
            continue
        try:
            body = ast.parse(part.source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            break
        skipped = bool(_SKIP.search(part.source) or _SKIP.search(part.want) or part.options.get(doctest.SKIP))
        for number, node in enumerate(body):
            is_last = number == len(body) - 1
            result.append(
                Step(
                    ast.get_source_segment(part.source, node) or ast.unparse(node),
                    node,
                    part.want.rstrip("\n") if is_last else "",
                    _last_paragraph(text) if number == 0 else "",
                    skipped,
                    part.exc_msg is not None and is_last,
                    *_names(node),
                )
            )
        text = ""
    return result


def _last_paragraph(text: str) -> str:
    """What stands directly before an example, without a heading, on one line."""
    paragraph = re.split(r"\n[ \t]*\n", text.strip())[-1]
    return " ".join(re.sub(r"\A.*\n[ \t]*[-=~]{3,}[ \t]*(?:\n|\Z)", "", paragraph).split())


def _names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    binds: set[str] = set()
    uses: set[str] = set()
    changes: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            (uses if isinstance(one.ctx, ast.Load) else binds).add(one.id)
            if isinstance(one.ctx, ast.Del):
                changes.add(one.id)
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            binds.add(one.name)
        elif isinstance(one, ast.alias):
            binds.add(one.asname or one.name.split(".")[0])
        elif (
            isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load) and (name := root(one))
        ):
            changes.add(name)
    if isinstance(node, ast.AugAssign) and (name := root(node.target)):
        changes.add(name)
        uses.add(name)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        changes |= _changed_by(node.value)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and _CHANGES.match(function.attr) and (name := root(function.value)):
            changes.add(name)  # ``X_new = transformer.fit_transform(X)``
    return frozenset(binds), frozenset(uses), frozenset(changes)


def _changed_by(call: ast.Call) -> set[str]:
    """What a call that stands alone may change: what it is called on, and what it is given."""
    return {name for one in (call.func, *call.args) if (name := root(one))}


def changes_quietly(step: Step) -> bool:
    """Whether a statement may be there for what it changes, and not for what it prints."""
    if not step.changes:
        return False
    if not step.want or not isinstance(step.node, ast.Expr) or not isinstance(step.node.value, ast.Call):
        return True
    function = step.node.value.func
    return isinstance(function, ast.Attribute) and bool(_CHANGES.match(function.attr))


def root(node: ast.AST) -> str:
    """The name that a chain of attributes, items and calls begins with; empty if it begins with none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.AST) -> str:
    """A chain of names as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: what it stands for, and the statement that imports it."""

    name: str
    target: str
    line: str


def imported(session: Sequence[Step]) -> list[Import]:
    """What a session imports, a name at a time."""
    result = []
    for step in session:
        if isinstance(step.node, ast.Import):
            for alias in step.node.names:
                first = alias.name.split(".")[0]
                target = alias.name if alias.asname else first
                result.append(Import(alias.asname or first, target, f"import {ast.unparse(alias)}"))
        elif isinstance(step.node, ast.ImportFrom) and step.node.module and not step.node.level:
            for alias in step.node.names:
                line = f"from {step.node.module} import {ast.unparse(alias)}"
                result.append(Import(alias.asname or alias.name, f"{step.node.module}.{alias.name}", line))
    return result


def needed(session: Sequence[Step], names: frozenset[str], end: int) -> tuple[list[int], frozenset[str]]:
    """Which statements before ``end`` give some names the values that they have there, and which names nothing binds.

    Args:
        session: all statements.
        names: whose values are needed.
        end: index of the statement that needs them.
    """
    open_names = set(names)
    chosen: list[int] = []
    for index in range(end - 1, -1, -1):
        step = session[index]
        if step.is_import or step.raises:
            continue
        is_seed = isinstance(step.node, ast.Expr) and isinstance(step.node.value, ast.Call)
        is_seed = is_seed and bool(_SEEDS.search(dotted(getattr(step.node.value, "func", step.node))))  # type: ignore[attr-defined]
        if not (step.binds & open_names or (step.changes & open_names and changes_quietly(step)) or is_seed):
            continue
        if is_seed and not chosen and not open_names:
            continue
        chosen.append(index)
        if isinstance(step.node, ast.Assign | ast.FunctionDef) and not step.changes & step.binds:
            open_names -= step.binds
        open_names |= step.uses - _inner(step.node)
    return chosen[::-1], frozenset(open_names)


def _inner(node: ast.stmt) -> set[str]:
    """Names that exist only inside a function or comprehension."""
    names: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.FunctionDef | ast.Lambda):
            given = one.args
            names |= {arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
            names |= {arg.arg for arg in (given.vararg, given.kwarg) if arg}
        elif isinstance(one, ast.comprehension):
            names |= {inner.id for inner in ast.walk(one.target) if isinstance(inner, ast.Name)}
    return names


def free(node: ast.AST) -> frozenset[str]:
    """Names whose values an expression or statement needs from outside."""
    loaded = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    return frozenset(loaded - (_inner(node) if isinstance(node, ast.stmt | ast.expr) else set()))  # type: ignore[arg-type]
