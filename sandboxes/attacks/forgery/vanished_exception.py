"""A BaseException that claims to be nothing: no type, no text, equal to everything, false."""
# expect: failed/other
# stage: 2


class Nothing(BaseException):
    __class__ = property(lambda self: type(None))

    def __eq__(self, other):
        return True

    def __bool__(self):
        return False

    def __getattribute__(self, name):
        return None

    __hash__ = None


raise Nothing
