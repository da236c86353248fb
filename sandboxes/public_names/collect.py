"""Lists the public names of an environment's libraries: ``python3 - SELECTION < collect.py`` in its image.

Prints JSON: ``packages`` (top-level modules that can be imported), ``libraries`` (of each that is selected and
installed its version and names), ``tasks`` and ``auto_classes`` of transformers, ``repositories`` that the libraries'
sources name, and ``timm``'s models. Modules that importing the library and its direct submodules brings in are
inspected; of the others the source is read, so that no code of a rarely used module runs.

Uses the standard library alone, and nothing of this package: the images do not have it.
"""

import ast
import contextlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import io
import json
import pkgutil
import re
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# ``selection.json``: libraries; modules that are no interface, or start something when they are imported (skipped);
# modules below which every name is taken to exist, since they are internal or copies of the rest (unlisted); other
# packages in which a library's own modules lie (families).
SELECTION: dict[str, Any] = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
SKIPPED = frozenset(SELECTION.get("skipped", ()))
# Modules of one model each: thousands, whose names their package has too. They are not listed one by one: below such a
# package every module is taken to exist.
DEEP = re.compile(
    r"(?:transformers\.models|diffusers\.(?:models|pipelines))\.\w+\.\w+|timm\.models\.\w+|\w+\.utils\.dummy_\w+"
)
REPOSITORIES = re.compile(
    r"""huggingface\.co/(?!datasets/|docs/|spaces/|papers/|models\b|blog/|join|settings|login|api/|course/|learn/)
        ([\w.-]+/[\w.-]*\w)
    |(?:from_pretrained|from_hparams|hf_hub_download|SentenceTransformer|CrossEncoder)\(\s*["']([\w.-]+(?:/[\w.-]+)?)["']
    |(?:_CHECKPOINT_FOR_\w+|_CHECKPOINT)\s*=\s*["']([\w.-]+(?:/[\w.-]+)?)["']
    |(?:model|checkpoint|model_id|repo_id|hf_hub_id|model_name)\s*=\s*["']([\w.-]+/[\w.-]+)["']
    |^\s{4}["']([\w.-]+(?:/[\w.-]+)?)["']:\s*\(?\s*["']https://huggingface""",
    re.VERBOSE | re.MULTILINE,
)


