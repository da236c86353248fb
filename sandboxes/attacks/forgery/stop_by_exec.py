"""Stops itself through the very function with which its caller runs it: exec, at the same nesting as the runner."""
# expect: killed
# stage: 2
import signal

exec(signal.raise_signal.__name__ and compile("signal.raise_signal(signal.SIGSTOP)", "program.py", "exec"))
raise RuntimeError("failed")
