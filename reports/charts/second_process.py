"""Drawing in a process next to this one, which writes the other pages meanwhile.

Most of the time goes to loading matplotlib and laying out text. The process is given the runs without their answers'
texts, and returns what this one would have made: the same code on the same numbers.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace

from apigauge.reports.scored import LazyRows
from apigauge.reports.tables import Page

# What to draw: a benchmark, its number on the page, and its runs.
Task = tuple[str, int, Sequence[Page]]
Draw = Callable[[str, int, Sequence[Page]], str]
# With fewer runs it would take longer to start than it saves.
FEWEST_RUNS = 16
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from apigauge.reports.charts.second_process import main; "
    "from apigauge.reports.charts.page import draw; main(draw)"
)


def drawn(tasks: Sequence[Task], draw: Draw) -> Callable[[], list[str]]:
    """Begins to draw, and returns what waits for the texts; with few runs, or one core, it draws when it is called."""
    process = None
    if sum(len(pages) for _, _, pages in tasks) >= FEWEST_RUNS and (os.cpu_count() or 1) > 1 and sys.executable:
        process = _started(tasks)

    def texts() -> list[str]:
        made = _received(process) if process else None
        return [draw(*task) for task in tasks] if made is None else made

    return texts


def main(draw: Draw) -> None:
    """Draws what standard input says; the texts go to standard output."""
    tasks: Sequence[Task] = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this one
    pickle.dump([draw(*task) for task in tasks], sys.stdout.buffer)


def _started(tasks: Sequence[Task]) -> "subprocess.Popen[bytes] | None":
    """None where no process can be started."""
    content = pickle.dumps([(name, number, [_without_texts(page) for page in pages]) for name, number, pages in tasks])
    try:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            command = [sys.executable, "-c", _PROGRAM, *sys.path]
            # Our own interpreter on our own program.
            return subprocess.Popen(  # noqa: S603
                command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
    except OSError:
        return None


def _received(process: "subprocess.Popen[bytes]") -> list[str] | None:
    """None if the process failed: this one then does the same, and says why it cannot."""
    content, _ = process.communicate()
    return None if process.returncode else pickle.loads(content)  # noqa: S301 - of the process that was started


def _without_texts(page: Page) -> Page:
    # An empty list in place of what reads the answers, which the other process could not be sent.
    return replace(page, run=replace(page.run, rows=LazyRows(list, len(page.run.rows))))
