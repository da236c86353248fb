"""Stops itself from the handler of an alarm that rings every 0.2 ms while its caller deals with its failure."""
# expect: early_exit | killed
# stage: 2
import signal

armed = False


def ring(number, frame):
    if armed:
        signal.raise_signal(signal.SIGSTOP)


signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
armed = True
raise SystemExit(3)