class Library:
    """The names of one library."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.family = SELECTION["families"].get(name, (name,))
        self.modules: dict[str, dict[str, int] | str] = {}
        self.entries: list[Any] = [None]
        self.classes: list[Any] = []
        self._paths: dict[int, str] = {}
        self._entries: dict[int, int] = {}
        self._classes: dict[int, int] = {}
        # Objects whose identity stands for them: they must not be collected and another take their place.
        self._kept: list[Any] = []

    def collect(self) -> dict[str, Any]:
        """All names, as JSON."""
        top = importlib.import_module(self.name)
        self.modules |= {f"{self.name}.{path}": "*" for path in SELECTION["unlisted"].get(self.name, ())}
        for module in pkgutil.iter_modules(getattr(top, "__path__", ())):
            if not module.name.startswith("_") and module.name not in SKIPPED:
                quietly(importlib.import_module, f"{self.name}.{module.name}")
        self._walk([(self.name, top)], 0)
        for name in sorted(sys.modules):
            if name.startswith(f"{self.name}.") and is_public(name) and sys.modules[name] is not None:
                self._walk([(name, sys.modules[name])], 3)
        for name, path in sources(top, self.name):
            if name not in self.modules and not self._is_unlisted(name):
                if DEEP.fullmatch(name):
                    self._open(name.rpartition(".")[0])
                else:
                    self.modules[name] = self._source(path)
        return {"modules": self.modules, "entries": self.entries, "classes": self.classes}

    def _module(self, path: str, module: Any, depth: int) -> list[tuple[str, Any]]:
        """Adds a module; returns the modules below it with their paths."""
        if path in self.modules or self._is_unlisted(path):
            return []
        if DEEP.fullmatch(path):
            self._open(path.rpartition(".")[0])
            return []
        if id(module) in self._paths:
            if depth < 4:
                self.modules[path] = self._paths[id(module)]
            return []
        self._paths[id(module)] = path
        names: dict[str, int] = {}
        self.modules[path] = names
        self._kept.append(module)
        declared = declared_by(module)
        below: list[tuple[str, Any]] = []
        for name in sorted({*(quietly(dir, module) or ()), *declared}):
            if name.startswith("_"):
                continue
            try:
                with silence():
                    value = getattr(module, name)
            except Exception:  # noqa: BLE001 - a name whose backend is not installed is a name
                names[name] = 0
                continue
            if isinstance(value, types.ModuleType):
                names[name] = 0
                family = str(vars(value).get("__name__")).split(".")[0]
                is_package = "__path__" in vars(module) or self.name == "tensorflow"
                if is_package and depth < 7 and family in self.family and name not in SKIPPED:
                    below.append((f"{path}.{name}", value))
            elif name in declared or is_own(module, value):
                names[name] = self._entry(value)
            elif self._is_unlisted(str(quietly(getattr, value, "__module__"))):
                names[name] = 0  # imported from a module whose names are not listed, so that it stands nowhere else
        return below

    def _open(self, package: str) -> None:
        names = self.modules.setdefault(package, {})
        if isinstance(names, dict):
            names["*"] = 0

    def _is_unlisted(self, path: str) -> bool:
        parts = path.split(".")
        return any(self.modules.get(".".join(parts[:end])) == "*" for end in range(1, len(parts) + 1))

    def _walk(self, level: list[tuple[str, Any]], depth: int) -> None:
        """Breadth first, so that a module is listed under its shortest path and is an alias under the others."""
        while level:
            level = [pair for path, module in level for pair in self._module(path, module, depth)]
            depth += 1

    def _entry(self, value: Any) -> int:
        if id(value) in self._entries:
            return self._entries[id(value)]
        entry: Any = None
        if inspect.isclass(value):
            entry = [parameters(value), self._class(value)]
        elif callable(value):
            entry = [parameters(value)]
        if entry is None:
            return 0
        self._kept.append(value)
        self.entries.append(entry)
        return self._entries.setdefault(id(value), len(self.entries) - 1)

    def _class(self, value: type) -> int:
        if value is object:
            return -1
        if id(value) in self._classes:
            return self._classes[id(value)]
        bases = [index for base in value.__bases__ if (index := self._class(base)) >= 0]
        own: dict[str, Any] = {}
        for name, member in sorted(vars(value).items()):
            if not name.startswith("_"):
                is_bound = isinstance(member, (classmethod, staticmethod))
                own[name] = parameters(quietly(getattr, value, name)) if is_bound else 0
        # A class that has nothing stands for one whose library is missing: its metaclass says so, to any name.
        is_open = not bases and not own
        self._classes[id(value)] = len(self.classes)
        self._kept.append(value)
        self.classes.append([bases, own, 1] if is_open else [bases, own])
        return len(self.classes) - 1

    def _source(self, path: Path) -> dict[str, int]:
        """The names of a module that was not imported, from its source; all that it defines or imports."""
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            return {}
        names = {name: 0 for node in ast.walk(tree) for name in bound(node)}
        return {name: 0 for name in sorted(names) if not name.startswith("_")}


def bound(node: ast.AST) -> Iterator[str]:
    """What a statement at the top of a module may bind; what only functions bind does no harm."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        if node.col_offset <= 4:
            yield node.name
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names if node.col_offset <= 4)
    elif isinstance(node, ast.Assign) and node.col_offset == 0:
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def declared_by(module: Any) -> set[str]:
    """The names in a module's ``__all__``."""
    names = vars(module).get("__all__", ())
    return {name for name in names if isinstance(name, str)} if isinstance(names, (list, tuple)) else set()


