"""Which sandbox there is on this machine."""

from collections.abc import Callable
from typing import Literal

from apigauge.errors import SandboxError
from apigauge.sandboxes import environments
from apigauge.sandboxes.verdict import Limits, Sandbox

Kind = Literal["auto", "docker", "process"]
KINDS: tuple[Kind, ...] = ("auto", "docker", "process")


def open_sandbox(
    kind: Kind,
    environment: str,
    limits: Limits | None = None,
    *,
    concurrency: int | None = None,
    runtime: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Sandbox:
    """A sandbox of a kind, started; close it after use.

    Args:
        kind: ``auto`` takes docker where an engine answers and has the environment's image, else process.
        environment: a folder of ``sandboxes/environments``.
        limits: by default those of :class:`Limits`.
        concurrency: programs at once; by default as many as there are cores.
        runtime: another OCI runtime for docker, e.g. ``runsc``.
        say: gets what the person should know: why docker was not taken, what the process sandbox does not protect from.

    Raises:
        SandboxError: it cannot be had; says what is missing and what to do.
        UsageError: there is no such environment.
    """
    from apigauge.sandboxes.docker import DockerSandbox
    from apigauge.sandboxes.process import ProcessSandbox

    found = environments.load(environment)
    if kind == "process":
        return ProcessSandbox(found, limits, concurrency, say=say)
    try:
        return DockerSandbox(found, limits, concurrency, runtime=runtime)
    except SandboxError as error:
        if kind == "docker":
            raise
        without_docker = str(error)
    try:
        sandbox = ProcessSandbox(found, limits, concurrency, say=say)
    except SandboxError as error:
        raise SandboxError(f"no sandbox can be had. docker: {without_docker} process: {error}") from error
    say(f"not in Docker: {without_docker}")
    return sandbox
