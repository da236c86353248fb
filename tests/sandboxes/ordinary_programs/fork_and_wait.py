# callee: os.fork
import os
import signal
import sys
import time

read, write = os.pipe()
child = os.fork()
if child == 0:
    os.close(read)
    os.write(write, f"child of parent: {os.getppid() > 0}".encode())
    os._exit(7)
os.close(write)
print(os.fdopen(read).read())
pid, status = os.waitpid(child, 0)
print(pid == child, os.waitstatus_to_exitcode(status))
sys.stdout.flush()
second = os.fork()
if second == 0:
    time.sleep(60)
    os._exit(0)
os.kill(second, signal.SIGTERM)
print(os.WTERMSIG(os.waitpid(second, 0)[1]) == signal.SIGTERM)
try:
    os.wait()
except ChildProcessError as error:
    print(error)
sys.stdout.flush()
third = os.fork()
if third == 0:
    print("from the third")
    sys.exit(0)
os.waitpid(third, 0)
print("parent ends")
