# callee: inspect.currentframe
import inspect
import sys


def who():
    frame = inspect.currentframe()
    back = frame.f_back
    return frame.f_code.co_name, back.f_code.co_name, back.f_lineno, back.f_globals is globals()


def caller():
    return who()


print(caller())
print(who())
print(inspect.currentframe().f_code.co_name, inspect.currentframe().f_lineno, inspect.currentframe().f_back)
depth = 0
frame = sys._getframe()
while frame:
    depth, frame = depth + 1, frame.f_back
print(depth, [one.function for one in inspect.stack()])
