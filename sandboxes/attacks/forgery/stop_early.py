"""Stops itself, the sign of having reached the end, as its first act."""
# expect: killed
# stage: 2
import signal

signal.raise_signal(signal.SIGSTOP)
raise RuntimeError("failed")
