"""The executor that a name stands for."""

import contextlib
import os
from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

from apigauge.errors import UsageError
from apigauge.harness.executors.types import Executor

Name: TypeAlias = Literal["local", "ray"]
NAMES: tuple[Name, ...] = get_args(Name)


@contextlib.contextmanager
def opened(name: str, address: str | None, workers: int | None) -> Iterator[Executor]:
    """The executor of that name, closed afterwards.

    Args:
        name: one of ``NAMES``.
        address: HOST:PORT of a Ray cluster; by default ``$RAY_ADDRESS``, and without that Ray is started here.
        workers: processes, or chunks, of scoring at once.

    Raises:
        UsageError: there is no such executor, or an address is given for the local one.
    """
    if name not in NAMES:
        raise UsageError(f"executor: {name!r} is none of {', '.join(NAMES)}")
    if name == "local":
        if address:
            raise UsageError("--ray-address (in Python ray_address): is for the executor ray")
        from apigauge.harness.executors.local import LocalExecutor

        yield LocalExecutor(workers)
        return
    from apigauge.harness.executors.ray import RayExecutor

    with contextlib.closing(RayExecutor(address or os.environ.get("RAY_ADDRESS"), workers)) as executor:
        yield executor
