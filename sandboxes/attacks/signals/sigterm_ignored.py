"""Ignores SIGTERM, SIGINT and SIGHUP and computes on: asking it to end is no way to end it."""
# expect: timeout
import signal
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
end = time.monotonic() + 50
while time.monotonic() < end:
    pass
