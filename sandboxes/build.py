"""The image of an environment: found, or built without a network from a base and a wheelhouse.

Two bases, one Dockerfile: ``docker`` is the public image that the Dockerfile pins by digest, ``debootstrap`` is made
from Debian packages on this host. Either way the packages come from wheels with locked digests, every step runs
without a network, and the image carries the digest of what it was built from. A build that ends early leaves its
finished layers to the next one.
"""

import contextlib
import fcntl
import io
import re
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import platformdirs

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes import orphans
from apigauge.sandboxes.build_base import debian_base
from apigauge.sandboxes.build_wheels import relock, wheelhouse
from apigauge.sandboxes.engine import connect, engine_trouble
from apigauge.sandboxes.environments import Environment
from apigauge.sandboxes.progress import Progress

__all__ = ["Base", "Image", "build", "find_image", "relock"]

Base = Literal["docker", "debootstrap"]

ENVIRONMENT_LABEL = "org.apigauge.environment"
LOCK_LABEL = "org.apigauge.lock"
BASE_LABEL = "org.apigauge.base"
STAGE_LABEL = "org.apigauge.stage"
PACKAGES = "/etc/apigauge/packages.txt"
_LAST_LINES = 15
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# How the engine names the image that a step has come to; "Using cache" and "Running in" look the same otherwise.
_MADE = re.compile(r" ?-{2,3}> ([0-9a-f]{11,64})")


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on the engine.

    Attributes:
        id: the engine's digest of it (``sha256:...``), for the manifest.
        tag: a name people can type.
        lock_digest: of the files it was built from.
        packages: sorted ``name==version`` of everything Python and Debian have installed in it.
    """

    id: str
    tag: str
    lock_digest: str
    packages: tuple[str, ...]


def find_image(client: Any, environment: Environment) -> Image | None:
    """The environment's image if the engine has it, built from the very files that are there now.

    Raises:
        SandboxError: the engine is in trouble.
    """
    with engine_trouble(f"{environment.tag}: looking for the image"):
        return _find(client, environment)


def has_image(client: Any, environment: Environment) -> bool:
    """Whether :func:`find_image` would find one; creates no container to look into it.

    Raises:
        SandboxError: the engine is in trouble.
    """
    with engine_trouble(f"{environment.tag}: looking for the image"):
        return _image_id(client, environment) is not None


def _find(client: Any, environment: Environment) -> Image | None:
    image = _image_id(client, environment)
    return Image(image, environment.tag, environment.lock_digest, _packages(client, image)) if image else None


def _image_id(client: Any, environment: Environment) -> str | None:
    from docker.errors import ImageNotFound

    try:
        image = client.images.get(environment.tag)
    except ImageNotFound:
        return None
    # A tag is a name that anyone can move; the label was written by the build.
    return str(image.id) if image.labels.get(LOCK_LABEL) == environment.lock_digest else None


def build(
    environment: Environment,
    base: Base,
    *,
    client: Any = None,
    say: Callable[[str], None],
    rebuild: bool = False,
    mirror: str | None = None,
) -> Image:
    """The environment's image, built if it is not there yet.

    Args:
        environment: what to build.
        base: where Python itself comes from.
        client: of the engine to use; the usual one where none is given.
        say: is told what goes on, a line at a time.
        rebuild: build even if the image is there, every step anew. A Debian base that is there is kept. Without it, a
            build goes on from the layers that an earlier one finished before it failed or was killed.
        mirror: Debian mirror for debootstrap; the host's own where none is given.

    Raises:
        SandboxError: no engine, no base, no wheels, a step failed, or the engine did; says which and how.
        UsageError: the base is not one of the two, or cannot carry this environment.
    """
    if base not in Base.__args__:  # type: ignore[attr-defined]
        raise UsageError(f"--base {base}: is not one of {', '.join(Base.__args__)}")  # type: ignore[attr-defined]
    if base == "docker" and environment.debian:
        raise UsageError(
            f"environment {environment.name} needs Debian packages that the public base lacks "
            f"({', '.join(environment.debian)}); build it with --base debootstrap"
        )
    if client is None:
        with contextlib.closing(connect()) as ours:
            return build(environment, base, client=ours, say=say, rebuild=rebuild, mirror=mirror)
    hint = (
        "with --rebuild the next call begins anew" if rebuild else "the same command goes on from the finished layers"
    )
    with Progress(say) as progress, engine_trouble(progress, hint=hint):
        return _build(client, environment, base, progress, rebuild=rebuild, mirror=mirror)


def _build(
    client: Any, environment: Environment, base: Base, progress: Progress, *, rebuild: bool, mirror: str | None
) -> Image:
    tag, cache = environment.tag, platformdirs.user_cache_path("apigauge")
    progress.at(f"{tag}: waiting for another build on this machine")
    with _alone(cache / "build.lock"):
        progress.at(f"{tag}: looking for the image")
        if not rebuild and (image := _find(client, environment)) and _base(client, image) == base:
            progress(f"{tag}: already built")
            return image
        progress.at(f"{tag}: looking through the wheels on this machine")
        wheels = wheelhouse(environment, cache, progress)
        progress.at(f"{tag}: looking for the Debian base")
        arguments = {"BASE": debian_base(client, environment.debian, mirror, progress)} if base == "debootstrap" else {}
        made = _run(client, environment, base, arguments, wheels, progress, nocache=rebuild)
        progress.at(f"{tag}: reading which packages are in it")
        if (image := _find(client, environment)) is None:
            raise SandboxError(f"{tag}: the engine lost the image right after building it; build again")
        # Not before: what a failed build leaves behind are the layers that the next one goes on from.
        progress.at(f"{tag}: removing the stages it was built in")
        _sweep(client, environment, made)
    return image


def _base(client: Any, image: Image) -> str | None:
    labels: dict[str, str] = client.images.get(image.id).labels
    return labels.get(BASE_LABEL)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One build at a time: another's sweep would take away the stages this one still needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(
    client: Any,
    environment: Environment,
    base: Base,
    arguments: dict[str, str],
    wheels: Sequence[Path],
    progress: Progress,
    *,
    nocache: bool,
) -> frozenset[str]:
    """Let the engine work through the Dockerfile, and return what ``_follow`` does."""
    labels = {ENVIRONMENT_LABEL: environment.name, LOCK_LABEL: environment.lock_digest, BASE_LABEL: base}
    with tempfile.TemporaryFile() as context:
        progress.at(f"{environment.tag}: packing what the engine needs")
        _pack(environment, wheels, context)
        context.seek(0)
        progress.at(f"{environment.tag}: handing the engine what it needs")
        steps = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=environment.tag,
            labels=labels,
            buildargs=arguments,
            network_mode="none",
            nocache=nocache,
            rm=True,
            forcerm=True,
            decode=True,
        )
        return _follow(environment, steps, progress)


def _follow(environment: Environment, steps: Iterable[dict[str, Any]], say: Callable[[str], None]) -> frozenset[str]:
    """Pass on the steps as they begin, and return what the engine calls the images they came to, final and between.

    Raises:
        SandboxError: one failed; with the last lines of its output.
    """
    step, lines, trouble, made = "", deque[str](maxlen=_LAST_LINES), "", set[str]()
    # To the end even after an error, which is the last message: a stream left half-read keeps its socket.
    for message in steps:
        # The engine repeats the whole command before it says what came of it.
        trouble = trouble or str(message.get("error", ""))[-200:]
        for line in _COLOUR.sub("", str(message.get("stream", ""))).splitlines():
            if line.startswith("Step "):
                step = line[:100]
                say(f"{environment.tag}: {step}")
                lines.clear()
            elif match := _MADE.fullmatch(line.rstrip()):
                made.add(match[1])
            elif line.strip():
                lines.append(line)
    if trouble:
        head = f"{environment.tag}: building failed at {step or 'the start'}"
        hint = ("without a registry of images, use --base debootstrap",) if " FROM " in step else ()
        raise SandboxError("\n".join((head, *lines, trouble, *hint)))
    return frozenset(made)


def _pack(environment: Environment, wheels: Sequence[Path], context: IO[bytes]) -> None:
    """The build context: no more than the Dockerfile copies, with fixed times so that the engine's cache holds."""

    def clean(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o644
        return entry

    with tarfile.open(fileobj=context, mode="w", dereference=True) as tar:
        for name in ("Dockerfile", "lock.txt"):
            tar.add(environment.folder / name, arcname=name, filter=clean)
        for path in environment.overlay:
            tar.add(path, arcname=path.relative_to(environment.folder).as_posix(), filter=clean)
        for path in wheels:
            tar.add(path, arcname=f"wheelhouse/{path.name}", filter=clean)


def _sweep(client: Any, environment: Environment, made: frozenset[str]) -> None:
    """Remove what builds leave behind: these stages, earlier attempts, and the image whose tag was taken over.

    Stages carry no name of an environment. Those of another one may be what its next build goes on from, or needs now.
    """
    from docker.errors import APIError

    # What is in use, or being removed by somebody else, is the next build's to remove.
    with contextlib.suppress(APIError):
        client.images.prune(filters={"dangling": True, "label": f"{ENVIRONMENT_LABEL}={environment.name}"})
    for stage in client.api.images(filters={"dangling": True, "label": STAGE_LABEL}):
        if stage["Id"].removeprefix("sha256:").startswith(tuple(made)):
            with contextlib.suppress(APIError):
                client.api.remove_image(stage["Id"])


def _packages(client: Any, image: str) -> tuple[str, ...]:
    """Read from a container that is never started, so that nothing in the image runs on our behalf."""
    from docker.errors import NotFound

    container = client.containers.create(image, network_mode="none", labels=orphans.labels())
    try:
        chunks, _ = container.get_archive(PACKAGES)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            file = tar.extractfile(Path(PACKAGES).name)
            assert file is not None
            return tuple(file.read().decode().split())
    except NotFound as error:
        raise SandboxError(f"image {image} has no {PACKAGES}; remove it and build again") from error
    finally:
        container.remove(force=True)
