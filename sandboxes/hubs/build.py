"""Builds a stand-in hub: its builder runs in the environment that the programs will run in, without a network.

The builder's modules go in as an archive and the hub comes out as one, so that the engine may be on another machine and
nothing in the container can touch this one. The same specification and environment give the same bytes.
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
from apigauge.sandboxes.engine import connect, engine_trouble
from apigauge.sandboxes.environments import Environment
from apigauge.sandboxes.hubs import DESCRIPTION, Hub, specification_files, tree_digest
from apigauge.sandboxes.progress import Progress

_MODULE = "apigauge.sandboxes.hubs.{}.build"
_VARIABLES = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "0"}
_LAST_LINES = 15
# Where a builder finds its modules and leaves the hub, and the same in an archive.
_PLACE = "/apigauge-hub"
_INSIDE = _PLACE.removeprefix("/")


def build(
    name: str, *, here: bool = False, configs: Path | None = None, say: Callable[[str], None], rebuild: bool = False
) -> Hub:
    """The stand-in hub of that name, built if it is not there yet.

    Args:
        name: which hub.
        here: build with this Python and its packages rather than in the environment's image.
        configs: real configurations to shrink, one ``ORG--NAME.json`` each, where the builder can use them.
        say: is told what goes on, a line at a time.
        rebuild: build even if it is there.

    Raises:
        UsageError: there is no hub of that name.
        SandboxError: no engine, no image, or the builder failed; says which and how.
    """
    hubs.check_name(name)
    environment = environments.load(name)
    maker = "here" if here else environment.lock_digest[:12]
    if configs:
        maker += f"-{tree_digest(configs)[:12]}"
    folder = hubs.cache() / f"{name}-{hubs.specification_digest(name)[:12]}-{maker}"
    record = folder / "record.json"
    if record.is_file() and not rebuild:
        os.utime(record)  # the newest is the one that is used
        say(f"{name}: already built")
        return hubs.stand_in_hub(name)
    hubs.cache().mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # Below the cache, so that moving it into place is one step.
    with tempfile.TemporaryDirectory(dir=hubs.cache(), prefix=".building-") as scratch, Progress(say) as progress:
        made = Path(scratch, "hub")
        files = made / "files"
        made.mkdir()
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
        facts = {"digest": digest, "built_in": maker, "bytes": size}
        (made / "record.json").write_text(json.dumps(facts), encoding="utf-8")
        _open_to_all(made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    say(f"{name}: {size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s, digest {digest[:12]}")
    return hubs.stand_in_hub(name)


def _size(folder: Path) -> int:
    """Bytes on disk; files that share their content count once."""
    seen = {(s := path.lstat()).st_ino: s.st_size for path in folder.rglob("*") if not path.is_dir()}
    return sum(seen.values())


def _open_to_all(folder: Path) -> None:
    """Programs run as other users, and read what is theirs to read."""
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
        done = subprocess.run(  # noqa: S603 - our own builder
            command,
            env=variables | _VARIABLES | {"PYTHONPATH": f"{scratch}{_PLACE}"},
            cwd=scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise _failed(name, done.stdout)


def _build_in_image(name: str, environment: Environment, configs: Path | None, out: Path, progress: Progress) -> None:
    with (
        contextlib.closing(connect()) as client,
        engine_trouble(progress, hint="the same command builds the hub again"),
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
            with contextlib.suppress(Exception):  # the next sandbox that starts sweeps it
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
            tar.extractall(out.parent, filter=_plain)  # noqa: S202 - the filter keeps it inside
    (out.parent / "out").rename(out)


def _plain(entry: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """What a hub consists of: folders, files, and links that stay inside; nobody's owner, nobody's times."""
    entry.uid, entry.gid, entry.uname, entry.gname = os.getuid(), os.getgid(), "", ""
    return tarfile.data_filter(entry, folder)


@contextlib.contextmanager
def _archive(name: str, configs: Path | None) -> Iterator[io.BytesIO]:
    """The builder as a package of its own, and the configurations, below one folder."""
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
