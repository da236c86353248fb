"""Stops itself from a generator that is closed while its caller handles the exception."""
# expect: early_exit | killed
# stage: 2
import signal


def endless():
    try:
        while True:
            yield
    finally:
        signal.raise_signal(signal.SIGSTOP)


generator = endless()
next(generator)
raise SystemExit(generator)
