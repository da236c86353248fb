"""Dies of a real-time signal, which has a number but no name."""
# expect: killed
import os
import signal

os.kill(os.getpid(), signal.SIGRTMIN + 3)
