"""Stops itself again and again while a child wakes it: a supervisor may see every stop late, or not at all."""
# expect: killed | timeout
import os
import signal
import time

own = os.getpid()
if os.fork() == 0:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.kill(own, signal.SIGCONT)
        except OSError:
            break
    os._exit(0)
end = time.monotonic() + 20
while time.monotonic() < end:
    os.kill(own, signal.SIGSTOP)
    raise_later = True
