"""Makes an environment's folder from requirements such as ``scipy==1.17.1``.

The lock is pip's own solution for the images' Python, as ``apigauge sandbox build NAME --relock`` writes it. Nothing in
the folder says where or when it was made: the same wheels give the same bytes.
"""

import email
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import platformdirs

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes.build_wheels import pins, relock, wheelhouse
from apigauge.sandboxes.environments import FOLDER, Environment, read

# Whose Dockerfile installs the wheels of a lock and nothing else.
_PATTERN = "mini"
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(?P<extras>\[[\w., -]+\])?\s*"
    r"(?P<version>(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*,?\s*)*)"
)
_MODULE = re.compile(r"([A-Za-z]\w*)(?:/__init__\.py|\.py|\.(?:abi3|cpython-[\w-]+)\.so)$")
_SUBPACKAGE = re.compile(r"([A-Za-z]\w*/[A-Za-z]\w*)/__init__\.py$")
_NO_MODULES = frozenset({"conftest", "distutils", "externals", "setup", "test", "testing", "tests"})
# One thread and the settings under which results do not depend on the machine's cores.
_VARIABLES = {
    "HOME": "/tmp",  # noqa: S108 - inside the sandbox
    "MKL_NUM_THREADS": "1",
    "MPLCONFIGDIR": "/tmp",  # noqa: S108 - inside the sandbox
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
_PIP = "# Not installed: the base has no pip, so the wheelhouse brings the one that installs the rest.\npip\n"


def make(
    requirements: Sequence[str],
    out: Path,
    *,
    name: str = "",
    wheels: Path | None = None,
    preload: Sequence[str] | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Environment:
    """Writes a complete environment folder, and returns the environment.

    Args:
        requirements: as for pip, with a version or without: ``scipy==1.17.1``, ``pandas[excel]>=2,<3``.
        out: the folder to write; it may exist if it is empty or an environment's.
        name: of the environment; by default from the requirements, such as ``scipy-1.17.1``.
        wheels: a folder of wheels to take all packages from, without an index.
        preload: modules that the worker imports before it forks a child per program; by default those that the
            required packages are imported as, and what lies directly below.
        cache: for the wheels; by default the user's cache folder.
        say: receives a line per step.

    Raises:
        UsageError: a requirement is none, or the folder holds something else.
        SandboxError: pip finds no solution, or this Python is not the version or platform of the image.
    """
    matches = [_parsed(text) for text in requirements]
    if not matches:
        raise UsageError("an environment needs a requirement, such as scipy==1.17.1")
    if wheels is not None and not wheels.is_dir():
        raise UsageError(f"{wheels}: there is no such folder of wheels")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "environment.json").is_file())):
        raise UsageError(f"{out}: there is something else; name a folder that is new or empty")
    name = name or _name([text.strip() for text in requirements])
    with tempfile.TemporaryDirectory(prefix="apigauge-environment-") as scratch:
        folder = Path(scratch, name)
        folder.mkdir()
        lines = [re.sub(r"\s+", "", match[0]) for match in matches]
        needs_pip = "" if any(match["name"].lower() == "pip" for match in matches) else _PIP
        (folder / "requirements.txt").write_text("\n".join(lines) + "\n" + needs_pip, encoding="utf-8")
        _write_settings(folder, name, ())
        say(f"{name}: finding the packages that satisfy {', '.join(lines)}")
        _, local = relock(read(folder), wheels)
        if preload is None:
            files = wheelhouse(read(folder), cache or platformdirs.user_cache_path("apigauge"), say, wheels)
            required = {_normalised(match["name"]) for match in matches}
            preload = modules_of(files, required, with_subpackages=True)
        _write_settings(folder, name, preload)
        _write_dockerfile(folder, name)
        _write_readme(folder, name, lines)
        out.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            shutil.copyfile(path, out / path.name)
    return replace(read(out), local_wheels=local)


def _parsed(text: str) -> re.Match[str]:
    if match := _REQUIREMENT.fullmatch(text.strip()):
        return match
    raise UsageError(f"{text!r} is no requirement; write a package and perhaps its version, such as scipy==1.17.1")


def _name(requirements: Sequence[str]) -> str:
    """A name that an image may have: lower case, digits, and single ``.`` and ``-`` in between."""
    words = re.sub(r"[^a-z0-9.]+", "-", "-".join(requirements).lower())
    return re.sub(r"[.-]*-[.-]*|\.\.+", "-", words).strip("-.")[:80].rstrip("-.")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _write_settings(folder: Path, name: str, preload: Sequence[str]) -> None:
    settings = {"name": name, "preload": list(preload), "variables": _VARIABLES, "debian": []}
    (folder / "environment.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _write_dockerfile(folder: Path, name: str) -> None:
    _, _, rest = (FOLDER / _PATTERN / "Dockerfile").read_text(encoding="utf-8").partition("\n")
    head = "# The packages of lock.txt. No step needs a network: the wheels come with the build context.\n"
    text = rest.replace(f"org.apigauge.environment={_PATTERN}", f"org.apigauge.environment={name}")
    (folder / "Dockerfile").write_text(head + text, encoding="utf-8")


def _write_readme(folder: Path, name: str, lines: Sequence[str]) -> None:
    count = len(pins(read(folder)))
    (folder / "README.md").write_text(
        f"# {name}\n\nMade from {', '.join(f'`{line}`' for line in lines)}: {count} wheels, each with one digest "
        "(`lock.txt`), for Python 3.11 on Linux x86-64.\n",
        encoding="utf-8",
    )


def modules_of(files: Sequence[Path], required: set[str], *, with_subpackages: bool = False) -> tuple[str, ...]:
    """The top-level modules of the required packages, by what lies in their wheels.

    Args:
        files: the wheels.
        required: names of packages, normalised.
        with_subpackages: whether to list what lies directly below them too; libraries import much of that late.

    Raises:
        SandboxError: a wheel is damaged.
    """
    modules: set[str] = set()
    for path in files:
        try:
            with zipfile.ZipFile(path) as wheel:
                names = wheel.namelist()
                metadata = next(one for one in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", one))
                package = email.message_from_bytes(wheel.read(metadata))["Name"] or ""
        except (OSError, zipfile.BadZipFile, StopIteration) as error:
            raise SandboxError(f"{path}: cannot be read as a wheel: {error!r}") from error
        if _normalised(package) in required:
            modules |= {match[1] for one in names if (match := _MODULE.match(one))} - _NO_MODULES
            inner = {match[1] for one in names if with_subpackages and (match := _SUBPACKAGE.match(one))}
            modules |= {one.replace("/", ".") for one in inner if _NO_MODULES.isdisjoint(one.split("/"))}
    return tuple(sorted(modules))
