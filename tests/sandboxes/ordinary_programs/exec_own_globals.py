# callee: exec
import builtins

space = {"__name__": "made", "x": 2}
exec("y = x * 21\nprint(__name__, y, 'list' in dir(__builtins__) or 'list' in __builtins__)", space)
print(sorted(name for name in space if name != "__builtins__"))
code = compile("def f(n):\n    return n + x\n", "<made>", "exec")
exec(code, space)
print(space["f"](5), space["f"].__module__, space["f"].__globals__ is space, code.co_filename)
print(eval("[x for x in range(3)]"), eval("a + b", {"a": 1}, {"b": 2}))
try:
    exec("1 / 0", {})
except ZeroDivisionError as error:
    trace = error.__traceback__
    print(trace.tb_lineno, trace.tb_next.tb_frame.f_code.co_filename, trace.tb_next.tb_lineno)


def inner():
    local = 1
    exec("local = 2")
    return local, sorted(locals())


print(inner(), builtins.__dict__ is vars(builtins))
