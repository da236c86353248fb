"""The public names of the environments' libraries, so that whether a name exists can be said without an image.

An environment's table says which packages its image has, and names one table for each library whose names are listed:
modules, functions and classes with their parameters. ``python3 -m apigauge.sandboxes.public_names.remake`` makes them
from the images (:mod:`~apigauge.sandboxes.public_names.packed` says how they are stored); a table is read when the
first name of its library is looked up. A name exists if it does in any environment: programs are not told which version
they are for.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from apigauge.sandboxes.digests import sized_files_digest
from apigauge.sandboxes.public_names import packed

# Libraries whose public modules are made from a list: what is not in one of them is not there.
WHOLE = frozenset({"tensorflow"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the tables say of a dotted name.

    Attributes:
        state: ``exists``; ``module``, which can be imported and not called; ``missing``, if the library is listed and
            does not have it; ``unlisted``, if the library is installed somewhere but not listed; ``no_package``, if no
            environment has such a package.
        missing: the shortest beginning of the name that does not exist.
        parameters: by version of the library the function's parameters, see :func:`accepts`; empty if not known.
    """

    state: Literal["exists", "module", "missing", "unlisted", "no_package"]
    missing: str = ""
    parameters: tuple[str, ...] = ()


@cache
def environments() -> dict[str, dict[str, Any]]:
    """Each environment's table, by name."""
    return {name: packed.read(name) for name in packed.lines().first()}


@cache
def digest() -> str:
    """Twelve hexadecimal digits of the SHA-256 of all tables' content, however it is compressed."""
    return sized_files_digest(packed.lines().all().items())[:12]


@cache
def packages() -> frozenset[str]:
    """Top-level modules that some environment has installed."""
    return frozenset(name for table in environments().values() for name in table["packages"])


@cache
def exports(library: str) -> frozenset[str]:
    """The names that a library's top level, or one of its modules (``torch.nn``), has in any version."""
    modules = (table["modules"].get(library) for table in _versions(library.partition(".")[0]))
    return frozenset(name for names in modules if isinstance(names, dict) for name in names)


@cache
def look_up(dotted: str) -> Lookup:
    """Whether a dotted name exists, ``transformers.AutoModel.from_pretrained`` for example."""
    head = dotted.partition(".")[0]
    tables = _versions(head)
    if not tables:
        return Lookup("unlisted" if head in packages() else "no_package", head)
    results = [find(table, dotted) for table in tables]
    existing = tuple(result.parameters for result in results if result.state == "exists")
    if existing:
        if not all(existing):
            return Lookup("exists")
        return Lookup("exists", parameters=tuple(dict.fromkeys(text for texts in existing for text in texts)))
    if any(result.state == "module" for result in results):
        return Lookup("module")
    return Lookup("missing", max((result.missing for result in results), key=len))


def accepts(parameters: tuple[str, ...], keyword: str) -> bool:
    """Whether some version of a function takes a keyword.

    Args:
        parameters: of each version in one line, ``handle tags= * options= **``; ``?`` where Python does not know them.
        keyword: a keyword argument's name.
    """
    return not parameters or any({keyword, f"{keyword}=", "**", "?"} & set(text.split()) for text in parameters)


@cache
def parameters_of(library: str) -> frozenset[str]:
    """The names of all parameters that some listed function, class or method of a library has, in any version."""
    texts: set[str] = set()
    for table in _versions(library):
        texts.update(entry[0] for entry in table["entries"] if entry)
        texts.update(text for _, _, methods, *_ in table["classes"] for text in methods.values())
    return frozenset(" ".join(texts).replace("=", "").split())


def is_same(one: str, other: str) -> bool:
    """Whether two names of one library are the same object in some version: where it is defined, and where it is not.

    ``torch.nn.modules.rnn.GRU`` is ``torch.nn.GRU``. Modules of one model each are not listed; what they have is taken
    to be what the library's top level has under that name.
    """
    head, _, last = one.rpartition(".")
    if other.rpartition(".")[2] != last or one.partition(".")[0] != other.partition(".")[0]:
        return False
    for table in _versions(one.partition(".")[0]):
        places = [_place(table, name.split(".")) for name in (one, other)]
        if None not in places and places[0] == places[1]:
            return True
    return (
        head.startswith("transformers.models.") and other == f"transformers.{last}" and look_up(one).state == "exists"
    )


def _place(table: dict[str, Any], parts: list[str]) -> int | None:
    """The entry of a function or class of a module, 0 if nothing more is known of it; None if it has no such."""
    module = ".".join(parts[:-1])
    names = table["modules"].get(module)
    if isinstance(names, str) and names != "*":
        module, names = names, table["modules"].get(names)
    if not isinstance(names, dict):
        return None
    return names.get(parts[-1], 0 if _imports(table, module, parts[-1]) else None)


def names_parameter(text: str, name: str) -> bool:
    """Whether a function's parameters have a name among them; ``**`` has none."""
    return bool({name, f"{name}="} & set(text.split()))


