"""Makes its output non-blocking, fills it and leaves a thread blocked in a write."""
# expect: output_limit | passed
import os
import threading
import time

os.set_blocking(1, False)
try:
    for _ in range(8):
        os.write(1, b"x" * 65_536)
except BlockingIOError:
    pass
os.set_blocking(2, True)
threading.Thread(target=os.write, args=(2, b"x" * (8 << 20)), daemon=True).start()
time.sleep(0.3)
