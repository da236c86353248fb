"""The same thirty times at once, each in a session of its own."""
# expect: passed | process_limit | timeout
import os
import time

end = time.monotonic() + 5
for _ in range(30):
    if os.fork() == 0:
        os.setsid()
        while time.monotonic() < end:
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                time.sleep(0.001)
        os._exit(0)
