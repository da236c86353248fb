"""Asks for real-time scheduling: a loop would then keep the supervisor from its core."""
# expect: failed/other
# where: docker process
import os

os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
raise AssertionError("escaped: runs before everything")
