# callee: globals
print(sorted(globals()))
print(__name__, __doc__, __package__, type(__loader__).__name__, __spec__)
print(type(__builtins__).__name__, __annotations__, __file__ == __import__("sys").modules["__main__"].__file__)
value: int = 3
print(__annotations__, sorted(vars()), globals() is vars())
import __main__

print(__main__.value, __main__.__dict__ is globals(), __cached__)
