# callee: atexit.register
import atexit
import sys


@atexit.register
def last():
    print("last")


atexit.register(print, "middle", file=sys.stderr)
atexit.register(print, "first", flush=True)
first = atexit.unregister(len)
print("end of program", first)
