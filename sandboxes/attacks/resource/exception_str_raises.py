"""An exception whose __str__, __repr__, args and __traceback__ raise or lie."""
# expect: failed/other


class Broken(RuntimeError):
    def __str__(self):
        raise self

    __repr__ = __str__
    args = property(__str__)
    __notes__ = property(__str__)


raise Broken
