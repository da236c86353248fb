"""Sleeps for less than the limit, then waits for a core among its own threads, and computes."""
# expect: passed | timeout
import threading
import time

time.sleep(0.7)
end = time.process_time() + 0.5
threads = [threading.Thread(target=lambda: [None for _ in iter(lambda: time.process_time() < end, False)]) for _ in range(8)]
for thread in threads:
    thread.start()
