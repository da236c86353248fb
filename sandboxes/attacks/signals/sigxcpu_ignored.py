"""Ignores SIGXCPU, which the soft limit on CPU time sends once a second, and raises that limit to the hard one."""
# expect: timeout
import resource
import signal
import time

signal.signal(signal.SIGXCPU, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))
end = time.monotonic() + 50
while time.monotonic() < end:
    pass
