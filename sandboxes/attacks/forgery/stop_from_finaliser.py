"""Stops itself from a __del__ that runs when its caller drops the exception and the namespace."""
# expect: early_exit | killed
# stage: 2
import signal


class Stopper:
    def __del__(self, stop=signal.raise_signal, number=signal.SIGSTOP):
        stop(number)


class Failure(SystemExit):
    pass


failure = Failure()
failure.stopper = Stopper()
error, failure = failure, None
holder = [error]
del error
raise holder.pop()
