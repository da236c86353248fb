"""An environment by what a person or a benchmark calls it: a name, a folder, or the packages that it should have."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import platformdirs

from apigauge.errors import SandboxError, UsageError, did_you_mean
from apigauge.sandboxes.build_wheels import pins
from apigauge.sandboxes.environments import Environment, load, names, read
from apigauge.sandboxes.environments.make import make

# Between packages of one environment; a comma is between environments.
_BLANKS = re.compile(r"\s+")
# Not before another condition on a version: numpy>=1,<2 is one.
_COMMA = re.compile(r"\s*,\s*(?![<>=!~\s])")
_CONDITION = re.compile(r"[<>=!~]=|[<>]")


def several(text: str) -> tuple[str, ...]:
    """The environments that an option names, separated by commas, each once.

    ``pandas==2.3,pandas==3.1`` are two, ``numpy>=1,<2`` is one.

    Raises:
        UsageError: there is none.
    """
    given = tuple(dict.fromkeys(part.strip() for part in _COMMA.split(text) if part.strip()))
    if not given:
        raise UsageError("--environment: is empty; give a name, a folder, or package==version")
    return given


def find(text: str, say: Callable[[str], None] = lambda _: None, *, makes: bool = True) -> Environment:
    """The environment that is called so.

    Args:
        text: one of the names of ``apigauge environments``; the path of a folder with an ``environment.json``; or
            packages with versions, as for pip, separated by blanks: ``pandas==2.3 numpy==2.1``. Of those an environment
            is made, once, and kept in the user's cache folder; again when a wheel that pip took from a folder of this
            machine has another digest now.
        say: receives a line if something is made.
        makes: whether one is made that does not exist yet.

    Raises:
        UsageError: there is no such environment.
        SandboxError: its folder is damaged, or the packages do not go together, or it would have to be made.
    """
    if text in names():
        return load(text)
    if (Path(text) / "environment.json").is_file():
        return replace(read(Path(text)), source=text)
    if _CONDITION.search(text):
        return replace(_made(text, say, makes=makes), source=" ".join(_requirements(text)))
    if "/" in text:
        raise UsageError(
            f"no environment is at {text}: there is no environment.json; `apigauge environments` lists names"
        )
    raise UsageError(
        f"environment {text!r} is not known; there are: {', '.join(names())}, folders of your own, and packages such "
        f"as pandas==2.3{did_you_mean(text, names())}"
    )


def _requirements(text: str) -> list[str]:
    """The packages, each without blanks in it."""
    return _BLANKS.split(re.sub(r"\s*([<>=!~]+)\s*", r"\1", text.strip()))


def _made(text: str, say: Callable[[str], None], *, makes: bool) -> Environment:
    requirements = sorted(_requirements(text))
    folder = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(requirements).replace("<", "lt").replace(">", "gt")).strip("-.")
    path = platformdirs.user_cache_path("apigauge") / "made-environments" / folder
    record = path.with_name(f"{path.name}.wheels.json")
    if (path / "environment.json").is_file():
        changed = _changed(record, read(path))
        if changed is None:
            return read(path)
        say(f"{' '.join(requirements)}: {changed} is another wheel now; making the environment again")
    if not makes:
        raise SandboxError(f"the environment of {' '.join(requirements)} is not made yet; a run makes it")
    environment = make(requirements, path, say=say)
    wheels = {str(wheel): _stamp(wheel) for wheel in environment.local_wheels}
    record.write_text(json.dumps(wheels, indent=2) + "\n", encoding="utf-8")
    return replace(environment, local_wheels=())


def _changed(record: Path, environment: Environment) -> str | None:
    """A wheel in a folder of this machine that is no longer the locked one, such as one that was built again."""
    if not record.is_file():
        return None
    digests = {pin.sha256 for pin in pins(environment)}
    stamps: dict[str, list[int]] = json.loads(record.read_text(encoding="utf-8"))
    for name, stamp in stamps.items():
        wheel = Path(name)
        # Without the wheel nothing says that there is another: the environment is installed from its copy.
        if not wheel.is_file() or _stamp(wheel) == stamp:
            continue
        with wheel.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() not in digests:
                return name
    return None


def _stamp(wheel: Path) -> list[int]:
    """Changes whenever a file is written again; its digest need not be made for every run."""
    facts = wheel.stat()
    return [facts.st_size, facts.st_mtime_ns]
