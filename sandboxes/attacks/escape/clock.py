"""Sets the clock, to the time it is; it is in no namespace."""
# expect: failed/other
# where: docker process
import time

time.clock_settime(time.CLOCK_REALTIME, time.time())
raise AssertionError("escaped: set the clock")
