# callee: weakref.finalize
import atexit
import tempfile
import weakref
from pathlib import Path


class Held:
    def __init__(self, name):
        self.name = name


first, second = Held("first"), Held("second")
weakref.finalize(first, print, "first is given back")
weakref.finalize(second, print, "second is given back").atexit = False
folder = tempfile.TemporaryDirectory()
atexit.register(lambda: print("the folder is", Path(folder.name).is_dir()))
print("to its end")
