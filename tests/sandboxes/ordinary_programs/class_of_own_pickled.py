# callee: pickle.dumps
import copy
import pickle
from dataclasses import dataclass, field


@dataclass(order=True)
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list, compare=False)


point = Point(1, 2, ["a"])
data = pickle.dumps(point, protocol=4)
print(data)
print(pickle.loads(data) == point, pickle.loads(data))
print(copy.deepcopy(point).tags is point.tags, sorted([Point(2), Point(1, 3), point]))
print(Point.__module__, Point.__qualname__, pickle.whichmodule(Point, "Point"))
