"""Has a timer run its own code while its tests run.

A fix could stop the timer and not the signal that is already on its way.
"""
# expect: passed
# tests: import time; time.sleep(0.2); assert total == 6
import signal


def correct(number, frame):
    global total
    total = 6


signal.signal(signal.SIGALRM, correct)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.01)
total = 5
