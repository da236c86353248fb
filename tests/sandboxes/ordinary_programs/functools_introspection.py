# callee: functools.lru_cache
import functools
import inspect
import operator


@functools.lru_cache(maxsize=None)
def fib(n: int) -> int:
    "Fibonacci."
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **keywords):
        print("call", function.__name__, args)
        return function(*args, **keywords)

    return wrapper


@logged
def area(width, height=2, /, *, scale=1):
    return width * height * scale


print(fib(90), fib.cache_info(), fib.__module__, fib.__doc__)
print(inspect.signature(fib), inspect.signature(area), area(3, scale=2), area.__wrapped__.__qualname__)
print(inspect.getsourcelines(area)[1], inspect.getsource(area).splitlines()[0], inspect.getmodule(area).__name__)
print(functools.reduce(operator.mul, range(1, 10)), functools.partial(area, 5).func.__name__)
print(inspect.getdoc(fib), inspect.getcomments(area), inspect.isfunction(fib), inspect.isbuiltin(print))


@functools.singledispatch
def show(value):
    return "object"


@show.register
def _(value: int):
    return "int"


print(show(1), show("a"), show.registry.keys() == {object, int})
