"""A virtual environment with the packages of an environment's lock: for sandboxes without an image.

It is made once for each lock, from wheels with the locked digests, and kept in the user's cache folder.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from apigauge.errors import SandboxError
from apigauge.sandboxes.build_wheels import pins, wheelhouse
from apigauge.sandboxes.environments import FOLDER, Environment
from apigauge.sandboxes.in_use import hold

_LAST_LINES = 12
_PIP_PLACES = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH")


def is_needed(environment: Environment) -> bool:
    """Whether an environment is a user's own: for those that come with apigauge, its own Python has the packages."""
    return environment.folder.parent != FOLDER


def python(environment: Environment, say: Callable[[str], None] = lambda _: None, wheels: Path | None = None) -> Path:
    """The Python of an environment's virtual environment, which is made if it does not exist.

    Args:
        environment: whose lock.
        say: receives a line if something is made.
        wheels: a folder of wheels to take them from instead of an index.

    Raises:
        SandboxError: the wheels are unavailable, or are for another Python than this one.
    """
    cache = platformdirs.user_cache_path("apigauge")
    lock = (environment.folder / "lock.txt").read_bytes()
    here = f"{sys.implementation.cache_tag} {sys.base_prefix}"
    folder = cache / "environments" / hashlib.sha256(lock + here.encode()).hexdigest()[:32]
    executable = folder / "bin" / "python"
    hold(str(folder))
    if executable.exists():
        return executable
    files = wheelhouse(environment, cache, say, wheels)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not executable.exists():
            say(f"{environment.name}: installing {len(files)} packages")
            _install(environment, files, folder)
    return executable


def _install(environment: Environment, files: tuple[Path, ...], folder: Path) -> None:
    """Fills a folder next to the right one, and moves it there.

    Raises:
        SandboxError: venv or pip failed.
    """
    scratch = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(scratch)], environment)
    requirements = [str(pin) for pin in pins(environment) if pin.name != "pip"]
    listed = scratch / "requirements.txt"
    listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    if requirements:
        options = ["--no-deps", "--no-index", "--require-hashes", "--disable-pip-version-check", "--quiet"]
        options += [f"--find-links={parent}" for parent in sorted({str(path.parent) for path in files})]
        pip = [sys.executable, "-m", "pip", f"--python={scratch / 'bin' / 'python'}", "install"]
        _run([*pip, *options, f"--requirement={listed}"], environment)
    scratch.rename(folder)


def _run(command: list[str], environment: Environment) -> None:
    # Where a user's pip installs is not where this one is to.
    env = {name: value for name, value in os.environ.items() if name not in _PIP_PLACES}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)  # noqa: S603 - our own
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_LAST_LINES:]
        raise SandboxError("\n".join((f"environment {environment.name}: cannot be installed for this Python:", *lines)))
