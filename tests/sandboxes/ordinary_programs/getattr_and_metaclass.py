# callee: Registry
class Meta(type):
    kinds = []

    def __new__(mcs, name, bases, space, **keywords):
        mcs.kinds.append(name)
        made = super().__new__(mcs, name, bases, space)
        made.options = keywords
        return made

    def __call__(cls, *args):
        print("make", cls.__name__, args)
        return super().__call__(*args)


class Registry(metaclass=Meta, depth=3):
    __slots__ = ("name",)

    def __init__(self, name="none"):
        self.name = name

    def __init_subclass__(cls, **keywords):
        print("subclass", cls.__name__)

    def __getattr__(self, name):
        return f"no {name}"


class Child(Registry):
    pass


one = Registry("x")
print(one.name, one.other, Registry.options, Meta.kinds, type(Child) is Meta, Child.__mro__)
print(type("Dynamic", (Child,), {}).__module__, isinstance(Child(), Registry), one.__class__.__qualname__)
print(sorted(name for name in dir(Registry) if not name.startswith("__")))