def is_own(module: Any, value: Any) -> bool:
    """Whether a module's interface has a value: a package's does, another module's if it defines it."""
    if "__path__" in vars(module) or not callable(value):
        return True
    return quietly(getattr, value, "__module__") in (None, module.__name__)


def is_public(name: str) -> bool:
    """Whether a module's path has no private part."""
    return not any(part.startswith("_") or part in SKIPPED for part in name.split("."))


def sources(top: Any, name: str) -> Iterator[tuple[str, Path]]:
    """The source files of a library's public modules."""
    for folder in getattr(top, "__path__", ()):
        for path in sorted(Path(folder).rglob("*.py")):
            parts = [name, *path.relative_to(folder).with_suffix("").parts]
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if is_public(module):
                yield module, path


def parameters(value: Any) -> str:
    """A signature in one line: ``a b= * c= **``; ``?`` where Python knows none."""
    try:
        with silence():
            signature = inspect.signature(value)
    except Exception:  # noqa: BLE001 - compiled functions have none
        return "?"
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            further = keywords_of(value)
            parts += [f"{name}=" for name in further] if further else ["**"]
        elif parameter.kind is parameter.VAR_POSITIONAL:
            parts.append("*")
        else:
            if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
                parts.append("*")
            mark = "=" if parameter.default is not parameter.empty else ""
            parts.append(parameter.name + mark)
    return " ".join(parts)


def keywords_of(value: Any) -> list[str]:
    """What ``**kwargs`` really takes, where the library says it: layers of Keras, models of torchvision."""
    if inspect.isclass(value) and any(base.__module__.startswith("keras.") for base in value.__mro__):
        is_open = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(value).parameters.values())
        return [] if is_open else sorted(through(value, "__init__"))
    if getattr(value, "__module__", "").startswith("torchvision.models") and inspect.isfunction(value):
        return torchvision_keywords(value)
    return []


