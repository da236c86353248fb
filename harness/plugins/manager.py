"""Finds the installed plugins, checks their hooks, and loads those that have no fault."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from inspect import Parameter
from typing import Any

import pluggy

from apigauge.errors import PluginError
from apigauge.harness.plugins import spec
from apigauge.harness.plugins.faults import Plugin, isolated

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class Plugins:
    """The plugins that could be loaded.

    Args:
        verbose: whether faults are reported with their traceback.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose
        # One manager for each plugin, so that each is called separately, and can fail separately.
        self._managers: list[tuple[Plugin, pluggy.PluginManager]] = []

    def load(self, plugin: Plugin, import_: Callable[[], object]) -> None:
        """Imports and registers a plugin; one with a fault is reported and left out."""
        with isolated(plugin, verbose=self.verbose):
            module = import_()
            manager = pluggy.PluginManager(spec.GROUP)
            manager.add_hookspecs(spec)
            if problems := list(_problems(manager, module)):
                raise PluginError("; ".join(problems))
            manager.register(module, plugin.name)
            self._managers.append((plugin, manager))

    def all(self) -> Iterator[Plugin]:
        """The plugins, in order."""
        yield from (plugin for plugin, _ in self._managers)

    def implementing(self, hook: str) -> Iterator[tuple[Plugin, pluggy.HookCaller]]:
        """Each plugin that implements a hook, and what calls its implementation, with the hook's parameters by name.

        Call it inside :func:`~apigauge.harness.plugins.faults.isolated`, so that a fault costs no other plugin.
        """
        for plugin, manager in self._managers:
            caller: pluggy.HookCaller = getattr(manager.hook, hook)
            if caller.get_hookimpls():
                yield plugin, caller


def _problems(manager: pluggy.PluginManager, module: object) -> Iterator[str]:
    """Messages about functions of a plugin that are no valid hooks."""
    hooks = {name: inspect.signature(getattr(spec, name)) for name in vars(manager.hook) if not name.startswith("_")}
    for name in dir(module):
        function, marker = getattr(module, name), manager.parse_hookimpl_opts(module, name)
        is_reserved = name.startswith("apigauge_") and inspect.isroutine(function)
        if function is getattr(spec, name, None) or (marker is None and not is_reserved):
            continue
        hook = (marker and marker["specname"]) or name
        where = f"function {name} ({_place(function)})"
        if hook not in hooks:
            from difflib import get_close_matches

            nearest = get_close_matches(hook, hooks, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"the hooks are: {', '.join(hooks)}"
            yield f"{where} is no hook; {hint}"
        elif marker is None:
            yield f"{where} is not marked as a hook; put @hookimpl above it"
        elif not _accepts(inspect.signature(function), hooks[hook]):
            yield f"{where} has other parameters than the hook {hook}({', '.join(hooks[hook].parameters)})"


def installed() -> Iterator[tuple[Plugin, Callable[[], object]]]:
    """The plugins of all installed packages, with the function that imports each: apigauge's own first.

    A package that is on the path twice, as an editable install may be, counts once.
    """
    by_package: dict[str, list[tuple[Plugin, Callable[[], object]]]] = {}
    for distribution in metadata.distributions():
        try:
            entries = [entry for entry in distribution.entry_points if entry.group == spec.GROUP]
        except Exception:  # noqa: BLE001, S112 - a damaged list of another package
            continue
        if entries:
            name, version = _name_and_version(distribution)
            by_package.setdefault(
                name, [(Plugin(entry.name, f"{name} {version}".strip(), entry.value), entry.load) for entry in entries]
            )
    for name in sorted(by_package, key=lambda name: (name != spec.GROUP, name)):
        yield from sorted(by_package[name], key=lambda entry: entry[0].name)


def load(*, verbose: bool = False) -> Plugins:
    """All installed plugins that have no fault; the others are named on standard error."""
    plugins = Plugins(verbose=verbose)
    for plugin, import_ in installed():
        plugins.load(plugin, import_)
    return plugins


_shared: list[Plugins] = []
_loading: list[bool] = []


def is_loading() -> bool:
    """Whether plugins are being imported now."""
    return bool(_loading)


def loaded() -> Plugins:
    """The plugins of this process, loaded by the first call; their faults are reported then."""
    if not _shared:
        _loading.append(True)
        try:
            _shared.append(load(verbose=bool(os.environ.get("APIGAUGE_VERBOSE")) or "--debug" in sys.argv))
        finally:
            _loading.pop()
    return _shared[0]


def _accepts(implementation: inspect.Signature, hook: inspect.Signature) -> bool:
    """Whether a hook's parameters fit a function: pluggy passes, by position, those that have no default there."""
    for name, parameter in implementation.parameters.items():
        has_default = parameter.default is not Parameter.empty or parameter.kind in _VARIADIC
        if name in hook.parameters and (has_default or parameter.kind not in _POSITIONAL):
            return False
        if name not in hook.parameters and not has_default:
            return False
    return True


def _place(function: Any) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else "no Python function"


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    try:
        return str(distribution.metadata["Name"]), distribution.version
    except Exception:  # noqa: BLE001 - damaged metadata
        return "an unnamed package", ""
