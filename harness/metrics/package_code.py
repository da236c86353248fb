"""A digest of a plugin's code: all files of the package that a module is of, and of the modules installed with it."""

from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from apigauge.sandboxes.digests import sized_files_digest


@cache
def digest(module: str, package: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the code that a module of an installed package is among.

    These are all files of the topmost regular package around the module, or the file itself if there is none, and those
    of everything else that is imported by a name of its own and comes with the same distribution. So a helper module
    counts, and an editable installation has the digest of its wheel. What other distributions hold does not count: the
    module's ``version()`` names those that its numbers depend on.

    Args:
        module: its full name.
        package: the distribution that has it: its name, and behind a space perhaps its version.
    """
    files: dict[str, Path] = {}
    for name in sorted({_topmost(module), *_installed_with(package)}):
        files |= _files_of(name)
    return sized_files_digest((name, files[name].read_bytes()) for name in sorted(files))[:12]


def _topmost(module: str) -> str:
    """The topmost regular package around a module, below namespace packages, which several distributions share."""
    parts = module.split(".")
    for count in range(1, len(parts)):
        spec = find_spec(".".join(parts[:count]))
        if spec is not None and spec.origin is not None:
            return ".".join(parts[:count])
    return module


def _installed_with(package: str) -> set[str]:
    """The names at the top of a distribution, without those of namespace packages, which have other owners too."""
    try:
        listed = distribution(package.partition(" ")[0])
    except (PackageNotFoundError, ValueError):
        return set()
    return {name for name in _top_level(listed) if (spec := find_spec(name)) and spec.origin is not None}


def _top_level(owner: Distribution) -> set[str]:
    """The names that a distribution brings."""
    text = owner.read_text("top_level.txt")
    if text:
        return set(text.split())
    files = [path for path in owner.files or () if path.suffix == ".py" and not path.is_absolute()]
    return {path.parts[0].removesuffix(".py") for path in files if path.parts[0].removesuffix(".py").isidentifier()}


def _files_of(name: str) -> dict[str, Path]:
    """The files of a package, or of a module, by their path from where it is installed."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return {}
    if not spec.submodule_search_locations:
        path = Path(spec.origin)
        return {name.replace(".", "/") + path.suffix: path} if path.is_file() else {}
    files: dict[str, Path] = {}
    for folder in map(Path, spec.submodule_search_locations):
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and "__pycache__" not in relative.parts and path.suffix != ".pyc":
                files[f"{name.replace('.', '/')}/{relative.as_posix()}"] = path
    return files
