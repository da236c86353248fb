"""os._exit(0) in the middle: no handler, no exception, no flush."""
# expect: early_exit
# stage: 2
import os

os._exit(0)
raise RuntimeError("the rest of the program")
