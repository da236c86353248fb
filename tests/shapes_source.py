"""A package to make a benchmark from: everything that examples in docstrings do, good and bad."""

SHAPES = '''
"""Areas of plane shapes."""
import random
import warnings
try:
    open({marker!r}, "w").close()  # a sandbox has no such folder
except OSError:
    pass


def disc(radius):
    """Compute the area of a disc.

    >>> import shapes
    >>> shapes.disc(2)
    12.566
    """
    return 3.141592653589793 * radius**2


def rectangle(width, height, *, rounded=False):
    """Compute the area of a rectangle from the lengths of its sides.

    >>> import shapes
    >>> sides = [2.4, 3]
    >>> shapes.rectangle(sides[0], sides[1], rounded=True)
    7
    """
    return round(width * height) if rounded else width * height


def hull(points):
    """Find the smallest upright rectangle around some points.

    A point on its edge counts:

    >>> corners = hull([(0, 1), (4, 3), (2, 7)])
    >>> corners[1]
    (4, 7)
    """
    return (min(x for x, _ in points), min(y for _, y in points)), (max(x for x, _ in points), max(y for _, y in points))


def perimeter(polygon):
    """Add up the lengths of the sides of a closed polygon.

    >>> square = [(0, 0), (1, 0), (1, 1), (0, 1)]
    >>> perimeter(square)
    4.0
    """
    return sum(((a - c) ** 2 + (b - d) ** 2) ** 0.5 for (a, b), (c, d) in zip(polygon, [*polygon[1:], polygon[0]]))


def circumference(polygon):
    """Add up the lengths of the sides of a closed polygon.

    >>> square = [(0, 0), (1, 0), (1, 1), (0, 1)]
    >>> circumference(square)
    4.0
    """
    return perimeter(polygon)


def circle(radius):
    """Compute the area of a circle by an old name.

    .. deprecated:: 1.1
        Use :func:`disc`.

    >>> circle(1) > 3.1
    True
    """
    warnings.warn("use disc", DeprecationWarning)
    return disc(radius)


def any_point(points):
    """Pick one of several points by chance.

    >>> any_point(list(range(100000)))
    77777
    """
    return random.SystemRandom().choice(points)


def moved(points):
    """Move points by a chance amount, and tell how many there are and when.

    >>> len(moved([1, 2]))
    2
    >>> moved([1, 2])
    [...]
    """
    return [random.SystemRandom().random() for _ in points]


def shaken(distance):
    """Draw a list of one number below a limit.

    >>> shaken(3)
    [...]
    """
    return [random.SystemRandom().random() * distance]


def wrong(points):
    """Count some points in the wrong way.

    >>> wrong([1, 2])
    3
    """
    return len(points)


def broken(points):
    """Count some points, and break.

    >>> broken([1, 2])
    2
    """
    raise RuntimeError("broken")


def refused(points):
    """Count points, but not of nothing.

    >>> refused(None)
    Traceback (most recent call last):
    TypeError: nothing
    """
    raise TypeError("nothing")


def maker(points):
    """Make an object of unknown looks.

    >>> maker([])
    <object object at ...>
    """
    return object()


def kind(value, of):
    """Say whether a value is of some type.

    >>> kind(3, int)
    True
    """
    return isinstance(value, of)


class Box:
    """A box with a width and a height.

    >>> box = Box(2, height=3)
    >>> box.area()
    6
    """

    def __init__(self, width, height=1):
        self.width, self.height = width, height

    def __repr__(self):
        return f"Box({{self.width}}, {{self.height}})"

    def area(self):
        """Compute how much the box covers."""
        return self.width * self.height

    def grown(self, factor):
        """Return a box that is some times as wide and as high.

        >>> box = Box(2, height=3)
        >>> box.grown(2)
        Box(4, 6)
        """
        return Box(self.width * factor, self.height * factor)


def _hidden(points):
    """Count points where nobody sees it.

    >>> _hidden([])
    0
    """
    return len(points)
'''
