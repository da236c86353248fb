"""From a docstring to candidates for items: a call of the documented API, the code before it, the code behind it."""

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apigauge.benchmarks.making.arguments import Arguments, arranged
from apigauge.benchmarks.making.callables import Package, PublicCallable
from apigauge.benchmarks.making.sessions import Import, Step, dotted, free, imported, needed, root, steps

# What documentation uses without importing it.
_CONVENTIONS = {
    "np": Import("np", "numpy", "import numpy as np"),
    "pd": Import("pd", "pandas", "import pandas as pd"),
    "nx": Import("nx", "networkx", "import networkx as nx"),
    "pl": Import("pl", "polars", "import polars as pl"),
    "sp": Import("sp", "scipy", "import scipy as sp"),
    "plt": Import("plt", "matplotlib.pyplot", "import matplotlib.pyplot as plt"),
}
_BUILTINS = frozenset(vars(builtins))
_SEPARATE = (ast.Lambda, ast.FunctionDef, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PERHAPS = (ast.IfExp, ast.BoolOp, ast.While, ast.Try, ast.If)
RESULT = "result"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question and its answer, before anything has been run.

    Attributes:
        api: the callable that answers.
        imports: statements that the whole program needs.
        given_imports: those of them that the given code needs.
        given: statements that the question shows: the data.
        call: the reference's call as a program writes it.
        reference: the same call by the API's own name.
        result: what the call's value is assigned to.
        after: statements behind the call that the question shows, but for the last.
        shown: what is printed: an expression, or a statement that prints.
        is_value: whether ``shown`` is an expression whose value the documentation shows.
        values: arguments of the call that are part of the answer, by what the question says of them.
        want: what the documentation prints.
        text: what the documentation says just before the example.
    """

    api: PublicCallable
    imports: tuple[str, ...]
    given_imports: tuple[str, ...]
    given: tuple[str, ...]
    call: str
    reference: str
    result: str
    after: tuple[str, ...]
    shown: str
    is_value: bool
    values: tuple[str, ...]
    want: str
    text: str

    @property
    def program(self) -> str:
        """The reference program."""
        return "\n".join([*self.head, f"print({self.shown})" if self.is_value else self.shown]) + "\n"

    @property
    def head(self) -> list[str]:
        """The program but for its last statement."""
        return [*self.imports, *self.given, f"{self.result} = {self.call}", *self.after]


@dataclass(frozen=True, slots=True)
class Dropped:
    """An example that became no item, and why."""

    api: str
    example: str
    reason: str


def candidates(package: Package, api: PublicCallable) -> Iterator[Candidate | Dropped]:
    """What one docstring has."""
    try:
        session = steps(api.doc)
    except ValueError:
        yield Dropped(api.name, "", "the examples are not laid out as doctest requires")
        return
    reader = _Reader(package, api, session)
    for index, step in enumerate(session):
        if calls := reader.calls(step):
            yield reader.candidate(index, calls)


class _Error(Exception):
    """Why an example is no item."""


class _Reader:
    """One docstring's session."""

    def __init__(self, package: Package, api: PublicCallable, session: Sequence[Step]) -> None:
        self._package = package
        self._api = api
        self._session = session
        self._imports: dict[str, list[Import]] = {}
        for one in imported(session):
            self._imports.setdefault(one.name, []).append(one)
        self._bound = {name for step in session for name in step.binds}
        self._classes: dict[str, str] = {}

    def calls(self, step: Step) -> list[ast.Call]:
        """The calls of the documented API in a statement; notes which names hold objects of which class."""
        made = [
            one for one in ast.walk(step.node) if isinstance(one, ast.Call) and self.function(one) == self._api.name
        ]
        if isinstance(step.node, ast.Assign):
            cls = self.function(step.node.value) if isinstance(step.node.value, ast.Call) else ""
            is_class = cls in self._package.callables and self._package.callables[cls].kind == "class"
            for target in step.node.targets:
                if isinstance(target, ast.Name):
                    self._classes[target.id] = cls if is_class else ""
        return made

    def function(self, call: ast.Call) -> str:
        """The own name of the public callable that a call calls; empty if it calls none."""
        if (name := dotted(call.func)) and (own := self._package.names.get(self._resolved(name))):
            return own
        if not isinstance(call.func, ast.Attribute):
            return ""
        receiver = call.func.value
        cls = self._classes.get(receiver.id, "") if isinstance(receiver, ast.Name) else ""
        if isinstance(receiver, ast.Call) and not cls:
            made = self.function(receiver)
            cls = made if made in self._package.callables and self._package.callables[made].kind == "class" else ""
        name = f"{cls}.{call.func.attr}"
        return name if cls and name in self._package.callables else ""

    def _resolved(self, name: str) -> str:
        head, dot, tail = name.partition(".")
        if one := self._import_of(head):
            return one[0].target + dot + tail
        return name

    def _import_of(self, name: str) -> list[Import]:
        if name in self._imports:
            return self._imports[name]
        if name in self._bound or name in _BUILTINS:
            return []
        if name in _CONVENTIONS:
            return [_CONVENTIONS[name]]
        top = self._api.name.split(".")[0]
        if name == top:
            return [Import(name, name, f"import {name}")]
        # As doctest does, which gives an example the names of its module.
        domain = self._api.owner.rpartition(".")[0] if self._api.owner else self._api.domain
        if f"{domain}.{name}" in self._package.names:
            return [Import(name, f"{domain}.{name}", f"from {domain} import {name}")]
        return []

    def candidate(self, index: int, calls: Sequence[ast.Call]) -> Candidate | Dropped:
        """The candidate of one statement that calls the API."""
        try:
            return self._candidate(index, calls)
        except _Error as error:
            return Dropped(self._api.name, self._session[index].source, str(error))

    def _candidate(self, index: int, calls: Sequence[ast.Call]) -> Candidate:
        step = self._session[index]
        if len(calls) > 1:
            raise _Error("it calls the API several times")
        if step.is_skipped:
            raise _Error("it is marked as not to be run, or as varying")
        if step.raises:
            raise _Error("it is documented to raise")
        call = calls[0]
        if any(call in ast.walk(one) for one in ast.walk(step.node) if isinstance(one, _SEPARATE)):
            raise _Error("the call stands in a function or comprehension")
        if any(call in ast.walk(one) for one in ast.walk(step.node) if isinstance(one, _PERHAPS)):
            raise _Error("the call may not be reached")
        result, after, shown = self._shown(index, step, call)
        last = self._session[shown]
        if last.is_skipped or last.raises:
            raise _Error("what is printed is marked as varying, or raises")
        used = step.uses if isinstance(step.node, ast.Expr) else frozenset(step.uses - step.binds)
        chosen, _ = needed(self._session, frozenset(used | _uses(after)), index)
        given = [self._session[one] for one in chosen]
        if any(self.calls_api(one.node) for one in given) or any(map(self.calls_api, after)):
            raise _Error("the code around it calls the API too")
        is_value = isinstance(after[-1], ast.Expr) and dotted(getattr(after[-1].value, "func", after[-1])) != "print"
        taken = {name for one in self._session for name in one.binds | one.uses} | {result}
        arguments = arranged(call, self._api, taken)
        if isinstance(arguments, str):
            raise _Error(arguments)
        return self._assembled(step, given, call, arguments, result, after, is_value=is_value, want=last.want)

    def calls_api(self, node: ast.AST) -> bool:
        """Whether code calls the documented API, or a method of its name of an object whose class nothing says."""
        short = self._api.name.rpartition(".")[2]
        return any(
            isinstance(one, ast.Call)
            and (
                self.function(one) == self._api.name
                or (
                    bool(self._api.owner)
                    and isinstance(one.func, ast.Attribute)
                    and one.func.attr == short
                    and not self.function(one)
                    and not self._import_of(root(one.func))
                )
            )
            for one in ast.walk(node)
        )

    def _shown(self, index: int, step: Step, call: ast.Call) -> tuple[str, list[ast.stmt], int]:
        """What the result is called, the statements behind the call, and the index of the one that prints."""
        if step.want:
            result = RESULT if RESULT not in self._bound else f"{RESULT}_of_call"
            node = _replaced(step.node, call, ast.Name(result, ast.Load()))
            return result, [node], index
        if not isinstance(step.node, ast.Assign) or len(step.node.targets) != 1:
            raise _Error("it prints nothing")
        # The result, and what is computed from it: the output would say nothing of another value.
        names = set(step.binds)
        for shown in range(index + 1, len(self._session)):
            later = self._session[shown]
            if later.want and later.uses & names:
                break
            if isinstance(later.node, ast.Assign):
                names = names | later.binds if later.uses & names else names - later.binds
        else:
            raise _Error("its result is not printed" if names else "its result is replaced before anything is printed")
        chosen, _ = needed(self._session, later.uses, shown)
        behind = [self._session[one].node for one in chosen if one > index]
        if step.node.value is call:
            return ast.unparse(step.node.targets[0]), [*behind, later.node], shown
        result = RESULT if RESULT not in self._bound else f"{RESULT}_of_call"
        node = _replaced(step.node, call, ast.Name(result, ast.Load()))
        return result, [node, *behind, later.node], shown

    def _assembled(
        self,
        step: Step,
        given: Sequence[Step],
        call: ast.Call,
        arguments: Arguments,
        result: str,
        after: Sequence[ast.stmt],
        *,
        is_value: bool,
        want: str,
    ) -> Candidate:
        given_lines = [one.source for one in given] + list(arguments.given)
        receiver = ""
        if isinstance(call.func, ast.Attribute) and self._api.kind == "method":
            if isinstance(call.func.value, ast.Name):
                receiver = call.func.value.id
            else:
                receiver = "data" if "data" not in self._bound else "data_given"
                given_lines.append(f"{receiver} = {ast.unparse(call.func.value)}")
        callee = f"{receiver}.{self._api.name.rpartition('.')[2]}" if receiver else ast.unparse(call.func)
        behind = [ast.unparse(one) for one in after]
        shown = ast.unparse(after[-1].value) if is_value and isinstance(after[-1], ast.Expr) else behind[-1]
        shown_names = _names_of([*given_lines, *behind])
        all_names = shown_names | _names_of([f"{callee}({arguments.text})"])
        imports = self._lines(all_names)
        missing = {
            name
            for name in all_names - _bound_by([*given_lines, f"{result} = 0", *behind])
            if name and name not in _BUILTINS and not self._import_of(name)
        }
        if missing:
            raise _Error(f"nothing says what {', '.join(sorted(missing))} is")
        return Candidate(
            api=self._api,
            imports=imports,
            given_imports=self._lines(shown_names),
            given=tuple(given_lines),
            call=f"{callee}({arguments.text})",
            reference=f"{self._api.name}({arguments.text})",
            result=result,
            after=tuple(behind[:-1]),
            shown=shown,
            is_value=is_value,
            values=arguments.values,
            want=want,
            text=step.text,
        )

    def _lines(self, names: set[str]) -> tuple[str, ...]:
        lines = {one.line for name in names for one in self._import_of(name)}
        return tuple(sorted(lines, key=lambda line: (line.startswith("from"), line)))


def _uses(nodes: Sequence[ast.stmt]) -> frozenset[str]:
    """Names whose values statements need from before the first of them."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in nodes:
        used |= free(node) - bound
        if isinstance(node, ast.Assign):
            bound |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return frozenset(used)


def _names_of(lines: Sequence[str]) -> set[str]:
    return {name for line in lines for one in ast.parse(line).body for name in free(one)}


def _bound_by(lines: Sequence[str]) -> set[str]:
    nodes = [one for line in lines for one in ast.walk(ast.parse(line))]
    names = {one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return names | {one.name for one in nodes if isinstance(one, ast.FunctionDef | ast.ClassDef)}


def _replaced(node: ast.stmt, old: ast.AST, new: ast.expr) -> ast.stmt:
    """A copy of a statement with one expression replaced."""

    def copied(one: object) -> object:
        if one is old:
            return new
        if isinstance(one, ast.AST):
            return type(one)(**{name: copied(value) for name, value in ast.iter_fields(one)})
        return [copied(value) for value in one] if isinstance(one, list) else one

    result = copied(node)
    assert isinstance(result, ast.stmt)
    return ast.fix_missing_locations(result)
