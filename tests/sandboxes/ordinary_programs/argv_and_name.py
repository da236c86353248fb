# callee: sys.argv.copy
import os
import sys

print(__name__, len(sys.argv), os.path.basename(sys.argv[0]))
print(sys.argv.copy() == sys.argv, sys.argv[0] in ("program.py", __file__))
print(os.path.basename(sys.executable).startswith("python"), os.path.isabs(sys.executable))
print(sys.orig_argv[-1] == sys.argv[0], sys.flags.interactive, sys.flags.optimize, sys.dont_write_bytecode)
if __name__ == "__main__":
    print("main")
