"""Passes what takes long to read: text, numbers and lists that contain themselves, very often, in many ways."""
# expect: passed | timeout | memory
# functions: json.dumps
import json

nested = 1
for _ in range(60):
    nested = [nested] * 16
circle = []
circle.append(circle)
try:
    json.dumps({"a": circle})
except ValueError:
    pass
for number in range(100):
    try:
        json.dumps("x" * 100_000, skipkeys=nested, indent=number, default=[[[["y" * 900] * 16] * 16] * 16] * 16)
    except TypeError:
        pass
json.dumps(10**100_000 if number < 0 else -(2**60), **{"check_circular": {str(key): "z" * 900 for key in range(16)}})
