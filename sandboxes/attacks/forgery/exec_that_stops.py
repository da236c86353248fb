"""Becomes another Python that stops itself, as a program does that has reached its end."""
# expect: killed
# stage: 2
import os
import sys

os.execv(sys.executable, [sys.executable, "-c", "import signal; signal.raise_signal(signal.SIGSTOP)"])