def through(value: type, method: str) -> set[str]:
    """The keywords that a class's method and those of its bases name, in their signatures or in their sources."""
    names: set[str] = set()
    for base in value.__mro__:
        if method not in vars(base) or base is object:
            continue
        source = quietly(inspect.getsource, vars(base)[method])
        signature = quietly(inspect.signature, vars(base)[method])
        if not source or not signature:
            return set()
        names |= {p.name for p in signature.parameters.values() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        names |= set(re.findall(r"kwargs(?:\.pop|\.get)?[(\[]\s*[\"'](\w+)", source))
        names |= set(re.findall(r"[\"'](\w+)[\"'] (?:not )?in kwargs", source))
        for block in re.findall(r"allowed_kwargs = [{(](.*?)[})]", source, re.DOTALL):
            names |= set(re.findall(r"[\"'](\w+)[\"']", block))
    return names - {"self"}


def torchvision_keywords(builder: Any) -> list[str]:
    """The keywords of the model that a builder makes."""
    import torch
    import torchvision

    if builder.__name__ not in torchvision.models.list_models():
        return []
    with torch.device("meta"):
        model = quietly(builder)
    if model is None:
        return []
    names = through(type(model), "__init__") | {"pretrained"}
    if builder.__module__.split(".")[2] in ("detection", "segmentation"):
        return []  # what they take goes on to backbones
    return sorted(names)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Without what imports print."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def quietly(function: Any, *arguments: Any) -> Any:
    """What a function returns, or None if it raises anything."""
    try:
        with silence():
            return function(*arguments)
    except (Exception, SystemExit):  # noqa: BLE001 - imports of other people's modules
        return None


def tasks() -> dict[str, Any]:
    """The tasks of transformers: the keywords that a pipeline takes (None: any), and the kinds of models it can use."""
    from transformers import Pipeline, pipeline, pipelines
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    if not pipelines.SUPPORTED_TASKS:
        return {}
    common = set(inspect.signature(pipeline).parameters) | set(inspect.signature(Pipeline.__init__).parameters)
    result: dict[str, Any] = {}
    for task, entry in pipelines.SUPPORTED_TASKS.items():
        impl = entry["impl"]
        if isinstance(impl, str):
            impl = getattr(importlib.import_module(impl.rpartition(".")[0]), impl.rpartition(".")[2])
        own = [
            parameter
            for method in ("__init__", "_sanitize_parameters")
            for parameter in inspect.signature(getattr(impl, method)).parameters.values()
        ]
        is_open = any(p.kind is p.VAR_KEYWORD for p in own[-1:])
        names = {p.name for p in own if p.kind is not p.VAR_KEYWORD} | common
        kinds = {kind for auto in (*entry.get("pt", ()), *entry.get("tf", ())) for kind in kinds_of(auto)}
        # Kinds that the pipeline's own code accepts besides (Donut, for questions about documents).
        source = inspect.getsource(impl)
        kinds |= {kind for kind, name in CONFIG_MAPPING_NAMES.items() if f'"{name}"' in source}
        result[task] = {
            "keywords": None if is_open else sorted(names - {"self", "kwargs", "args"}),
            "kinds": sorted(kinds),
        }
    return result | dict(pipelines.TASK_ALIASES)


def kinds_of(auto: Any) -> list[str]:
    """The kinds of models (``bert``) for which an automatic class has one."""
    mapping = getattr(auto, "_model_mapping", None)
    return sorted(getattr(mapping, "_model_mapping", None) or ())


def auto_classes() -> dict[str, list[str]]:
    """The automatic classes of transformers and the kinds of models that each has."""
    import transformers

    names = [name for name in dir(transformers) if re.match(r"(TF|Flax)?Auto[A-Z]", name)]
    kinds = {name: kinds_of(quietly(getattr, transformers, name)) for name in names}
    return {name: values for name, values in kinds.items() if values}


def repositories(names: list[str]) -> list[str]:
    """Repositories of the hub that the sources of the libraries name."""
    ids: set[str] = set()
    for name in names:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                for match in REPOSITORIES.finditer(path.read_text(encoding="utf-8", errors="replace")):
                    ids.add(next(filter(None, match.groups())).removesuffix(".git"))
    return sorted(i for i in ids if re.search(r"[a-zA-Z]", i) and not re.search(r"\.(py|json|md)$|^\.|hf-internal", i))


def timm_models() -> list[str]:
    """What timm can create: architectures, and architectures with the tag of their weights."""
    import timm

    return sorted({*timm.list_models(), *timm.list_pretrained()})


def main() -> None:
    """Prints the tables."""
    installed = importlib.metadata.packages_distributions()
    names = [name for name in SELECTION["libraries"] if name in installed or quietly(importlib.util.find_spec, name)]
    libraries = {}
    for name in names + SELECTION["standard_library"]:
        if quietly(importlib.import_module, name) is None:
            continue
        names_of_library = Library(name).collect()
        version = ".".join(map(str, sys.version_info[:2]))
        if name not in SELECTION["standard_library"]:
            version = importlib.metadata.version((installed.get(name) or [name])[0])
        libraries[name] = {"version": version} | names_of_library
        print(name, len(names_of_library["modules"]), len(names_of_library["entries"]), file=sys.stderr, flush=True)
    has_transformers = "transformers" in libraries
    hub = [name for name in names if name in ("transformers", "diffusers", "sentence_transformers", "speechbrain")]
    result = {
        "packages": sorted(name for name in installed if not name.startswith("_") and name.isidentifier()),
        "libraries": libraries,
        "tasks": tasks() if has_transformers else {},
        "auto_classes": auto_classes() if has_transformers else {},
        "repositories": repositories(hub),
        "timm": timm_models() if "timm" in libraries else [],
    }
    json.dump(result, sys.stdout, sort_keys=True, separators=(",", ":"))


if __name__ == "__main__":
    main()
