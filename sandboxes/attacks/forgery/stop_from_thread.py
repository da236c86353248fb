"""A thread stops the process while the main thread is where a program that ends would be: in a call to the kernel."""
# expect: killed
# stage: 2
import os
import signal
import threading
import time


def stop():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGSTOP)


threading.Thread(target=stop, daemon=True).start()
time.sleep(2)
raise RuntimeError("failed")
