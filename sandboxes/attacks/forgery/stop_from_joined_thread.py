"""Leaves in the middle with a thread running, which stops the process a little later."""
# expect: early_exit | killed
# stage: 2
import signal
import threading
import time


def stop():
    time.sleep(0.2)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGSTOP)


threading.Thread(target=stop).start()
raise SystemExit(3)
