"""Where a program will look up what it calls: names resolved through its own imports to an owner and an attribute."""

import ast
import builtins
import importlib
import re
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# For each name all that it may have been imported from: a module, and an attribute of it or None.
Names = dict[str, list[tuple[str, str | None]]]

# By these a program can get at a function that its text does not name.
_DYNAMIC = frozenset(
    {
        "__dict__",
        "__getattribute__",
        "__import__",
        "attrgetter",
        "eval",
        "exec",
        "getattr",
        "globals",
        "import_module",
        "methodcaller",
        "vars",
    }
)
_WORD = re.compile(r"\w+")


class Place(NamedTuple):
    """A function is the attribute of this name of its owner: of a module or a class."""

    owner: Any
    name: str


def imported_names(tree: ast.AST) -> Names:
    """What each name that a program imports, anywhere, may stand for; ``*`` for all that a module has."""
    names: Names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                names.setdefault(bound, []).append((alias.name if alias.asname else bound, None))
                names.setdefault(alias.name, []).append((alias.name, None))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names.setdefault(alias.asname or alias.name, []).append((node.module, alias.name))
    return names


def place_of_callee(callee: str, names: Names) -> Place | None:
    """Where a program will look up its callee; None if it does not exist, or only in an object the program makes.

    Args:
        callee: dotted name, as the program writes it.
        names: what the program imports.
    """
    head, *rest = callee.split(".")
    # Submodules of the callee's package exist only where the program imports them.
    for imported in [module for origins in names.values() for module, of in origins if of is None and "." in module]:
        if any(imported.startswith(f"{module}.") for module, _ in names.get(head, [])):
            _import(imported)
    for module, attribute in names.get(head) or _elsewhere(head, names):
        path = [*([attribute] if attribute else []), *rest]
        owner: Any = _import(module)
        for name in path[:-1]:
            owner = getattr(owner, name, None)
        if path and callable(getattr(owner, path[-1], None)):
            return Place(owner, path[-1])
    return None


def places_of_functions(functions: Sequence[str], names: Names, source: str) -> Iterator[tuple[str, Place]]:
    """Where those functions are that a program can call, with their names; fully named ones first.

    A function is looked for if the program's text names it, or if the program may get at it in another way. Nothing is
    imported that the program does not import.

    Args:
        functions: dotted names; a name that begins with no package stands for what the program imports by that name.
        names: what the program imports.
        source: the program.
    """
    words = set(_WORD.findall(source))
    is_dynamic = bool(words & _DYNAMIC)
    modules = sorted({module for origins in names.values() for module, _ in origins})
    roots = {module.partition(".")[0] for module in modules}
    bare = []
    for function in functions:
        parts = function.split(".")
        # The class that a method belongs to has a name of its own.
        if not is_dynamic and not words.issuperset(parts[-2:] if parts[-2:][0][:1].isupper() else parts[-1:]):
            continue
        if parts[0] not in roots and not (is_dynamic and parts[0] in sys.modules):
            bare.append((function, parts))
        elif len(parts) > 1 and (place := _walk(_import(parts[0]), parts[1:], words, modules)):
            yield function, place
    for function, (head, *rest) in bare:
        origins = names.get(head) or [(module, head) for module in modules]
        for module, attribute in origins:
            path = [*([attribute] if attribute else []), *rest]
            if path and (place := _walk(_import(module), path, words, modules)):
                yield function, place
                break


def _walk(owner: Any, path: Sequence[str], words: set[str], modules: Sequence[str]) -> Place | None:
    for number, name in enumerate(path):
        if not _has(owner, name, words, modules):
            return None
        if number == len(path) - 1:
            return Place(owner, name) if callable(getattr(owner, name)) else None
        owner = getattr(owner, name)
    return None


def _has(owner: Any, name: str, words: set[str], modules: Sequence[str]) -> bool:
    """Whether an owner has an attribute; one that a module makes when asked for only if the program names it too."""
    try:
        if not isinstance(owner, types.ModuleType):
            return hasattr(owner, name)
        submodule = f"{owner.__name__}.{name}"
        if name not in vars(owner) and any(f"{module}.".startswith(f"{submodule}.") for module in modules):
            _import(submodule)
        return name in vars(owner) or (name in words and hasattr(owner, name))
    except BaseException:  # noqa: BLE001 - the program will get the same error
        return False


def _elsewhere(head: str, names: Names) -> list[tuple[str, str | None]]:
    """A name that the program does not import as such: its package, a builtin, or an attribute of what it imports."""
    modules = sorted({module for origins in names.values() for module, _ in origins})
    if head in {module.partition(".")[0] for module in modules}:
        return [(head, None)]
    return [("builtins", head)] if hasattr(builtins, head) else [(module, head) for module in modules]


def _import(module: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - the program will get the same error
        return None
