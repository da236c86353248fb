"""Answers to questions of ``mini`` with their correct labels, written before the code that labels them.

A verdict is eight letters, y or n, in the order of the questions: imports, parses, complete, names, bugs, logic, api,
asked. The default question is ``QUARTERS``, for the three cut points of a list.
"""

from typing import NamedTuple

QUARTERS, SEED, TOPK = "mini-161", "mini-101", "mini-202"
CALL = "statistics.quantiles(data, n=4)"
RIGHT = "import statistics\ndata = [1, 2, 3, 4]\nprint(statistics.quantiles(data, n=4))"


class Judged(NamedTuple):
    name: str
    expected: str
    text: str
    item: str = QUARTERS
    finish_reason: str = "stop"


def sections(code, call=CALL):
    return f"<<<domain>>>: Descriptive Statistics\n<<<api_call>>>: {call}\n<<<code>>>: {code}"


def after(code):
    """The right program, and more behind it."""
    return sections(f"{RIGHT}\n{code}")


def before(code):
    return sections(f"{code}\n{RIGHT}")


QUOTED = "{'domain': 'Statistics', 'api_call': 'statistics.quantiles(data, n=4)', 'code': 'import statistics\\ndata = [1, 2, 3]\\nprint(statistics.quantiles(data, n=4))'}"

