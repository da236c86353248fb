"""Sets itself an alarm every millisecond whose handler sets the next, and computes in the handler."""
# expect: timeout
import signal
import time

end = time.monotonic() + 50


def ring(number, frame):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    sum(range(10_000))


signal.signal(signal.SIGALRM, ring)
ring(0, None)
while time.monotonic() < end:
    time.sleep(0.01)
