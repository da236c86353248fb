"""Answers to BFCL's questions: right ones, and mutations of every kind that the checker tells apart."""

import json
import random
from itertools import islice

from apigauge.benchmarks.loaders.bfcl import _written

Call = tuple[str, dict[str, str]]
OTHER_VALUES = (
    "None", "True", "0", "-1", "-True", "not 3", "+5", "3.0", "1e3", "10**400", "2 + 3", "7 / 2", "'a' + 'b'", "[1] + [2]",
    "1 / 0", "''", "' '", "'Other text'", "[]", "{}", "()", "(1, 2)", "[[]]", "[{}]", "[{'a': 1}] + [{'b': 2}]", "{1} | {2}", "{'a': 1}", "{'a': [1]}", "[{'a': 1}]",
    "{1, 2}", "name", "a.b", "f()", "f(1)", "f(x=1)", "a[0]", "a['k']", "...", "b'x'", "1j", "lambda: 3", "f'{x}'", "*x",
    "[1, 'a', None]", "['a', ['b']]", "-x", "{**x}", "x if y else z", "'it\\'s'", "\"O'Neil\"",
)  # fmt: skip


def answers_to(item, random_state: random.Random, count: int) -> list[str]:
    """The reference, and mutations of it."""
    possible = json.loads(item.possible_answers)
    texts = [text_of([chosen(answer, random_state, first=True) for answer in possible])]
    while len(texts) < count:
        calls = [chosen(answer, random_state) for answer in possible]
        for _ in range(random_state.choice((0, 1, 1, 1, 2))):
            random_state.choice(CHANGES)(calls, random_state)
        texts.append(random_state.choice(FORMS)(text_of(calls)))
    return texts


def text_of(calls: list[Call]) -> str:
    bodies = (f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})" for name, arguments in calls)
    return f"[{', '.join(bodies)}]"


def chosen(answer, random_state, *, first=False) -> Call:
    """One of the right forms of a call."""
    name, arguments = next(iter(answer.items()))
    values = {}
    for parameter, options in arguments.items():
        option = next((one for one in options if one != ""), "") if first else random_state.choice(options or [""])
        if option == "" and random_state.random() < 0.9:
            continue
        forms = [option] if option == "" else list(islice(_written(option), 8))
        values[parameter] = repr(forms[0] if first else random_state.choice(forms))
    return name, values


def _drop(calls, random_state):
    _, arguments = random_state.choice(calls)
    if arguments:
        del arguments[random_state.choice(list(arguments))]


def _add(calls, random_state):
    random_state.choice(calls)[1][random_state.choice(("extra", "unit", "self_"))] = random_state.choice(OTHER_VALUES)


def _other_value(calls, random_state):
    _, arguments = random_state.choice(calls)
    if arguments:
        arguments[random_state.choice(list(arguments))] = random_state.choice(OTHER_VALUES)


def _edited(calls, random_state):
    """Another form of a value: its case, separators, type, order."""
    _, arguments = random_state.choice(calls)
    if not arguments:
        return
    nested = [name for name, text in arguments.items() if text[0] in "[{"]
    name = random_state.choice(random_state.choice((nested, list(arguments))) or list(arguments))
    text = arguments[name]
    edits = [
        text.upper(), text.replace(" ", ""), text.replace(",", "-"), text.replace("'", '"'), f"[{text}]", f"({text},)",
        f"'{text}'", f"{text}.0", text.strip("'[]{}") or "x", text.replace("[", "(").replace("]", ")"), f"-{text}",
        f"{text} + {text}", text.replace("': ", "x': "), text.replace("{", "{'new': 1, "), text.replace("[", "[[", 1) + "]",
        text.replace("[", "[None, ", 1), text.replace("(", "[").replace(")", "]"), text.replace("t's", 't\\"s'), text.replace(".0", ""), f"{{'a': {text}}}", text.replace("1", "2"), text.replace("', '", "'"),
    ]  # fmt: skip
    arguments[name] = random_state.choice(edits)


def _number(calls, random_state):
    """A number as another type, or as another number."""
    numbers = [(arguments, name) for _, arguments in calls for name, text in arguments.items() if text[0].isdigit()]
    if numbers:
        arguments, name = random_state.choice(numbers)
        text = arguments[name].partition(".")[0]
        forms = (text, f"{text}.0", f"-{text}", f"'{text}'", f"{text} + 0", f"{text} / 1", "True", "1", "10**400")
        arguments[name] = random_state.choice(forms)


def _rename(calls, random_state):
    position = random_state.randrange(len(calls))
    name, arguments = calls[position]
    names = (
        name + "s",
        name.replace(".", "_"),
        name.rpartition(".")[2],
        f"x.{name}",
        f"f().{name}",
        "other",
        f"{name}()",
    )
    calls[position] = (random_state.choice(names), arguments)


def _lose(calls, random_state):
    del calls[random_state.randrange(len(calls))]
    if not calls:
        calls.append(("other", {}))


def _repeat(calls, random_state):
    name, arguments = random_state.choice(calls)
    calls.append((name, dict(arguments)))


def _shuffle(calls, random_state):
    random_state.shuffle(calls)


CHANGES = (
    _drop,
    _add,
    _other_value,
    _other_value,
    _edited,
    _edited,
    _edited,
    _number,
    _number,
    _rename,
    _lose,
    _repeat,
    _shuffle,
)
FORMS = (
    *[lambda text: text] * 40,
    lambda text: text.strip("[]"),
    lambda text: f"`{text}`",
    lambda text: f"```python\n{text}\n```",
    lambda text: f"\n ```{text}``` \n",
    lambda text: f"'{text}'",
    lambda text: f"The answer is {text}",
    lambda text: text.replace(", ", ",\n    "),
    lambda text: text.replace("(", "(3, ", 1),
    lambda text: text[:-2],
    lambda text: f"({text})",
    lambda text: f"{text}, {text}",
    lambda text: f"{text} + {text}",
    lambda text: text.replace("(", "(**more, ", 1),
    lambda text: f"\t{text}",
    lambda text: "",
)
