"""Opens a sandbox: a named kind, or the best one that works on this machine.

No program runs without isolation, unless the caller has accepted that and named the kind ``process``.
"""

from collections.abc import Callable
from typing import Literal

from apigauge.errors import SandboxError
from apigauge.sandboxes import environments
from apigauge.sandboxes.environments.find import find
from apigauge.sandboxes.hubs import Hub
from apigauge.sandboxes.inputs import Inputs
from apigauge.sandboxes.process import check, check_namespaces, namespaces_work
from apigauge.sandboxes.verdict import Limits, Sandbox

Kind = Literal["auto", "docker", "process"]
KINDS: tuple[Kind, ...] = ("auto", "docker", "process")


def open_sandbox(
    kind: Kind,
    environment: str | environments.Environment,
    limits: Limits | None = None,
    *,
    concurrency: int | None = None,
    runtime: str | None = None,
    hub: Hub | None = None,
    inputs: Inputs = "none",
    accepts_no_isolation: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Sandbox:
    """Opens a sandbox; close it after use.

    Args:
        kind: ``auto`` takes docker if an engine answers and has the environment's image, else process with bubblewrap.
        environment: as for :func:`apigauge.sandboxes.environments.find.find`.
        limits: by default those of :class:`Limits`.
        concurrency: programs at once; by default one for each core.
        runtime: another OCI runtime for docker, e.g. ``runsc``.
        hub: the models that programs can load; none by default.
        inputs: ``fixtures`` gives programs a small valid file for each path and address that does not exist.
        accepts_no_isolation: with the kind ``process``, programs run without isolation where bubblewrap does not work.
        say: receives lines for the user: why docker was not taken, what the process sandbox does not protect from.

    Raises:
        SandboxError: it is unavailable; the message says what is missing and what to do.
        UsageError: there is no such environment.
    """
    namespaces = not accepts_no_isolation or kind != "process" or namespaces_work()
    if isinstance(environment, str):
        environment = find(environment, say)
    sandbox = _open(kind, environment, limits, concurrency, runtime, hub, inputs, say, namespaces=namespaces)
    if hub and hub.mode == "live":
        from apigauge.sandboxes.hubs.live import LiveSandbox

        return LiveSandbox(sandbox, hub)
    return sandbox


def _open(
    kind: Kind,
    environment: environments.Environment,
    limits: Limits | None,
    concurrency: int | None,
    runtime: str | None,
    hub: Hub | None,
    inputs: Inputs,
    say: Callable[[str], None],
    *,
    namespaces: bool,
) -> Sandbox:
    from apigauge.sandboxes.docker import DockerSandbox
    from apigauge.sandboxes.process import ProcessSandbox

    if kind == "process":
        return ProcessSandbox(environment, limits, concurrency, namespaces=namespaces, hub=hub, inputs=inputs, say=say)
    try:
        return DockerSandbox(environment, limits, concurrency, runtime=runtime, hub=hub, inputs=inputs)
    except SandboxError as error:
        if kind == "docker":
            raise
        without_docker = str(error)
    try:
        sandbox = ProcessSandbox(environment, limits, concurrency, hub=hub, inputs=inputs, say=say)
    except SandboxError as error:
        raise SandboxError(f"no sandbox is available. docker: {without_docker} process: {error}") from error
    say(f"not in Docker: {without_docker}")
    return sandbox


def availability(
    kind: Kind, environment: environments.Environment, *, accepts_no_isolation: bool = False
) -> Literal["docker", "process"]:
    """Which sandbox :func:`open_sandbox` would take, found out without starting one.

    Raises:
        SandboxError: none is available; says what is missing and what to do.
    """
    if kind == "process":
        check(environment)
        if not accepts_no_isolation:
            check_namespaces()
        return "process"
    try:
        _check_docker(environment)
    except SandboxError as error:
        if kind == "docker":
            raise
        without_docker = str(error)
    else:
        return "docker"
    try:
        check(environment)
        check_namespaces()
    except SandboxError as error:
        raise SandboxError(f"no sandbox is available. docker: {without_docker} process: {error}") from error
    return "process"


def _check_docker(environment: environments.Environment) -> None:
    """Refuses an engine that does not answer or lacks the environment's image."""
    from apigauge.sandboxes.build import has_image
    from apigauge.sandboxes.engine import connect

    client = connect()
    try:
        if not has_image(client, environment):
            raise SandboxError(
                f"the image of {environment.name!r} is not built: `apigauge sandbox build {environment.called}`."
            )
    finally:
        client.close()
