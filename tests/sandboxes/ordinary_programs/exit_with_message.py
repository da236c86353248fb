# callee: print
import sys

print("to standard output")
print("to standard error", file=sys.stderr)
sys.exit("a message at the end")
