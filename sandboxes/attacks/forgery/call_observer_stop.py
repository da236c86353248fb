"""Does what the observer does when a call has returned (stops itself), and hopes to be taken for it."""
# expect: killed
# stage: 2
# callee: json.loads
import json
import signal

original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
signal.raise_signal(signal.SIGSTOP)
