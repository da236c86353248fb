"""A thread of its own for everything that changes an object's state, whoever calls: Ray's threads, or the caller's."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apigauge.harness.executors.ray_cluster import explained


class OwnThread:
    """Calls functions one after the other; close it after use.

    Args:
        name: of the thread.
        fail: gets what goes wrong in it, so that it is raised where results are waited for.
    """

    def __init__(self, name: str, fail: Callable[[BaseException], None]) -> None:
        self._fail = fail
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    def later(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls a function there, and does not wait for it; nothing happens once the thread is closed."""
        with contextlib.suppress(RuntimeError):
            self._pool.submit(self._guarded, function, *arguments)

    def _guarded(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._fail(explained(error))

    def close(self) -> None:
        """Ends the thread; what it has not begun is not done."""
        self._pool.shutdown(cancel_futures=True)
