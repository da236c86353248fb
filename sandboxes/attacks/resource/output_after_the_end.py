"""A child floods the output after the program has ended.

A reader that waits for the end of the stream waits for the child; one that keeps everything keeps 1 GiB.
"""
# expect: passed | output_limit
import os
import time

if os.fork() == 0:
    time.sleep(0.2)
    end = time.monotonic() + 20
    for _ in range(16_384):
        os.write(1, b"x" * 65_536)
        if time.monotonic() > end:
            break
    os._exit(0)
