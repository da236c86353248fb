"""Does what the observer does when a call has returned (stops itself), and hopes to be taken for it."""
# expect: killed
# stage: 2
# callee: json.loads
import json
import signal

original = getattr(json.loads, "__wrapped__", json.loads)
signal.raise_signal(signal.SIGSTOP)
