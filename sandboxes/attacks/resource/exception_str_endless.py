"""An exception whose __str__ never returns (50 seconds): formatting it is running the program, and counts as such."""
# expect: timeout | failed/other
import time


class Endless(RuntimeError):
    def __str__(self):
        end = time.monotonic() + 50
        while time.monotonic() < end:
            pass
        return "done"


raise Endless
