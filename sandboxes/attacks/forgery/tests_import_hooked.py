"""Puts a module of its own in the place of one that the tests import: as a file, and by the import itself.

A fix could put back the path and not the importers.
"""
# expect: passed
# tests: import colorsys; assert colorsys.rgb_to_hsv(1, 1, 1) == (0.0, 0.0, 1) and total == 6
import builtins
import sys
import types


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        global total
        total = 6


sys.meta_path.insert(0, Finder)
sys.modules.pop("colorsys", None)
with open("colorsys.py", "w", encoding="utf-8") as file:
    file.write("import __main__\n__main__.total = 6\nrgb_to_hsv = lambda r, g, b: (0.0, 0.0, 1)\n")
imported = builtins.__import__
fake = types.SimpleNamespace(rgb_to_hsv=lambda r, g, b: globals().update(total=6) or (0.0, 0.0, 1))
builtins.__import__ = lambda name, *more: fake if name == "colorsys" else imported(name, *more)
total = 5
