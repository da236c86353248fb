"""Makes an API call that does not return."""
# expect: timeout
# stage: 2
# callee: time.sleep
import time

time.sleep(40)
