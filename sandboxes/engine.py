"""The engine's client, which has no deadline while the engine works, and the engine's errors as SandboxError.

How long a commit, an import or the removal of a container takes depends on the machine: a disk may be slow or busy. So
work has no deadline; only the first question, whether an engine answers at all, has one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from apigauge.errors import SandboxError

# A running engine answers a ping at once, even while its disk is busy.
ANSWER_SECONDS = 30.0


def connect(answer_seconds: float | None = None) -> Any:
    """A client of the engine that the usual variables (``DOCKER_HOST``) name; its calls have no timeout.

    Args:
        answer_seconds: how long to wait for the engine's first answer; by default ``ANSWER_SECONDS``.

    Raises:
        SandboxError: no engine answers.
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
def engine_errors(what: object, *, temporary: type[Exception] = SandboxError, hint: str = "") -> Iterator[None]:
    """Turns a refusal by the engine into SandboxError, and an error that may be temporary into another one.

    An ``OSError`` of a file on this machine is not the engine's and is not caught; the engine's errors arrive as those
    of the package, ``requests`` or ``urllib3``.

    Args:
        what: what was being done, for the message; ``str()`` is taken when the error occurs.
        temporary: raised for errors that may be temporary: the engine is gone, broke off, or failed.
        hint: what to do about those.
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
        raise temporary(f"{what}: the engine failed: {error.explanation}{hint}") from error
    except (DockerException, StreamParseError, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise temporary(f"{what}: the engine does not answer ({error}){hint}") from error
