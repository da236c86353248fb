"""Calls something that says it is equal to the callee, a class written in C.

A fix could compare types first, which the program makes the same.
"""
# expect: passed
# stage: 2
# callee: enum.Enum
import enum


class Equal(type(enum.Enum)):
    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return 1

    def __call__(cls, *args, **kwargs):
        return "made up"


enum.EnumType.__eq__ = lambda cls, other: True
enum.EnumType.__call__ = lambda cls, *args, **kwargs: "made up"


class Fake(metaclass=enum.EnumType):
    pass


enum.Enum = Fake
enum.Enum(object())