def needed(text: str, positional: int, keywords: Iterable[str]) -> str:
    """The first parameter without a default that a call gives no value; empty if there is none.

    Args:
        text: the function's parameters.
        positional: how many positional arguments the call has.
        keywords: the names of its keyword arguments.
    """
    words = itertools.takewhile(lambda word: word not in ("*", "**", "?"), text.split())
    given = set(keywords)
    missing = (word for index, word in enumerate(words) if index >= positional and not word.endswith("="))
    return next((word for word in missing if word not in given), "")


@cache
def tasks() -> dict[str, dict[str, Any]]:
    """The tasks of transformers' pipelines, aliases included: kinds of models, and keywords (None: any)."""
    result: dict[str, dict[str, Any]] = {}
    for table in environments().values():
        for name, task in table["tasks"].items():
            entry = table["tasks"][task] if isinstance(task, str) else task
            before = result.setdefault(name, {"kinds": set(), "keywords": set()})
            before["kinds"] |= set(entry["kinds"])
            is_open = entry["keywords"] is None or before["keywords"] is None
            before["keywords"] = None if is_open else before["keywords"] | set(entry["keywords"])
    return result


@cache
def kinds_of(auto_class: str) -> frozenset[str]:
    """The kinds of models that an automatic class of transformers has, in any version; empty if it is none."""
    tables = environments().values()
    return frozenset(kind for table in tables for kind in table["auto_classes"].get(auto_class, ()))


@cache
def repositories() -> frozenset[str]:
    """Repositories of the Hugging Face hub that the libraries' own sources name."""
    return frozenset(name for table in environments().values() for name in table["repositories"])


@cache
def timm_models() -> frozenset[str]:
    """The names that ``timm.create_model`` takes."""
    return frozenset(name for table in environments().values() for name in table["timm"])


@cache
def _versions(library: str) -> tuple[dict[str, Any], ...]:
    names = {table["libraries"].get(library) for table in environments().values()}
    return tuple(packed.read(name) for name in sorted(filter(None, names)))


def find(table: dict[str, Any], dotted: str) -> Lookup:
    """What one version of a library says of a dotted name."""
    parts = dotted.split(".")
    modules = table["modules"]
    for _ in range(5):  # an alias of an alias
        end = next((end for end in range(len(parts), 0, -1) if _is_module(modules, parts[:end])), 0)
        names = modules.get(".".join(parts[:end]))
        if not isinstance(names, str) or names == "*":
            break
        parts = names.split(".") + parts[end:]
    rest = parts[end:]
    if names is None:
        return Lookup("missing", parts[0])
    if names == "*" or not rest:
        return Lookup("exists" if rest else "module")
    if rest[0] in names:
        return _member(table, table["entries"][names[rest[0]]], parts, end)
    if "*" in names and len(rest) > 1:  # a module of a package whose modules are not listed one by one
        return Lookup("exists")
    if _imports(table, ".".join(parts[:end]), rest[0]):
        return Lookup("exists")
    return Lookup("missing", ".".join(parts[: end + 1]))


def _is_module(modules: dict[str, Any], parts: list[str]) -> bool:
    """Whether a name is a module's, and not that of a function which the package has under the module's name."""
    around = modules.get(".".join(parts[:-1]))
    return ".".join(parts) in modules and not (isinstance(around, dict) and around.get(parts[-1]))


def _imports(table: dict[str, Any], module: str, name: str) -> bool:
    """Whether a module that is no package has a name from its neighbours: it is listed in one of them alone."""
    modules = table["modules"]
    if module.partition(".")[0] in WHOLE or any(path.startswith(f"{module}.") for path in modules):
        return False
    return any(name in names for names in modules.values() if isinstance(names, dict))


def _member(table: dict[str, Any], entry: Any, parts: list[str], end: int) -> Lookup:
    """A function, a class or what a class has."""
    rest = parts[end + 1 :]
    if entry is None:
        return Lookup("exists")
    if not rest:
        return Lookup("exists", parameters=(entry[0],))
    if len(entry) == 1 or len(rest) > 1:  # an attribute of a function, or of what a class has
        return Lookup("exists")
    parameters = attribute(table["classes"], entry[1], rest[0])
    if parameters is None:
        return Lookup("missing", ".".join(parts[: end + 2]))
    return Lookup("exists", parameters=(parameters,) if parameters else ())


def attribute(classes: list[Any], index: int, name: str) -> str | None:
    """The parameters of a class's method, empty if not listed; None if the class has no such attribute.

    Args:
        classes: of a library's table: of each its bases, the names of which nothing more is known in one text, the
            parameters of the others, and 1 if it takes any name.
        index: the class.
        name: the attribute, which may be a base's.
    """
    bases, names, methods, *is_open = classes[index]
    if name in methods:
        return str(methods[name])
    if f" {name} " in f" {names} ":
        return ""
    for base in bases:
        if (text := attribute(classes, base, name)) is not None:
            return text
    return "" if is_open else None