ANSWERS = (
    Judged("right", "yyyyyyyy", sections(RIGHT)),
    Judged(
        "imports the function", "yyyyyyyy", sections("from statistics import quantiles\nprint(quantiles([1, 2], n=4))")
    ),
    Judged("imports under an alias", "yyyyyyyy", sections("import statistics as st\nprint(st.quantiles([1, 2], n=4))")),
    Judged(
        "imports everything, so its origin is unknown",
        "yynyynyy",
        sections("from statistics import *\nprint(quantiles([1, 2], n=4))"),
    ),
    Judged("in a fence", "yyyyyyyy", f"Sure, here you are:\n```python\n{RIGHT}\n```\nGood luck!"),
    Judged(
        "in two fences",
        "yyyyyyyy",
        "```python\nimport statistics\n```\nand then\n```python\nprint(statistics.quantiles([1, 2], n=4))\n```",
    ),
    Judged("in a dictionary with written line ends", "yyyyyyyy", QUOTED),
    Judged("bare code", "yyyyyyyy", RIGHT),
    Judged("begins with a docstring", "yyyyyyyy", before('"""Quartiles of deliveries."""')),
    Judged("ends with an exit", "yyyyyyyy", sections(f"import sys\n{RIGHT}\nsys.exit(0)")),
    Judged(
        "a function that is called",
        "yyyyyyyy",
        sections("import statistics\ndef main(data):\n    return statistics.quantiles(data, n=4)\nprint(main([1, 2]))"),
    ),
    Judged(
        "names of every kind are defined",
        "yyyyyyyy",
        after(
            "import math as m\nprint([x * m.pi for x in data], (lambda a, *b, **c: (a, b, c))(1), (w := 3), w, __name__)"
        ),
    ),
    Judged(
        "an effect instead of a value",
        "yyyyyyyy",
        sections("import transformers\ntransformers.set_seed(42)", "transformers.set_seed(42)"),
        SEED,
    ),
    # imports
    Judged("module not imported", "nyynnyyy", sections("data = [1, 2]\nprint(statistics.quantiles(data, n=4))")),
    Judged(
        "function not imported, so its origin is unknown",
        "nynnnnnn",
        sections("print(quantiles([1, 2], n=4))", "quantiles([1, 2], n=4)"),
    ),
    Judged("package that does not exist", "nyyyyyyy", after("import quantile_tools\nprint(quantile_tools)")),
    Judged("relative import", "nyyyyyyy", after("from . import helpers\nprint(helpers)")),
    # parses
    Judged("bracket left open", "nnnnnnyy", sections("import statistics\nprint(statistics.quantiles([1, 2], n=4)")),
    Judged(
        "cut in a string", "nnnnnnyy", sections("import statistics\nx = statistics.quantiles([1], n=4)\nprint('the cut")
    ),
    Judged("no program and no call", "nnnnnnnn", "I am sorry, but I cannot help with that."),
    Judged("empty", "nnnnnnnn", ""),
    # complete
    Judged("cut by its length", "yynyyyyy", sections(RIGHT), finish_reason="length"),
    Judged("a body of dots", "yynyyyyy", before("def helper():\n    ...\nhelper()")),
    Judged("a body of pass", "yynyyyyy", before('def helper():\n    """Loads."""\n    pass\nhelper()')),
    Judged("dots between statements", "yynyyyyy", before("...")),
    Judged("something to do", "yynyyyyy", before("# TODO: load the real data")),
    Judged("not implemented", "yynyyyyy", before("def helper():\n    raise NotImplementedError('later')\nhelper()")),
    Judged("a string that says TODO", "yyyyyyyy", before("print('TODO')")),
    Judged("the call is in a comment and a string only", "yynyynyy", sections(f"# {CALL}\nprint('{CALL}')")),
    Judged(
        "calls something else than it says",
        "yynyynyy",
        sections("import statistics\nprint(statistics.correlation([1, 2], [2, 4]))"),
    ),
    Judged("calls nothing of the catalogue", "yynyynnn", "x = 1\nprint(x)"),
    Judged("only ends", "yynyynnn", "import sys\nsys.exit(0)"),
    # names
    Judged("undefined variable", "yyynnyyy", sections("import statistics\nprint(statistics.quantiles(data, n=4))")),
    Judged(
        "used before it is defined",
        "yyynnyyy",
        sections("import statistics\nprint(statistics.quantiles(data, n=4))\ndata = [1, 2]"),
    ),
    Judged(
        "global read, then assigned locally",
        "yyynnyyy",
        after("def add():\n    print(data)\n    data = [5]\n    return data\nadd()"),
    ),
    # bugs
    Judged("identity with a literal", "yyyynyyy", after("if data[0] is 1:\n    print('one')")),
    Judged("too few values for a format", "yyyynyyy", after("print('%s of %s' % (data,))")),
    Judged("returns outside a function", "yyyynyyy", after("return")),
    Judged("raises", "yyyynyyy", after("raise ValueError('no')")),
    Judged("a tuple is asserted", "yyyynyyy", after("assert (data, 'no data')")),
    # logic
    Judged("import for nothing", "yyyyynyy", before("import math")),
    Judged("continues after an exit", "yyyyynyy", before("import sys\nsys.exit(0)")),
    Judged("continues after an exit by a builtin", "yyyyynyy", before("exit()")),
    Judged("continues after a return", "yyyyynyy", after("def one():\n    return 1\n    print('never')\nprint(one())")),
    Judged("result is dropped", "yyyyynyy", sections("import statistics\nstatistics.quantiles([1, 2], n=4)")),
    Judged("a name as a statement", "yyyyynyy", after("data")),
    Judged("a comparison as a statement", "yyyyynyy", after("data == [1]")),
    Judged(
        "function that is never called",
        "yyyyynyy",
        sections("import statistics\ndef main(data):\n    return statistics.quantiles(data, n=4)"),
    ),
    Judged(
        "local variable that is never read", "yyyyynyy", after("def one():\n    two = 2\n    return 1\nprint(one())")
    ),
    # api
    Judged(
        "function that does not exist",
        "yynyynnn",
        sections("import statistics\nprint(statistics.quartiles([1, 2]))", "statistics.quartiles(data)"),
    ),
    Judged(
        "argument that does not exist",
        "yyyyyyny",
        sections(
            "import statistics\nprint(statistics.quantiles([1, 2], parts=4))", "statistics.quantiles(data, parts=4)"
        ),
    ),
    Judged(
        "keyword given by position",
        "yyyyyyny",
        sections("import statistics\nprint(statistics.quantiles([1, 2], 4))", "statistics.quantiles(data, 4)"),
    ),
    Judged(
        "argument missing",
        "yyyyyyny",
        sections("import torch\nprint(torch.topk(torch.ones(5)))", "torch.topk(scores)"),
        TOPK,
    ),
    Judged(
        "arguments that only running will tell",
        "yyyyyyyy",
        sections(
            "import torch\nmore = {'k': 3}\nprint(torch.topk(torch.ones(5), **more))", "torch.topk(scores, **more)"
        ),
        TOPK,
    ),
    Judged(
        "other values than the catalogue's",
        "yyyyyyyy",
        sections("import torch\nprint(torch.topk(torch.ones(5), 2, dim=0))", "torch.topk(scores, 2, dim=0)"),
        TOPK,
    ),
    # asked
    Judged(
        "another task's API",
        "yyyyyyyn",
        sections("import textwrap\nprint(textwrap.wrap('a b', width=40))", "textwrap.wrap(text, width=40)"),
    ),
    Judged("nothing but a call", "nyynnnyy", CALL),
)
