"""Random programs over a stand-in library, what they really call, and what is read from their text."""

import random
import sys
import types
from contextlib import contextmanager
from unittest import mock

NAMES = "abcdef"
TEXTS = ["'x'", "'y1'", "''", "'net'", "'it\\'s'"]
NUMBERS = ["0", "1", "2", "7", "-3", "1.5", "True", "None"]
METHODS = ["upper()", "replace('x', 'z')", "strip()", "split('e')", "join(['p', 'q'])", "title()", "zfill(4)"]
SPECS = ["", "!r", "!s", ":>6", ":.2", ":02d", "!a", "=", " = ", ":{3}", "!r:^{2 + 3}"]


class Writer:
    """Writes one program; every call of the library has a number of its own."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = ["import api", "import api.hub as hub", "from api.nn import layer as make, other"]
        self.lines += [f"{name} = {self.constant()}" for name in NAMES]
        self.sites = 0
        self.functions = []
        self.classes = []

    def pick(self, *choices):
        return self.random.choice(choices)

    def constant(self):
        return self.random.choice(TEXTS + NUMBERS)

    def expression(self, depth=2):
        if depth == 0:
            return self.pick(self.constant(), self.random.choice(NAMES), self.random.choice(NAMES))
        inner = lambda: self.expression(depth - 1)  # noqa: E731
        kind = self.random.randrange(26)
        if kind < 5:
            return self.expression(0)
        forms = [
            lambda: f"(str({inner()}) + str({inner()}))[:12]",
            lambda: f"(str({inner()}) * {self.pick('2', '3')})[:12]",
            lambda: (
                f"f'{{{self.random.choice(NAMES)}{self.random.choice(SPECS)}}}-{{{self.random.choice(NAMES)}}}'[:12]"
            ),
            lambda: f"str({inner()})",
            lambda: f"{self.random.choice(TEXTS)}.{self.random.choice(METHODS)}",
            lambda: f"({inner()} if {inner()} else {inner()})",
            lambda: f"({inner()} or {inner()})",
            lambda: f"({inner()} and {inner()})",
            lambda: f"[{inner()}, {inner()}][{self.pick('0', '1', '-1')}]",
            lambda: f"{{'k': {inner()}, 1: {inner()}}}[{self.pick(repr('k'), '1')}]",
            lambda: f"dict(u={inner()}).get({self.pick(repr('u'), repr('v'))}, {inner()})",
            lambda: f"len(str({inner()}))",
            lambda: f"('%s/%s' % ({inner()}, {inner()}))[:12]",
            lambda: f"'{{}}{{:>3}}'.format({inner()}, {inner()})[:12]",
            lambda: f"({self.random.choice(NAMES)} := {inner()})",
            lambda: "api.val()",
            lambda: f"(lambda q={inner()}: q)({self.pick('', inner())})",
            lambda: f"[w for w in ({inner()}, {inner()})][0]",
            lambda: f"getattr(api, 'name', {inner()})" if depth < 0 else inner(),
            lambda: f"({inner()} == {inner()})",
            lambda: f"(not {inner()})",
            lambda: self.call() if depth < 0 else inner(),
        ]
        return self.random.choice(forms)()

    def call(self):
        self.sites += 1
        callee = self.pick("api.hub.load", "hub.load", "make", "api.nn.other", "other")
        arguments = [self.expression() for _ in range(self.random.randrange(3))]
        if self.random.random() < 0.2:
            arguments.append(f"*({self.expression(1)},)")
        arguments += [f"{name}={self.expression()}" for name in self.random.sample("klm", self.random.randrange(3))]
        if self.random.random() < 0.2:
            arguments.append(f"**{{'n': {self.expression(1)}}}")
        return f"{callee}({', '.join([*arguments, f'site={self.sites}'])})"

    def condition(self):
        return self.pick(
            "True", "False", "api.val()", self.expression(1), f"{self.random.choice(NAMES)} == {self.constant()}"
        )

    def block(self, indent, depth, inside=""):
        for _ in range(self.random.randrange(1, 4)):
            self.statement(indent, depth, inside)

    def add(self, indent, line):
        self.lines.append("    " * indent + line)

    def statement(self, indent, depth, inside=""):  # noqa: C901, PLR0912
        kind = self.random.randrange(30)
        name = self.random.choice(NAMES)
        if kind < 6:
            self.add(indent, f"{name} = {self.expression()}")
        elif kind < 11:
            self.add(indent, self.pick(f"{name} = ", "", "") + self.call())
        elif kind == 11:
            self.add(indent, f"{name} = str({name})[:8]")  # else a program may write texts of any length
            self.add(indent, f"{name} {self.pick('+= str', '*= bool', '+= repr')}({self.expression(1)})")
        elif kind == 12:
            self.add(indent, f"{name}, {self.random.choice(NAMES)} = {self.expression(1)}, {self.expression(1)}")
        elif kind == 13 and self.functions:
            self.add(indent, f"{self.pick(name + ' = ', '')}{self.use_function()}")
        elif kind == 14 and self.classes:
            self.add(indent, f"{self.pick(name + ' = ', '')}{self.use_class()}")
        elif depth and kind < 19:
            self.add(indent, f"if {self.condition()}:")
            self.block(indent + 1, depth - 1, inside)
            if self.random.random() < 0.5:
                self.add(indent, "else:")
                self.block(indent + 1, depth - 1, inside)
        elif depth and kind < 21:
            items = self.pick(
                f"({self.expression(1)}, {self.expression(1)})", "range(2)", "api.items()", f"[{self.expression(1)}]"
            )
            self.add(indent, f"for {name} in {items}:")
            self.block(indent + 1, depth - 1, "loop")
        elif depth and kind == 21:
            self.add(indent, f"while {self.pick('api.val()', 'True', name)}:")
            self.block(indent + 1, depth - 1, "endless")
            self.add(indent + 1, "break")
        elif depth and kind < 24:
            self.add(indent, "try:")
            self.block(indent + 1, depth - 1, inside)
            self.add(
                indent, self.pick("except Exception:", "except ValueError as error:", "except (TypeError, ValueError):")
            )
            self.block(indent + 1, depth - 1, inside)
            if self.random.random() < 0.3:
                self.add(indent, "finally:")
                self.block(indent + 1, 0)
        elif depth and kind == 24:
            self.add(indent, f"match {self.expression(1)}:")
            self.add(indent + 1, f"case {self.pick('1', repr('x'), '1 | 2', 'None')}:")
            self.block(indent + 2, depth - 1, inside)
            self.add(indent + 1, f"case {self.pick('_', name)}:")
            self.block(indent + 2, depth - 1, inside)
        elif kind == 25 and inside:
            self.add(indent, f"if {self.condition()}:")
            leave = {"loop": "break", "endless": "break", "function": f"return {self.expression(1)}"}[inside]
            self.add(indent + 1, self.pick(leave, "continue") if inside == "loop" else leave)
        elif kind == 26 and depth == 0:
            self.add(indent, f"if {self.condition()}:")
            self.add(indent + 1, "raise ValueError('x')")
        elif kind == 27:
            self.add(indent, f"box.append({self.expression(1)})")
        elif kind == 28:
            self.add(indent, f"table['{name}'] = {self.expression(1)}")
        else:
            self.add(indent, f"{name} = {self.pick('box[-1]', 'table[' + repr(name) + ']', 'len(box)')}")

    def use_function(self):
        name, parameters = self.random.choice(self.functions)
        given = [f"{one}={self.expression(1)}" for one in parameters if self.random.random() < 0.5]
        return f"{name}({', '.join(given)})"

    def use_class(self):
        return f"{self.random.choice(self.classes)}({self.pick('', self.expression(1))}).{self.pick('run()', 'name', 'size')}"

    def definition(self, number):
        if self.random.random() < 0.65:
            name, parameters = f"func{number}", self.random.sample(NAMES, self.random.randrange(3))
            self.add(0, f"def {name}({', '.join(f'{one}={self.expression(1)}' for one in parameters)}):")
            if self.random.random() < 0.3:
                free = [one for one in NAMES if one not in parameters]
                self.add(1, f"global {self.random.choice(free)}")
            else:  # so that no name is read before it is bound here
                for one in NAMES:
                    if one not in parameters:
                        self.add(1, f"{one} = {self.pick(self.constant(), 'api.val()')}")
            self.block(1, 2, "function")
            self.functions.append((name, parameters))
            return
        name = f"Class{number}"
        self.add(0, f"class {name}{self.pick('', '(' + self.classes[-1] + ')') if self.classes else ''}:")
        self.add(1, f"size = {self.expression(1)}")
        self.add(1, f"def __init__(self, name={self.expression(1)}):")
        self.add(2, "self.name = name")
        if self.random.random() < 0.4:
            self.add(2, f"if {self.pick('api.val()', 'name')}:")
            self.add(3, f"self.size = {self.constant()}")
        self.add(1, "def run(self):")
        self.sites += 1
        self.add(2, f"return make(self.name, self.size, site={self.sites})")
        self.classes.append(name)

    def program(self):
        self.add(0, "box = ['x']")
        self.add(0, "table = {name: 'y1' for name in 'abcdef'}")
        for number in range(self.random.randrange(4)):
            self.definition(number)
        for _ in range(self.random.randrange(4, 12)):
            self.statement(0, 2)
        return "\n".join(self.lines) + "\n"


class Library(types.ModuleType):
    """A module whose every attribute records how it is called."""

    def __init__(self, name, recorded, values):
        super().__init__(name)
        self.__path__ = []
        self._recorded, self._values = recorded, values

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        dotted = f"{self.__name__}.{name}"
        if dotted == "api.val":
            return lambda: self._values.choice([0, 1, "x", "y1", "", None])
        if dotted == "api.items":
            return lambda: [self._values.choice([1, "x"]) for _ in range(self._values.randrange(3))]

        def called(*arguments, **keywords):
            self._recorded.append((dotted, arguments, keywords))
            return self._values.choice([1, "x", ""])

        return called


@contextmanager
def library(recorded, seed):
    values = random.Random(seed)
    modules = {name: Library(name, recorded, values) for name in ("api", "api.hub", "api.nn")}
    modules["api"].hub, modules["api"].nn = modules["api.hub"], modules["api.nn"]
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def run(program, seed, max_calls=400):
    """What the program really calls, and whether it came to its end."""
    recorded = []
    with library(recorded, seed), mock.patch.object(sys, "argv", ["program"]):
        try:
            exec(compile(program, "program", "exec"), {"__name__": "__main__"})
        except (Exception, SystemExit):  # noqa: BLE001
            return recorded[:max_calls], False
    return recorded[:max_calls], True
