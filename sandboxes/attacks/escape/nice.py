"""Raises its priority above everything else's."""
# expect: failed/other
# where: docker process
import os

os.setpriority(os.PRIO_PROCESS, 0, -20)
raise AssertionError("escaped: runs before others")
