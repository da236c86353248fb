# callee: print
import os

print("working", os.path.sep)
exit()
