# callee: typing.TypeVar
import dataclasses
import typing
from collections import namedtuple

T = typing.TypeVar("T")
P = typing.ParamSpec("P")
UserId = typing.NewType("UserId", int)
Row = namedtuple("Row", "a b", defaults=[0])
Other = namedtuple("Other", ["x", "class"], rename=True, module="elsewhere")
Person = typing.NamedTuple("Person", [("name", str), ("age", int)])
Settings = typing.TypedDict("Settings", {"depth": int}, total=False)
Made = dataclasses.make_dataclass("Made", [("x", int), ("y", int, 5)], namespace={"sum": lambda self: self.x + self.y})


class Pair(typing.NamedTuple):
    left: int
    right: T = None


class Box(typing.Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value


for thing in (T, P, UserId, Row, Other, Person, Settings, Made, Pair, Box):
    print(thing.__name__, thing.__module__)
print(Row(1), Other(1, 2), Person("Ann", 3), Made(1), Made(1).sum(), Pair(1))
print(typing.get_type_hints(Pair), Box[int], dataclasses.fields(Made)[1].default)
