"""Builds a stand-in hub: its builder runs without a network in the environment in which the programs will run.

The builder's modules are sent as an archive and the hub is received as one, so the engine may be on another machine,
and nothing in the container can touch this one. The same specification and environment give the same bytes.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes import environments, hubs, orphans
from apigauge.sandboxes.build import find_image
from apigauge.sandboxes.digests import tree_digest
from apigauge.sandboxes.engine import connect, engine_errors
from apigauge.sandboxes.environments import Environment
from apigauge.sandboxes.hubs import DESCRIPTION, Hub, specification_files
from apigauge.sandboxes.in_use import hold
from apigauge.sandboxes.progress import Progress

_MODULE = "apigauge.sandboxes.hubs.{}.build"
_VARIABLES = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "0"}
_LAST_LINES = 15
# The folder in which a builder has its modules and writes the hub, and its name in an archive.
_PLACE = "/apigauge-hub"
_INSIDE = _PLACE.removeprefix("/")


def build(
    name: str, *, here: bool = False, configs: Path | None = None, say: Callable[[str], None], rebuild: bool = False
) -> Hub:
    """The stand-in hub of that name, built if it does not exist.

    Args:
        name: which hub.
        here: build with this Python and its packages, not in the environment's image.
        configs: folder of real configurations to shrink, one ``ORG--NAME.json`` each, for builders that use them.
        say: receives the progress, a line at a time.
        rebuild: build even if the hub exists.

    Raises:
        UsageError: no hub has that name.
        SandboxError: no engine, no image, or the builder failed; the message says which and how.
    """
    hubs.check_name(name)
    environment = environments.load(name)
    built_in = "here" if here else environment.lock_digest[:12]
    if configs:
        built_in += f"-{tree_digest(configs)[:12]}"
    folder = hubs.cache() / f"{name}-{hubs.specification_digest(name)[:12]}-{built_in}"
    record = folder / "record.json"
    if record.is_file() and not rebuild:
        os.utime(record)  # the newest is used
        say(f"{name}: already built")
        return hubs.stand_in_hub(name)
    hubs.cache().mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # Inside the cache, so that moving it into place is atomic.
    with tempfile.TemporaryDirectory(dir=hubs.cache(), prefix=".building-") as scratch, Progress(say) as progress:
        hold(scratch)
        hub = Path(scratch, "hub")
        files = hub / "files"
        hub.mkdir()
        progress(f"{name}: building in {'this Python' if here else environment.tag}")
        if here:
            _build_here(name, environment, configs, files)
        else:
            _build_in_image(name, environment, configs, files, progress)
        progress.at(f"{name}: putting its files in place")
        if not (files / DESCRIPTION).is_file():
            raise SandboxError(f"hub {name}: its builder wrote no {DESCRIPTION}")
        digest = tree_digest(files)
        size = _size(files)
        record_fields = {"digest": digest, "built_in": built_in, "bytes": size}
        (hub / "record.json").write_text(json.dumps(record_fields), encoding="utf-8")
        _open_to_all(hub)
        shutil.rmtree(folder, ignore_errors=True)
        hub.rename(folder)
    say(f"{name}: {size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s, digest {digest[:12]}")
    return hubs.stand_in_hub(name)


def _size(folder: Path) -> int:
    """Bytes on disk; hard links to one file count once."""
    sizes = {(s := path.lstat()).st_ino: s.st_size for path in folder.rglob("*") if not path.is_dir()}
    return sum(sizes.values())


def _open_to_all(folder: Path) -> None:
    """Make everything readable: programs run as other users."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _build_here(name: str, environment: Environment, configs: Path | None, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="apigauge-") as scratch:
        with _archive(name, configs) as archive, tarfile.open(fileobj=archive) as tar:
            tar.extractall(scratch, filter="data")
        out.mkdir()
        command = [sys.executable, "-s", "-P", *_arguments(name, str(out), f"{scratch}{_PLACE}" if configs else None)]
        variables = environment.variables | {"HOME": scratch, "HF_HOME": scratch, "PATH": os.environ.get("PATH", "")}
        completed = subprocess.run(  # noqa: S603 - our own builder
            command,
            env=variables | _VARIABLES | {"PYTHONPATH": f"{scratch}{_PLACE}"},
            cwd=scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if completed.returncode:
            raise _failed(name, completed.stdout)


def _build_in_image(name: str, environment: Environment, configs: Path | None, out: Path, progress: Progress) -> None:
    with (
        contextlib.closing(connect()) as client,
        engine_errors(progress, hint="the same command builds the hub again"),
    ):
        image = find_image(client, environment)
        if image is None:
            raise SandboxError(
                f"hub {name} is built in its environment's image, which is not on this engine. Build that first: "
                f"`apigauge sandbox build {environment.name}`, or with --base debootstrap."
            )
        container = client.containers.create(
            image.id,
            ["python3", "-s", "-P", *_arguments(name, f"{_PLACE}/out", _PLACE if configs else None)],
            environment=environment.variables | _VARIABLES | {"PYTHONPATH": _PLACE, "HOME": "/tmp"},  # noqa: S108 - in the container
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            labels=orphans.labels(),
        )
        try:
            with _archive(name, configs) as archive:
                container.put_archive("/", archive.read())
            container.start()
            if container.wait()["StatusCode"]:
                raise _failed(name, container.logs(tail=_LAST_LINES))
            progress.at(f"{name}: taking it out of the container")
            _receive(container, out)
        finally:
            with contextlib.suppress(Exception):  # the next sandbox that starts removes it
                container.remove(force=True)


def _arguments(name: str, out: str, configs: str | None) -> list[str]:
    return ["-m", _MODULE.format(name), out, *(["--configs", f"{configs}/configs"] if configs else [])]


def _receive(container: Any, out: Path) -> None:
    chunks, _ = container.get_archive(f"{_PLACE}/out")
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            tar.extractall(out.parent, filter=_plain)  # noqa: S202 - the filter keeps every entry inside the folder
    (out.parent / "out").rename(out)


def _plain(entry: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Admit only folders, files, and links that stay inside; all owned by this process's user."""
    entry.uid, entry.gid, entry.uname, entry.gname = os.getuid(), os.getgid(), "", ""
    return tarfile.data_filter(entry, folder)


@contextlib.contextmanager
def _archive(name: str, configs: Path | None) -> Iterator[io.BytesIO]:
    """An archive of the builder, as a package that imports nothing else of apigauge, and of the configurations."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        package = f"{_INSIDE}/apigauge/sandboxes/hubs"
        for empty in (f"{_INSIDE}/apigauge", f"{_INSIDE}/apigauge/sandboxes", package):
            tar.addfile(tarfile.TarInfo(f"{empty}/__init__.py"))
        folder = tarfile.TarInfo(f"{_INSIDE}/out")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        tar.addfile(folder)
        for path in sorted(specification_files(name)):
            _add(tar, path, f"{package}/{path.relative_to(hubs.FOLDER).as_posix()}")
        for path in sorted(configs.glob("*.json")) if configs else ():
            _add(tar, path, f"{_INSIDE}/configs/{path.name}")
    data.seek(0)
    yield data


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)


def _failed(name: str, output: bytes) -> SandboxError:
    lines = output.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
    return SandboxError("\n".join((f"hub {name}: its builder failed:", *lines)))
