# callee: sys.getrecursionlimit
import sys

print(sys.getrecursionlimit())


def down(depth):
    global deepest
    deepest = depth
    down(depth + 1)


try:
    down(1)
except RecursionError as error:
    print(deepest, error)


class Deep:
    def __repr__(self):
        return repr(self)


try:
    repr(Deep())
except RecursionError as error:
    print(error)
sys.setrecursionlimit(300)
try:
    down(1)
except RecursionError:
    print(deepest, sys.getrecursionlimit())


def at(depth):
    return sys._getframe().f_back is not None and (at(depth - 1) if depth else 0)


print(at(200))
