"""An exception whose text and class name are no strings, and whose metaclass answers every question with True."""
# expect: failed/other


class Meta(type):
    def __instancecheck__(cls, instance):
        return True

    def __subclasscheck__(cls, subclass):
        return True

    def __eq__(cls, other):
        return True

    __hash__ = type.__hash__
    __name__ = property(lambda cls: 42)
    __qualname__ = property(lambda cls: 42)
    __mro__ = property(lambda cls: (SystemExit, MemoryError))


class Liar(RuntimeError, metaclass=Meta):
    __module__ = 42

    def __str__(self):
        return Text("fine")


class Text(str):
    def __str__(self):
        raise self_destruct

    encode = split = strip = __getitem__ = __len__ = __str__


self_destruct = KeyError("text")
raise Liar
