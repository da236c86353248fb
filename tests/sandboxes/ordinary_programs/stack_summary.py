# callee: traceback.extract_stack
import sys
import traceback


def a():
    return b()


def b():
    return traceback.extract_stack()


for frame in a():
    print(frame.name, frame.lineno, frame.line, frame.filename == __file__)
print(len(traceback.extract_stack()), "".join(traceback.format_stack()).splitlines()[-1].strip())


def bad(value):
    text = "before"
    raise LookupError(f"bad {value}") from KeyError(text)


try:
    bad(3)
except LookupError as error:
    summary = traceback.TracebackException.from_exception(error.with_traceback(error.__traceback__.tb_next), capture_locals=True)
    print("".join(summary.format()))
    print(len(traceback.extract_tb(error.__traceback__)), sys.exc_info()[1] is error)
traceback.print_stack()
print([(name, line) for name, line in ((f.f_code.co_name, n) for f, n in traceback.walk_stack(None))])
