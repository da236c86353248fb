"""One of our own programs, run once by the Python of an environment: in its image, or in bubblewrap.

For what looks at a package rather than at an answer: there is no network and nothing can be written but ``/tmp``, and
what the program prints comes back whole.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from apigauge.errors import SandboxError
from apigauge.sandboxes import orphans, worker_channel
from apigauge.sandboxes.environments import Environment, virtual
from apigauge.sandboxes.process import bubblewrap, check_namespaces
from apigauge.sandboxes.verdict import Limits

_SECONDS = 300.0
_MEMORY = "4g"
_LAST_LINES = 12


def run_script(
    environment: Environment,
    kind: Literal["docker", "process"],
    source: str,
    arguments: Sequence[str],
    *,
    namespaces: bool = True,
) -> str:
    """What a program prints.

    Args:
        environment: whose packages it sees.
        kind: ``docker`` needs the environment's image.
        source: of the program.
        arguments: of its command line.
        namespaces: for ``process``, whether to use bubblewrap.

    Raises:
        SandboxError: the program failed, or there is no sandbox of this kind; with its last words.
    """
    if kind == "docker":
        return _in_image(environment, source, arguments)
    python = virtual.python(environment) if virtual.is_needed(environment) else Path(sys.executable)
    command = [str(python), *worker_channel.PYTHON_OPTIONS, source, *arguments]
    if namespaces:
        check_namespaces()
        command = [*bubblewrap(python, Limits(), None, "none", {}), *command]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env=worker_channel.VARIABLES | environment.variables,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"environment {environment.name}: a program did not end within {_SECONDS:.0f} s") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        raise SandboxError("\n".join((f"environment {environment.name}: a program failed:", *lines)))
    return done.stdout.decode("utf-8", "replace")


def _in_image(environment: Environment, source: str, arguments: Sequence[str]) -> str:
    from docker.errors import ContainerError

    from apigauge.sandboxes.build import find_image
    from apigauge.sandboxes.engine import connect, engine_errors

    client = connect()
    try:
        image = find_image(client, environment)
        if image is None:
            raise SandboxError(
                f"the image of {environment.name!r} is not built: `apigauge sandbox build {environment.folder}`."
            )
        with engine_errors(f"{environment.tag}: running a program"):
            printed = client.containers.run(
                image.id,
                ["python3", *worker_channel.INNER_OPTIONS, source, *arguments],
                network_mode="none",
                read_only=True,
                tmpfs={"/tmp": "rw,size=256m"},  # noqa: S108 - inside the container
                user="65534:65534",
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                mem_limit=_MEMORY,
                pids_limit=128,
                environment=worker_channel.VARIABLES | environment.variables,
                labels=orphans.labels(),
                remove=True,
            )
    except ContainerError as error:
        lines = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        raise SandboxError("\n".join((f"environment {environment.name}: a program failed:", *lines))) from error
    finally:
        client.close()
    return bytes(printed).decode("utf-8", "replace")
