# callee: signal.signal
import os
import signal
import threading
import time

print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
print([signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGALRM, signal.SIGHUP)])


def handle(number, frame):
    print("got", signal.Signals(number).name, frame.f_code.co_name)


print(signal.signal(signal.SIGUSR1, handle))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    print("interrupted")
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.strsignal(9), "end")
try:
    threading.Thread(target=lambda: None).start()
    signal.signal(signal.SIGKILL, handle)
except OSError as error:
    print(error)
print(signal.set_wakeup_fd(-1), os.getpgid(0) == os.getpgrp())
