"""What a child reports to the supervisor, in a page of memory that both share."""

import json
import mmap
import os
from typing import Any

# As JSON; the first four bytes are its length.
PAGE_BYTES = 1 << 16


class Report:
    """The child's report to the supervisor in a shared memory page: how far it came, and what stopped it."""

    def __init__(self, page: mmap.mmap) -> None:
        self._page = page
        self._process = os.getpid()
        self.facts: dict[str, Any] = {"stage": 0}

    def update(self, **facts: Any) -> None:
        """Adds facts; the page always holds one complete report. Calls in the program's other processes are ignored."""
        if os.getpid() != self._process:
            return
        self.facts |= facts
        body = json.dumps(self.facts).encode("ascii")[: PAGE_BYTES - 4]
        self._page[4 : 4 + len(body)] = body
        self._page[:4] = len(body).to_bytes(4, "big")


def read_report(page: mmap.mmap) -> dict[str, Any]:
    """The report on a page, which the program may have overwritten: anything malformed is an empty report."""
    length = int.from_bytes(page[:4], "big")
    try:
        facts = json.loads(page[4 : 4 + length]) if length <= PAGE_BYTES - 4 else {}
    except (ValueError, RecursionError):
        facts = {}
    return facts if isinstance(facts, dict) else {}
