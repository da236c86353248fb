# callee: contextlib.ExitStack
import contextlib
import io
import sys


@contextlib.contextmanager
def step(name):
    print("enter", name)
    try:
        yield name
    finally:
        print("leave", name)


with contextlib.ExitStack() as stack:
    print([stack.enter_context(step(name)) for name in "abc"])
    stack.callback(print, "callback")
text = io.StringIO()
with contextlib.redirect_stdout(text), contextlib.suppress(ZeroDivisionError):
    print("hidden")
    1 / 0
print(text.getvalue().strip(), file=sys.stderr)
with contextlib.chdir("/"):
    import os

    print(os.getcwd())
print(step.__module__, step.__wrapped__.__name__)
