"""Where a program will look up what it calls: names resolved through its own imports to an owner and an attribute."""

import ast
import builtins
import importlib
import re
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# For each name all that it may have been imported from: a module, and an attribute of it (dotted) or None.
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
_DOTTED = re.compile(r"\w+(?:\.\w+)*")
# Beyond these nothing is part of a function's name.
_MAX_NAME = 100
_MAX_NUMBER = 10**6


class Place(NamedTuple):
    """A function is the attribute of this name of its owner: of a module or a class."""

    owner: Any
    name: str


def imported_names(tree: ast.AST) -> Names:
    """What each name that a program imports, anywhere, may stand for; ``*`` for all that a module has.

    So too a name that the program gives once to what it imports: ``load = torch.hub.load``.
    """
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
    for name, dotted in _assigned_once(tree):
        head, *rest = dotted.split(".")
        if name not in names and head in names:
            names[name] = [(module, ".".join([*([of] if of else []), *rest]) or None) for module, of in names[head]]
    return names


def _assigned_once(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names to which a program assigns a dotted name and nothing else, with that."""
    assigned: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned.setdefault(node.id, []).append(None)
    for name, values in assigned.items():
        # The target itself is a node too.
        if len(values) == 2 and isinstance(value := values[0] or values[1], ast.Name | ast.Attribute):
            dotted = ast.unparse(value)
            if _DOTTED.fullmatch(dotted):
                yield name, dotted


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
        path = [*(attribute.split(".") if attribute else []), *rest]
        owner: Any = _import(module)
        for name in path[:-1]:
            owner = getattr(owner, name, None)
        if path and callable(getattr(owner, path[-1], None)):
            return Place(owner, path[-1])
    return None


def places_of_functions(
    functions: Sequence[str], names: Names, source: str, tree: ast.AST
) -> Iterator[tuple[str, Place]]:
    """Where those functions are that a program can call, with their names; fully named ones first.

    A function is looked for if the program's text names it, or if the program may get at it in another way. Nothing is
    imported that the program does not import.

    Args:
        functions: dotted names; a name that begins with no package stands for what the program imports by that name.
            A program that can get at any name may put it together: ``getattr(transformers, 'Bert' + 'Model')``.
        names: what the program imports.
        source: the program.
        tree: the same, parsed.
    """
    words = set(_WORD.findall(source))
    is_dynamic = bool(words & _DYNAMIC)
    if is_dynamic:
        words |= _composed({name for function in functions for name in function.split(".")} - words, _pieces(tree))
    modules = sorted({module for origins in names.values() for module, _ in origins})
    roots = {module.partition(".")[0] for module in modules}
    elsewhere = []
    for function in functions:
        parts = function.split(".")
        # The class that a method belongs to has a name of its own.
        if not is_dynamic and not words.issuperset(parts[-2:] if parts[-2:][0][:1].isupper() else parts[-1:]):
            continue
        if parts[0] not in roots and not (is_dynamic and parts[0] in sys.modules):
            elsewhere.append((function, parts))
        elif len(parts) > 1 and (place := _walk(_import(parts[0]), parts[1:], words, modules)):
            yield function, place
    for function, parts in elsewhere:
        yield from _places_elsewhere(function, parts, names, words, modules)


def _places_elsewhere(
    function: str, parts: Sequence[str], names: Names, words: set[str], modules: Sequence[str]
) -> Iterator[tuple[str, Place]]:
    """Where a function is whose name begins with no package that the program imports.

    What the program imports by that name, if any. Otherwise a class of the name's that another package has, which is
    yielded with that package: whether it is the same function is not decided here.
    """
    head, *rest = parts
    for module, attribute in names.get(head) or [(module, head) for module in modules]:
        path = [*(attribute.split(".") if attribute else []), *rest]
        if path and (place := _walk(_import(module), path, words, modules)):
            yield function, place
            return
    begin = next((number for number, part in enumerate(parts) if part[:1].isupper()), 0)
    for module in modules if begin else ():
        if place := _walk(_import(module), parts[begin:], words, modules):
            yield ".".join([module, *parts[begin:]]), place


def _pieces(tree: ast.AST) -> set[str]:
    """What a program can put a name together from: the words in its texts, and its numbers; in lower case."""
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts = [str(value) for value in constants if type(value) is str or (type(value) is int and value < _MAX_NUMBER)]
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def _composed(names: set[str], pieces: set[str]) -> set[str]:
    """The names that are nothing but pieces, one after the other, in whatever case."""
    return {name for name in names if len(name) < _MAX_NAME and _is_composed(name.lower(), pieces)}


def _is_composed(name: str, pieces: set[str]) -> bool:
    ends = [0]
    for end in range(1, len(name) + 1):
        if any(name[begin:end] in pieces for begin in ends):
            ends.append(end)
    return ends[-1] == len(name)


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
