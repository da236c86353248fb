"""Computes without end (50 seconds)."""
# expect: timeout
import time

end = time.monotonic() + 50
while time.monotonic() < end:
    pass
