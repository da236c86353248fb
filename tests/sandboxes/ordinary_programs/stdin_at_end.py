# callee: input
import os
import sys

try:
    input("name? ")
except EOFError as error:
    print()
    print("error:", error)
print(repr(sys.stdin.read()), sys.stdin.readline() == "", list(sys.stdin), sys.stdin.isatty())
print(os.read(0, 10), sys.stdin.fileno(), sys.stdin.closed, sys.stdin.errors, sys.stdin.readable())
print(sys.stdin.buffer.read(), sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3])
