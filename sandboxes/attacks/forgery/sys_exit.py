"""sys.exit(0) in the middle: exit status 0 is what most harnesses take for success."""
# expect: early_exit
# stage: 2
import sys

sys.exit(0)
raise RuntimeError("the rest of the program")
