"""Changes all that a process inherits: variables, directory, umask, path, signal masks, streams, limits, priority."""
# expect: passed
import gc
import os
import resource
import signal
import sys

os.environ.clear()
os.environ.update(PYTHONPATH="/tmp", LD_PRELOAD="/tmp/x.so", HOME="/attack", ATTACK="1", PYTHONSTARTUP="/tmp/x.py")
os.putenv("PATH", "/tmp")
os.chdir("/")
os.umask(0o777)
sys.path[:] = ["/tmp"]
sys.argv[:] = ["attack"]
sys.setrecursionlimit(200)
sys.setswitchinterval(1000)
gc.disable()
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGSTOP, signal.SIGKILL})
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 100)
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
os.nice(19)
sys.stdin.close()
