"""Computes for a millisecond in every half second, so that it is never idle for long and uses no CPU time to speak of.

An idle clock that starts again at every sign of life lets this run for ten minutes instead of five seconds.
"""
# expect: timeout
import time

end = time.monotonic() + 50
while time.monotonic() < end:
    time.sleep(0.5)
    stop = time.process_time() + 0.001
    while time.process_time() < stop:
        pass
