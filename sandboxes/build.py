"""The image of an environment: looked up on the engine, or built without a network from a base and a wheelhouse.

There are two bases for one Dockerfile: ``docker`` is the public image that the Dockerfile pins by digest,
``debootstrap`` is made from Debian packages on this host. With both, the packages come from wheels with locked digests,
every step runs without a network, and a label of the image holds the digest of the files it was built from. The next
build reuses the finished layers of one that failed or was killed.
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
from apigauge.sandboxes.engine import connect, engine_errors
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
# The line with which the engine reports the image of a finished step, not "Using cache" or "Running in".
_STAGE = re.compile(r" ?-{2,3}> ([0-9a-f]{11,64})")


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine.

    Attributes:
        id: the engine's digest of it (``sha256:...``), for the manifest.
        tag: the name that people type.
        lock_digest: digest of the files it was built from.
        packages: sorted ``name==version`` of everything Python and Debian have installed in it.
    """

    id: str
    tag: str
    lock_digest: str
    packages: tuple[str, ...]


def find_image(client: Any, environment: Environment) -> Image | None:
    """The environment's image if the engine has one that was built from the environment's present files, else None.

    Raises:
        SandboxError: the engine fails or does not answer.
    """
    with engine_errors(f"{environment.tag}: looking for the image"):
        return _find(client, environment)


def has_image(client: Any, environment: Environment) -> bool:
    """Whether :func:`find_image` would find one; creates no container to look into it.

    Raises:
        SandboxError: the engine is in trouble.
    """
    with engine_errors(f"{environment.tag}: looking for the image"):
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
    # Anyone can move a tag; the label was written by the build.
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
    """The environment's image, built if it does not exist.

    Args:
        environment: what to build.
        base: where Python itself comes from.
        client: of the engine to use; by default the engine that ``DOCKER_HOST`` names.
        say: receives the progress, a line at a time.
        rebuild: build even if the image exists, and reuse no layer. An existing Debian base is reused. Without it, a
            build reuses the layers that an earlier one finished before it failed or was killed.
        mirror: Debian mirror for debootstrap; by default the one that the host's apt uses.

    Raises:
        SandboxError: no engine, base or wheels, or a step or the engine failed; the message says which and how.
        UsageError: the base is not one of the two, or lacks Debian packages that this environment needs.
    """
    if base not in Base.__args__:  # type: ignore[attr-defined]
        raise UsageError(f"--base {base}: is not one of {', '.join(Base.__args__)}")  # type: ignore[attr-defined]
    if base == "docker" and environment.debian:
        raise UsageError(
            f"environment {environment.name} needs Debian packages that the public base lacks "
            f"({', '.join(environment.debian)}); build it with --base debootstrap"
        )
    if client is None:
        with contextlib.closing(connect()) as own_client:
            return build(environment, base, client=own_client, say=say, rebuild=rebuild, mirror=mirror)
    hint = (
        "with --rebuild the next call begins anew" if rebuild else "the same command resumes after the finished layers"
    )
    with Progress(say) as progress, engine_errors(progress, hint=hint):
        return _build(client, environment, base, progress, rebuild=rebuild, mirror=mirror)


def _build(
    client: Any, environment: Environment, base: Base, progress: Progress, *, rebuild: bool, mirror: str | None
) -> Image:
    tag, cache = environment.tag, platformdirs.user_cache_path("apigauge")
    progress.at(f"{tag}: waiting for another build on this machine")
    with _build_lock(cache / "build.lock"):
        progress.at(f"{tag}: looking for the image")
        if not rebuild and (image := _find(client, environment)) and _base(client, image) == base:
            progress(f"{tag}: already built")
            return image
        progress.at(f"{tag}: looking through the wheels on this machine")
        wheels = wheelhouse(environment, cache, progress)
        progress.at(f"{tag}: looking for the Debian base")
        arguments = {"BASE": debian_base(client, environment.debian, mirror, progress)} if base == "debootstrap" else {}
        stages = _build_image(client, environment, base, arguments, wheels, progress, nocache=rebuild)
        progress.at(f"{tag}: reading which packages are in it")
        if (image := _find(client, environment)) is None:
            raise SandboxError(f"{tag}: the image is missing right after it was built; build again")
        # Only now: the next build reuses the layers of a failed one.
        progress.at(f"{tag}: removing the stages it was built in")
        _sweep(client, environment, stages)
    return image


def _base(client: Any, image: Image) -> str | None:
    labels: dict[str, str] = client.images.get(image.id).labels
    return labels.get(BASE_LABEL)


@contextlib.contextmanager
def _build_lock(path: Path) -> Iterator[None]:
    """Lets one build run at a time: another's sweep would remove the stages that this one still needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build_image(
    client: Any,
    environment: Environment,
    base: Base,
    arguments: dict[str, str],
    wheels: Sequence[Path],
    progress: Progress,
    *,
    nocache: bool,
) -> frozenset[str]:
    """Let the engine run the Dockerfile; returns the stages, as ``_follow`` does."""
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
    """Report each step as it begins; returns the ids of the images that the steps made, the final one included.

    Raises:
        SandboxError: a step failed; with the last lines of its output.
    """
    step, lines, failure, stages = "", deque[str](maxlen=_LAST_LINES), "", set[str]()
    # To the end even after an error, which is the last message: a stream that is not read to its end keeps its socket.
    for message in steps:
        # The engine repeats the whole command before it reports the error itself.
        failure = failure or str(message.get("error", ""))[-200:]
        for line in _COLOUR.sub("", str(message.get("stream", ""))).splitlines():
            if line.startswith("Step "):
                step = line[:100]
                say(f"{environment.tag}: {step}")
                lines.clear()
            elif match := _STAGE.fullmatch(line.rstrip()):
                stages.add(match[1])
            elif line.strip():
                lines.append(line)
    if failure:
        head = f"{environment.tag}: building failed at {step or 'the start'}"
        hint = ("if no registry of images is reachable, use --base debootstrap",) if " FROM " in step else ()
        raise SandboxError("\n".join((head, *lines, failure, *hint)))
    return frozenset(stages)


def _pack(environment: Environment, wheels: Sequence[Path], context: IO[bytes]) -> None:
    """Pack the build context: only files that the Dockerfile copies, with fixed times so that its cache works."""

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


def _sweep(client: Any, environment: Environment, stages: frozenset[str]) -> None:
    """Remove what builds leave behind: these stages, images of failed builds, and the image that lost its tag.

    Stages of other environments, which have no label with its name, are not removed: its next build may reuse them.
    """
    from docker.errors import APIError

    # An image that is in use, or being removed by another process, is left to the next build.
    with contextlib.suppress(APIError):
        client.images.prune(filters={"dangling": True, "label": f"{ENVIRONMENT_LABEL}={environment.name}"})
    for image in client.api.images(filters={"dangling": True, "label": STAGE_LABEL}):
        if image["Id"].removeprefix("sha256:").startswith(tuple(stages)):
            with contextlib.suppress(APIError):
                client.api.remove_image(image["Id"])


def _packages(client: Any, image: str) -> tuple[str, ...]:
    """The image's packages, read from a container that is never started, so that nothing in the image runs."""
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
