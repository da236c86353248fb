# callee: ExceptionGroup
import sys
import traceback


def fail(number):
    raise ValueError(f"bad {number}")


errors = []
for number in range(2):
    try:
        fail(number)
    except ValueError as error:
        error.add_note(f"note {number}")
        errors.append(error)
try:
    try:
        raise ExceptionGroup("several", [*errors, KeyError("k")])
    except* ValueError as group:
        print(len(group.exceptions), group)
        raise RuntimeError("while handling") from group
except BaseException as error:
    traceback.print_exc(file=sys.stdout)
    print(type(error), [type(one).__name__ for one in getattr(error, "exceptions", [])])
