"""A chain of orphans, each computing for 20 ms before it forks the next and ends; the program itself only waits.

Nobody waits for them but PID 1, so their time is in no getrusage(RUSAGE_CHILDREN) of the program.
"""
# expect: timeout
import os
import time

end = time.monotonic() + 50
reader, writer = os.pipe()
if os.fork() == 0:
    while time.monotonic() < end:
        stop = time.process_time() + 0.02
        while time.process_time() < stop:
            pass
        if os.fork():
            os._exit(0)
    os._exit(0)
os.close(writer)
os.read(reader, 1)
