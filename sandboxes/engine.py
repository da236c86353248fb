"""The engine's client, which waits for as long as the engine works, and the engine's errors, told as the engine's.

How long a commit, an import or the removal of a container takes is the machine's affair: a disk may be slow or busy
with something else. So no work has a deadline. Only the question whether an engine is there at all has one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from apigauge.errors import SandboxError

# An engine that is alive says so at once, also while its disk is busy.
ANSWER_SECONDS = 30.0


def connect(answer_seconds: float | None = None) -> Any:
    """A client of the engine that the usual variables (``DOCKER_HOST``) name; its calls wait without an end.

    Args:
        answer_seconds: how long to wait for the engine's first answer; by default ``ANSWER_SECONDS``.

    Raises:
        SandboxError: none answers.
    """
    import docker
    import requests
    from docker.errors import DockerException

    client = None
    try:
        client = docker.from_env(timeout=ANSWER_SECONDS if answer_seconds is None else answer_seconds)
        client.ping()
    except (DockerException, requests.RequestException) as error:
        if client is not None:
            client.close()
        raise SandboxError(f"no Docker engine answers ({error}); start one or set DOCKER_HOST") from error
    client.api.timeout = None
    return client


@contextlib.contextmanager
def engine_trouble(what: object, *, passing: type[Exception] = SandboxError, hint: str = "") -> Iterator[None]:
    """Turns what the engine refuses for good into SandboxError, and what may pass into another error.

    An error of a file on this machine is none of the engine's and goes through: the package tells the engine's as
    ``requests`` or ``urllib3`` do, and ``requests`` derives its own from ``OSError``.

    Args:
        what: was being done; as it is called at the moment of the trouble.
        passing: raised for what may pass: the engine is gone, broke off, or failed.
        hint: what to do then.
    """
    import requests
    import urllib3
    from docker.errors import APIError, DockerException, ImageNotFound, StreamParseError

    hint = f"; {hint}" if hint else ""
    try:
        yield
    except ImageNotFound as error:
        raise SandboxError(
            f"{what}: the image is gone from the engine ({error.explanation}); build it again."
        ) from error
    except APIError as error:
        if error.status_code is not None and 400 <= error.status_code < 500 and error.status_code not in (404, 409):
            raise SandboxError(f"{what}: the engine refused it: {error.explanation}") from error
        raise passing(f"{what}: the engine failed: {error.explanation}{hint}") from error
    except (DockerException, StreamParseError, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise passing(f"{what}: the engine does not answer ({error}){hint}") from error
