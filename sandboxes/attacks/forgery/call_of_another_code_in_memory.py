"""Writes the address of another code into the function that the wrapper calls, by ctypes.

A fix could compare only the code, which stays as it was, not the function that refers to it.
"""
# expect: passed | failed/other | killed
# stage: 2
# callee: json.loads
import ctypes
import json


def fake(*args, **kwargs):
    return "made up"


def constants(code):
    for value in code.co_consts:
        yield value


for value in constants(json.loads.__code__):
    if type(value) is type(fake):
        ctypes.c_void_p.from_address(id(value) + 48).value = id(fake.__code__)
        for place, one in enumerate(json.loads.__code__.co_consts):
            if one is value.__code__:
                ctypes.c_void_p.from_address(id(json.loads.__code__.co_consts) + 24 + 8 * place).value = id(fake.__code__)
json.loads(object())
