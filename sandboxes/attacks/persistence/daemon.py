"""Leaves a daemon (double fork, setsid) that goes on writing to /tmp and to its directory for 30 seconds."""
# expect: passed
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    end = time.monotonic() + 30
    number = 0
    while time.monotonic() < end:
        number += 1
        try:
            with open(os.path.join(os.environ["TMPDIR"], f"daemon{number}"), "w") as file:
                file.write("still here")
        except OSError:
            pass
        time.sleep(0.002)
    os._exit(0)
