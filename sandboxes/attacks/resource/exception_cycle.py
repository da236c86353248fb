"""Exceptions that are each other's cause, and a group in a group a thousand levels deep.

Following causes until there are none never ends; formatting groups recurses.
"""
# expect: failed/other

first, second = RuntimeError("first"), RuntimeError("second")
first.__cause__, second.__cause__ = second, first
group = first
for level in range(1_000):
    group = ExceptionGroup(f"level {level}", [group])
first.__context__ = group
raise first
