# callee: enum.Enum
import enum
import pickle

Colour = enum.Enum("Colour", "RED GREEN BLUE")
Level = enum.IntEnum("Level", {"LOW": 1, "HIGH": 10})
Flag = enum.Flag("Flag", ["A", "B"])


class Shape(enum.Enum):
    ROUND = enum.auto()
    SQUARE = enum.auto()


for kind in (Colour, Level, Flag, Shape):
    print(kind, kind.__module__, kind.__qualname__, list(kind))
print(Colour(2), Colour["RED"], Level.HIGH > 3, Flag.A | Flag.B, repr(Level.LOW), f"{Level.LOW}")
print(pickle.loads(pickle.dumps(Colour.BLUE)) is Colour.BLUE, pickle.loads(pickle.dumps(Level.LOW)) is Level.LOW)
try:
    Colour(9)
except ValueError as error:
    print(error)
