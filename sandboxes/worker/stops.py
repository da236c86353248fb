"""What a child's stop means: its end, the return of its API call, a call to be recorded, or nothing that it may do."""

import contextlib
from typing import Any

from apigauge.sandboxes.worker import arguments, child, kernel, observer, watch


class Stops:
    """Judges the stops of one child, from outside.

    Args:
        pid: the child, which is stopped just before the program begins.
        report: its report so far, which apigauge's own code has written.
        frames: reads its frames; None where they are not known, and where a stop means is then taken on its word.

    Attributes:
        frames: None too if this kernel or runtime does not let the child's memory be read.
        calls: the calls recorded.
    """

    def __init__(self, pid: int, report: dict[str, Any], frames: watch.Frames | None) -> None:
        self._pid = pid
        self._start = kernel.place(pid)
        self._code_at = report.get("memory", [])
        self._runner = report.get("runner", 0)
        self._ends = {name: report.get(name, []) for name in child.STOPS}
        self._wrapper = (report.get("wrapper", 0), report.get("stops", []))
        self._recorded = report.get("recorded", [])
        self.calls: list[dict[str, Any]] = []
        self.frames = frames
        if frames:
            try:
                self._frame = frames.main(pid)
                self._code = frames.contents(pid, self._code_at)
            except OSError:
                self.frames = None

    @property
    def has_place(self) -> bool:
        """Whether the kernel says where the child stands."""
        return self._start is not None

    @property
    def is_watched(self) -> bool:
        """Whether there is an API call whose return is observed."""
        return bool(self._wrapper[0])

    def at_end(self, which: str = "ends") -> bool:
        """Whether the child stands where it stood before the program began, but at another of the runner's stops.

        Args:
            which: one of ``child.STOPS``; where frames are not known, any of them will do.
        """
        if kernel.place(self._pid) != self._start:
            return False
        return self.frames is None or bool(self._intact(self._runner, self._ends[which], frame=self._frame))

    def has_returned(self) -> bool:
        """Whether a thread stands where the program's API call has returned."""
        return self.is_watched and (self.frames is None or bool(self._intact(*self._wrapper)))

    def records(self) -> bool:
        """Whether threads stand where their calls are to be recorded; notes those calls."""
        stands = False
        for one in self._recorded if self.frames else ():
            for frame in self._intact(one["code"], one["records"]):
                stands = True
                self._note(one, frame)
        return stands

    def _note(self, one: dict[str, Any], frame: int) -> None:
        if self.frames is None or len(self.calls) >= arguments.MAX_CALLS:
            return
        with contextlib.suppress(OSError):
            stack = one["stack"]
            passed = self.frames.objects(self._pid, frame, [stack + observer.POSITIONAL, stack + observer.KEYWORDS])
            positional, keywords = passed
            if isinstance(positional, tuple) and isinstance(keywords, dict):
                call = arguments.record(one["function"], positional[one["skipped"] :], keywords)
                if call and call not in self.calls:
                    self.calls.append(call)

    def _intact(self, code: int, instructions: list[int], frame: int | None = None) -> list[int]:
        """The frames at these instructions of a code; none if a code has been changed."""
        with contextlib.suppress(OSError):  # killed by another process of the program while it was stopped
            if self.frames and self.frames.contents(self._pid, self._code_at) == self._code:
                return self.frames.at(self._pid, code, instructions, frame)
        return []
