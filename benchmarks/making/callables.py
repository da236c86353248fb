"""What introspection says of a package: its public callables, by their own names and by every other."""

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SECTION = re.compile(r"\n[ \t]*(?:[-=~]{3,}[ \t]*(?:\n|$)|\.\. \w+::|>>> |Parameters:|Returns:|Args:|:param )")


@dataclass(frozen=True, slots=True)
class PublicCallable:
    """A function, class, method or class method.

    Attributes:
        name: the dotted name under which people use it.
        kind: ``function``, ``class``, ``method`` or ``class method``.
        owner: the class of a method.
        aliases: other public names of the same object.
        parameters: its signature without brackets; None if nothing says it.
        required: arguments that a call needs, as a call would name them.
        deprecated: what its documentation says of a deprecation; empty if nothing.
        doc: its docstring.
    """

    name: str
    kind: str
    owner: str
    aliases: tuple[str, ...]
    parameters: str | None
    required: tuple[str, ...]
    deprecated: str
    doc: str

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring, on one line; without the signature that may come before it."""
        short = self.name.rpartition(".")[2]
        paragraphs = [" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", self.doc.strip())]
        for text in paragraphs:
            if text and not re.match(rf"(?:[\w.]+\s*=\s*)?(?:[\w.]+\.)?{re.escape(short)}\(", text):
                return "" if _SECTION.search(f"\n{text}") or text.startswith((">>>", "If ", "When ")) else text
        return ""

    @property
    def domain(self) -> str:
        """The module or class that it belongs to."""
        return self.name.rpartition(".")[0]

    @property
    def call(self) -> str:
        """A call of it with what it needs and nothing else."""
        return f"{self.name}({', '.join(self.required)})"

    @property
    def positional(self) -> tuple[str, ...]:
        """Names of the parameters that arguments without a name go to."""
        if self.parameters is None:
            return ()
        try:
            parsed = ast.parse(f"def f({self.parameters}): pass").body[0]
        except SyntaxError:
            return ()
        assert isinstance(parsed, ast.FunctionDef)
        return tuple(one.arg for one in (*parsed.args.posonlyargs, *parsed.args.args))

    @property
    def positional_only(self) -> tuple[str, ...]:
        """Those of them that cannot be named."""
        head, slash, _ = (self.parameters or "").partition("/")
        return self.positional[: len(re.findall(r"\w+", head))] if slash else ()

    def row(self) -> dict[str, str]:
        """Its line of ``catalogue.jsonl``."""
        fields = {
            "api_call": self.call,
            "domain": self.domain,
            "api_name": self.name,
            "description": self.summary,
            "signature": f"{self.name}({self.parameters})" if self.parameters is not None else "",
            "kind": self.kind,
            "deprecated": self.deprecated,
        }
        return {name: text for name, text in fields.items() if text}


@dataclass(frozen=True, slots=True)
class Package:
    """All public callables, and what could not be looked at.

    Attributes:
        callables: by name.
        names: every public name of each callable, to its own name.
        failures: modules and objects that could not be looked at, with the reason.
    """

    callables: dict[str, PublicCallable]
    names: dict[str, str]
    failures: tuple[tuple[str, str], ...]


def read(lines: Iterable[str]) -> Package:
    """Takes the output of ``introspect.py`` apart."""
    callables: dict[str, PublicCallable] = {}
    names: dict[str, str] = {}
    failures = []
    for line in lines:
        row: dict[str, Any] = json.loads(line)
        if "error" in row:
            failures.append((row["module"], row["error"]))
            continue
        one = PublicCallable(
            name=row["name"],
            kind=row["kind"],
            owner=row["owner"],
            aliases=tuple(row["aliases"]),
            parameters=row["parameters"],
            required=tuple(row["required"]),
            deprecated=row["deprecated"],
            doc=row["doc"],
        )
        callables.setdefault(one.name, one)
        names[one.name] = one.name
    for one in callables.values():
        for alias in one.aliases:
            names.setdefault(alias, one.name)
    return Package(callables, names, tuple(failures))
