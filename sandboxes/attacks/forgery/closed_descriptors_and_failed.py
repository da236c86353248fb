"""Closes every descriptor and fails."""
# expect: failed/other
import os

os.closerange(0, 256)
raise RuntimeError("failed")
