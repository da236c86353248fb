"""The Berkeley Function-Calling Leaderboard v4: its single-turn Python questions that have a reference.

From the wheel ``bfcl-eval`` (Apache-2.0). Left out: questions whose right answer is no call (irrelevance, relevance),
Java and JavaScript, and what has several turns, a memory, or a web search.
"""

import json
import zipfile
from collections.abc import Iterable, Mapping
from itertools import islice, product
from pathlib import Path
from typing import Any

from apigauge.benchmarks.loaders import write_rows

CATEGORIES = (
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
)
_DATA = "bfcl_eval/data"
# Of a dictionary whose entries may each have several values, so many are written out.
_MOST_VALUES = 64
# The package's own prompt (bfcl_eval/constants/default_prompts.py, the default format), as one text.
_PROMPT = """\
You are an expert in composing functions.You are given a question and a set of possible functions. Based on the \
question, you will need to make one or more function/tool calls to achieve the purpose. If none of the functions can \
be used, point it out. If the given question lacks the parameters required by the function, also point it out.

You should only return the function calls in your response.

If you decide to invoke any of the function(s), you MUST put it in the format of \
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)].  \
You SHOULD NOT include any other text in the response.

At each turn, you should try your best to complete the tasks requested by the user within the current turn. Continue \
to output functions to call until you have fulfilled the user's request to the best of your ability. Once you have no \
more functions to call, the system will consider the current turn complete and proceed to the next turn or task.

Here is a list of functions in json format that you can invoke.
{functions}

{instruction}"""


def make(file: Path, name: str, out: Path) -> None:
    """Writes the benchmark's folder.

    Args:
        file: the wheel.
        name: of the benchmark.
        out: an empty folder.
    """
    with zipfile.ZipFile(file) as wheel:
        rows = [(category, *both) for category in CATEGORIES for both in _questions(wheel, category)]
    settings = {"name": name, "version": "4-A", "licence": "Apache-2.0", "prompt": _PROMPT}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (out / "benchmark.toml").write_text(text, encoding="utf-8")
    write_rows(out / "items.jsonl", (_item(*row) for row in rows))
    write_rows(
        out / "catalogue.jsonl", _catalogue(function for _, question, _ in rows for function in question["function"])
    )


def _questions(wheel: zipfile.ZipFile, category: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The questions of a category, each with its right calls."""
    files = (f"{_DATA}/BFCL_v4_{category}.json", f"{_DATA}/possible_answer/BFCL_v4_{category}.json")
    questions, answers = ([json.loads(line) for line in wheel.read(name).splitlines() if line] for name in files)
    right = {row["id"]: row["ground_truth"] for row in answers}
    return [(row, right[row["id"]]) for row in questions]


def _item(category: str, row: Mapping[str, Any], answers: list[dict[str, Any]]) -> dict[str, Any]:
    schemas = {function["name"]: function for function in row["function"]}
    calls = [next(iter(answer.items())) for answer in answers]
    texts = [_call(schemas[name], arguments) for name, arguments in calls]
    values = [_values(arguments, schemas[name]) for name, arguments in calls]
    turn = row["question"][0]
    several = {"calls": texts, "order": "any"} if len(texts) > 1 else {}
    return {
        "id": row["id"],
        "instruction": "\n\n".join(message["content"] for message in turn).strip(),
        "api_call": texts[0],
        "domain": category,
        "program": f"[{', '.join(texts)}]",
        **several,
        "values": values if several else values[0],
        "functions": [_with_hint(function) for function in row["function"]],
        "possible_answers": answers,
    }


def _with_hint(function: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as the package shows it to models (bfcl_eval/utils.py)."""
    return {
        **function,
        "description": f"{function['description']} Note that the provided function is in Python 3 syntax.",
    }


def _call(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """A right call: of each argument the first value, and none that may be left out."""
    name, required = schema["name"], schema["parameters"]["required"]
    passed = (
        parameter
        for parameter, options in arguments.items()
        if parameter in required or (options and "" not in options)
    )
    chosen = {parameter: _first(arguments[parameter]) for parameter in passed}
    return f"{name}({', '.join(f'{parameter}={value!r}' for parameter, value in chosen.items())})"


def _first(options: list[Any]) -> Any:
    """The first value as it would be written: entries of a dictionary are lists of values again."""
    return next(iter(_written(next((option for option in options if option != ""), ""))))


def _written(option: Any) -> Iterable[Any]:
    """The values that one accepted value stands for."""
    if isinstance(option, list) and option and all(isinstance(entry, dict) for entry in option):
        return (list(entries) for entries in product(*map(_written, option)))
    if not isinstance(option, dict):
        return [option]
    choices = [[(key, value) for value in values] for key, values in option.items()]
    return (dict(entry for entry in entries if entry[1] != "") for entries in product(*choices))


def _values(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """The accepted values of each argument as literals; a whole number stands for a float, as in the checker."""
    values = {}
    for parameter, options in arguments.items():
        if not options:  # two questions: nothing is accepted, so that no answer is right for the checker
            continue
        texts = dict.fromkeys(_texts(options))
        details = schema["parameters"]["properties"].get(parameter, {})
        if "" in options and details.get("type") == "string":
            texts["''"] = None
        if details.get("type") == "float":
            numbers = [option for option in options if isinstance(option, float) and option.is_integer()]
            texts |= dict.fromkeys(repr(int(number)) for number in numbers)
        values[parameter] = list(texts)
    return values


def _texts(options: list[Any]) -> list[str]:
    texts = []
    for option in options:
        texts += [""] if option == "" else [repr(value) for value in islice(_written(option), _MOST_VALUES)]
    return texts


def _catalogue(functions: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """A row for each name of a function, with the parameters that it has in any question."""
    merged: dict[str, dict[str, Any]] = {}
    for function in functions:
        row = merged.setdefault(function["name"], {"function": function, "parameters": {}, "required": None})
        row["parameters"] |= dict.fromkeys(function["parameters"]["properties"])
        required = set(function["parameters"]["required"])
        row["required"] = required if row["required"] is None else row["required"] & required
    for name, row in merged.items():
        first = [parameter for parameter in row["parameters"] if parameter in row["required"]]
        names = [*first, *(parameter for parameter in row["parameters"] if parameter not in row["required"])]
        signature = ", ".join(one if one in row["required"] else f"{one}=None" for one in names)
        yield {
            "api_call": f"{name}({', '.join(names)})",
            "api_name": name,
            "description": row["function"]["description"],
            "signature": f"{name}({signature})",
        }
