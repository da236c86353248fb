# callee: print
def outer(value):
    return inner(value) + 1


def inner(value):
    mapping = {"a": 1}
    return mapping[value]


print("before the failure")
try:
    outer("b")
except KeyError as error:
    raise RuntimeError("could not look up") from error
