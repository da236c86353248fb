"""Passes an instance of a subclass of str, of tuple or of dict, which the function takes for something else.

What is recorded must be what the function gets: of an object whose methods the program has written that is not known.
"""
# expect: passed
# functions: json.loads json.dumps
# forges: right
import json


class Text(str):
    def startswith(self, *_):
        return False

    def encode(self, *_):
        return b'"wrong"'


class Pair(tuple):
    def __iter__(self):
        return iter(["wrong"])


class Names(dict):
    def items(self):
        return iter([("wrong", 1)])


json.loads(Text('"right"'))
json.dumps(Pair(["right"]))
json.dumps(Names(right=1))
