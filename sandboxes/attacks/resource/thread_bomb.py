"""Starts threads until refused, at most 2,000.

A limit on processes that does not count threads, or a count of children, misses it.
"""
# expect: process_limit
import threading
import time

for _ in range(2_000):
    threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
