# callee: os.chdir
import inspect
import os
import tempfile
import traceback


def shown():
    """A function with a text."""
    return 6 * 7


os.chdir(tempfile.gettempdir())
print(open(__file__, encoding="utf-8").read().count("shown"))
print(inspect.getsource(shown))
print(os.path.exists(__file__), os.path.samefile(__file__, inspect.getsourcefile(shown)))
try:
    shown(1)
except TypeError:
    lines = traceback.format_exc().splitlines()
    print(lines[0], lines[2:], sep="\n")
