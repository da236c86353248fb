# callee: inspect.getsource
import ast
import inspect
import linecache
import textwrap


class Shape:
    """A shape."""

    # Comment above the method.
    def area(self):
        square = lambda side: side**2  # noqa
        return square(3)

    class Inner:
        size = 1


print(inspect.getsource(Shape))
print(textwrap.dedent(inspect.getsource(Shape.area)))
print(inspect.getsource(Shape.Inner).strip(), inspect.getcomments(Shape.area))
tree = ast.parse(textwrap.dedent(inspect.getsource(Shape.area)))
print(ast.unparse(tree), type(tree.body[0]).__name__)
print(inspect.getfile(Shape) == __file__, linecache.getline(__file__, 3).strip())
print(inspect.getsource(inspect.getmodule(Shape)).splitlines()[0], inspect.getsourcefile(Shape.area) == __file__)
try:
    inspect.getsource(eval("lambda: 0"))
except OSError as error:
    print(error)
