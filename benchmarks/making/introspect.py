"""Lists what a package offers: run as a program of its own, by the Python of the environment that has the package.

``python introspect.py MODULE...`` prints one JSON object a line: a public callable, or what cannot be looked at.
Only the standard library is imported besides, and nothing of apigauge.
"""

import ast
import contextlib
import importlib
import inspect
import io
import json
import os
import pkgutil
import re
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

# What libraries do not mean to offer, though its name has no underscore: pandas.core, numpy.core, sklearn.externals.
_NOT_PUBLIC = {"compat", "conftest", "core", "distutils", "externals", "internals", "setup", "test", "tests", "vendor"}
_SIGNATURE_LINE = re.compile(r"(?:[\w.]+\s*=\s*)?[\w.]*?(?P<name>\w+)\((?P<parameters>[^\n]*)\)\s*(?:->[^\n]*)?$")


def main() -> None:
    """Prints what the modules named on the command line offer."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print on import is none of it
    warnings.simplefilter("ignore")
    for top in sys.argv[1:]:
        for row in _rows(top):
            stream.write(json.dumps(row, sort_keys=True) + "\n")
    stream.close()


def _rows(top: str) -> Iterator[dict[str, Any]]:
    modules: dict[str, types.ModuleType] = {}
    for name in _modules(top, modules):
        yield {"module": name, "error": "cannot be imported"}
    paths: dict[int, list[tuple[Any, str]]] = {}
    things: dict[int, Any] = {}
    for name, module in sorted(modules.items()):
        for attribute, thing, rank in _offered(top, name, module):
            things[id(thing)] = thing
            paths.setdefault(id(thing), []).append(((*rank, name.count("."), len(name), name), f"{name}.{attribute}"))
    best = sorted((min(places)[1], key) for key, places in paths.items())
    for path, key in best:
        aliases = sorted(path for _, path in paths[key])
        yield _row(path, things[key], "class" if inspect.isclass(things[key]) else "function", aliases)
        if inspect.isclass(things[key]):
            yield from _methods(top, path, things[key])


def _modules(top: str, modules: dict[str, types.ModuleType]) -> Iterator[str]:
    """Imports every public module; yields the names of those that fail."""
    names = [top]
    while names:
        name = names.pop(0)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                module = importlib.import_module(name)
        except BaseException:  # noqa: BLE001 - a module may do what it likes on import
            yield name
            continue
        modules[name] = module
        inner = [one.name for one in pkgutil.iter_modules(getattr(module, "__path__", ()))]
        names += [f"{name}.{one}" for one in inner if not one.startswith("_") and one not in _NOT_PUBLIC]


def _offered(top: str, name: str, module: types.ModuleType) -> Iterator[tuple[str, Any, tuple[bool, ...]]]:
    """The public callables of a module, each with how far the module is from being its place."""
    listed = getattr(module, "__all__", None)
    public = {one for one in listed if isinstance(one, str)} if isinstance(listed, list | tuple | set) else None
    for attribute in sorted(public if public is not None else vars(module)):
        if attribute.startswith("_"):
            continue
        try:
            thing = getattr(module, attribute)
            home = str(getattr(thing, "__module__", None) or "")
        except BaseException:  # noqa: BLE001, S112 - as above
            continue
        if isinstance(thing, types.ModuleType) or not callable(thing) or _is_typing(thing):
            continue
        if home.split(".", maxsplit=1)[0] != top and not (public is not None and home in ("", "builtins")):
            continue
        is_home = home == name or home.startswith(f"{name}.")
        if public is None and not is_home:
            continue
        yield attribute, thing, (not is_home,)


def _is_typing(thing: Any) -> bool:
    return type(thing).__module__ in ("typing", "types") and not isinstance(
        thing, types.FunctionType | types.BuiltinFunctionType | type
    )


def _methods(top: str, path: str, cls: type) -> Iterator[dict[str, Any]]:
    for name in sorted(dir(cls)):
        if name.startswith("_"):
            continue
        owner = next((one for one in cls.__mro__ if name in vars(one)), None)
        if owner is None or str(owner.__module__).split(".")[0] != top:
            continue
        try:
            thing = getattr(cls, name)
        except BaseException:  # noqa: BLE001, S112 - as above
            continue
        if inspect.isroutine(thing):
            raw = vars(owner)[name]
            kind = "class method" if isinstance(raw, classmethod | staticmethod) else "method"
            yield _row(f"{path}.{name}", thing, kind, [], owner=path)


def _row(path: str, thing: Any, kind: str, aliases: list[str], owner: str = "") -> dict[str, Any]:
    with contextlib.suppress(BaseException):
        doc = inspect.getdoc(thing) or ""
        parameters, required = _signature(thing, kind, doc, path.rpartition(".")[2])
        marked = getattr(thing, "__deprecated__", "")
        return {
            "name": path,
            "kind": kind,
            "owner": owner,
            "module": str(getattr(thing, "__module__", "") or ""),
            "aliases": [one for one in aliases if one != path],
            "parameters": parameters,
            "required": required,
            "deprecated": _deprecation(doc, marked if isinstance(marked, str) else ""),
            "doc": doc,
        }
    return {"module": path, "error": "cannot be described"}


def _signature(thing: Any, kind: str, doc: str, name: str) -> tuple[str | None, list[str]]:
    """The parameters as text, and those that a call needs; None if nothing says them."""
    try:
        listed = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return _documented(doc, name)
    if kind == "method" and listed and listed[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        listed = listed[1:]
    listed = [one.replace(annotation=inspect.Parameter.empty, default=_default(one)) for one in listed]
    needed = [one for one in listed if one.default is inspect.Parameter.empty]
    required = [one.name for one in needed if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    required += [f"{one.name}={one.name}" for one in needed if one.kind is one.KEYWORD_ONLY]
    return str(inspect.Signature(listed))[1:-1], required


class _Source:
    """A default, shown as source."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _default(parameter: inspect.Parameter) -> Any:
    """The default as a literal; ``...`` for what none can be written as."""
    if parameter.default is inspect.Parameter.empty:
        return parameter.default
    text = repr(parameter.default)
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        text = "..."
    return _Source(text if len(text) <= 80 else "...")


def _documented(doc: str, name: str) -> tuple[str | None, list[str]]:
    """As the first line of a docstring has it, which is where extension modules put it."""
    match = _SIGNATURE_LINE.match(doc.partition("\n")[0].strip())
    if match is None or match["name"] != name:
        return None, []
    try:
        parsed = ast.parse(f"def f({match['parameters']}): pass").body[0]
    except SyntaxError:
        return None, []
    assert isinstance(parsed, ast.FunctionDef)
    given = parsed.args
    positional = [one.arg for one in (*given.posonlyargs, *given.args)]
    return ast.unparse(given), positional[: len(positional) - len(given.defaults)]


def _deprecation(doc: str, marked: str) -> str:
    """What the documentation says of a deprecation, on one line; empty if nothing."""
    if marked:
        return " ".join(marked.split())[:300]
    match = re.search(r"^[ \t]*\.\. deprecated::(?P<text>.*(?:\n[ \t]+\S.*)*)", doc[:3000], re.MULTILINE)
    if match is not None and doc.find("Parameters\n---") in range(match.start()):
        match = None  # of a parameter
    return " ".join(match["text"].split())[:300] if match else ""


if __name__ == "__main__":
    main()
