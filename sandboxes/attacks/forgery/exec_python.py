"""Becomes another Python that does nothing."""
# expect: early_exit
# stage: 2
import os
import sys

os.execv(sys.executable, [sys.executable, "-c", ""])
