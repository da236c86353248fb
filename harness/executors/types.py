"""The contract of executors: where answers are scored and where programs run.

The process that calls an executor stays the only one that writes the run; what an executor returns depends on the tasks
alone, so every executor yields the same rows.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from apigauge.harness.executors.prefetch import Pending
from apigauge.sandboxes.verdict import Sandbox

Task = TypeVar("Task")
Result = TypeVar("Result")

Say = Callable[[str], None]
# Opens a sandbox on the machine that calls it; picklable. The number is that of programs at once where the options name
# none, None for one on each core.
OpenSandbox = Callable[[int | None, Say], Sandbox]


class Executor(Protocol):
    """Where work is done."""

    def ordered(
        self,
        make: Callable[[], Callable[[Task], Result]],
        tasks: Iterable[Task | Pending],
        expected: int,
        set_aside: Callable[[Task, str], Result],
    ) -> Iterator[Result | Pending]:
        """Results of tasks in the order of the tasks, while later tasks are still being produced.

        Args:
            make: builds the function that does a task; called once in each process, so it must be picklable.
            tasks: drawn lazily, a bounded number ahead. At a ``PENDING``, the results so far are yielded, then
                ``PENDING``.
            expected: how many tasks there will be.
            set_aside: the result, with a reason, of a task that ends whatever process does it.

        Raises:
            ExecutorError: what does the work is lost. The results so far stand, and the rest can be asked for again.
        """
        ...

    def sandbox(self, open_sandbox: OpenSandbox, say: Say) -> Sandbox:
        """A sandbox whose programs run where this executor works; close it after use.

        Args:
            open_sandbox: opens it on one machine.
            say: receives lines for the user.

        Raises:
            SandboxError: no sandbox is available; the message says where, what is missing, and what to do.
        """
        ...
