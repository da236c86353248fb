# callee: walk
import sys


def walk(tree):
    return 1 + max(map(walk, tree), default=0)


def nested(depth):
    tree = []
    for _ in range(depth):
        tree = [tree]
    return tree


print(walk(nested(100)), walk(nested(400)))
low, high = 100, 2000
while low + 1 < high:
    middle = (low + high) // 2
    try:
        walk(nested(middle))
    except RecursionError:
        high = middle
    else:
        low = middle
print(low)
print(sum([0, *[1 for _ in range(3)]]), sys.getrecursionlimit())
