"""Writes the runner's exception table anew, through a bytearray that bytecode made by hand finds where there is none.

The new table sends every exception to the runner's last stop. No ctypes: memory can be reached without it.
"""
# expect: killed
# where: docker process
import dis
import gc
import opcode
import signal
import struct


def word(number):
    return struct.pack("<Q", number)


def varint(number):
    found = [number & 63]
    while number := number >> 6:
        found.insert(0, number & 63 | 64)
    return found


def template():
    return None


functions = [one for one in gc.get_objects() if type(one) is type(word)]
runner = next(one.__code__ for one in functions if one.__code__.co_filename == "<apigauge>" and one.__name__ == "run")
table = runner.co_exceptiontable
head = bytes.__basicsize__ - 1
# The fields of a bytearray over the table: count, type, length, allocated, start, begin, exports.
fake = word(1 << 40) + word(id(bytearray)) + word(len(table)) + word(len(table) + 1) + word(id(table) + head) * 2 + word(0)
slot = word(id(fake) + head)
items = id(template.__code__.co_consts) + tuple.__basicsize__
index = (id(slot) + head - items) // 8 & 0xFFFFFFFF
extended = opcode.opmap["EXTENDED_ARG"]
code = [opcode.opmap["RESUME"], 0]
for shift in (24, 16, 8):
    code += [extended, index >> shift & 255]
code += [opcode.opmap["LOAD_CONST"], index & 255, opcode.opmap["RETURN_VALUE"], 0]
reach = type(template)(template.__code__.replace(co_code=bytes(code)), {})()
stop = max(step.offset for step in dis.get_instructions(runner) if step.argval is signal.raise_signal) - 2
start, end, _, depth, _ = dis._parse_exception_table(runner)[0]
entry = []
for number, value in enumerate((start // 2, (end - start) // 2, stop // 2, depth << 1)):
    piece = varint(value)
    entry += [piece[0] | 128, *piece[1:]] if number == 0 else piece
reach[: len(entry)] = bytes(entry)
raise SystemExit("before the end")
x = 1
