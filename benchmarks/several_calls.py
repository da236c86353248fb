"""The fields of an item that say more than one call does: ``calls``, ``order``, ``values``, and those of BFCL.

``values`` follows the Berkeley Function-Calling Leaderboard: by parameter the values that are accepted, an empty one
meaning that the argument may be left out. Each is a Python literal, written as text.
"""

import ast
import json
from collections.abc import Collection, Mapping
from typing import Any

from apigauge.benchmarks.types import Values, api_key
from apigauge.errors import DataError

# Fields of an item that are no texts.
NOT_TEXT = ("calls", "values", "functions", "possible_answers")


def checked(row: Mapping[str, Any], functions: Collection[str], where: str) -> dict[str, Any]:
    """The attributes of an item for these fields of its row.

    Args:
        row: of ``items.jsonl``.
        functions: what the catalogue calls.
        where: file and line, for messages.

    Raises:
        DataError: one of them is damaged, or they do not fit together.
    """
    calls = _calls(row, functions, where)
    order = row.get("order", "given")
    if order not in ("given", "any"):
        raise DataError(f"{where}: order is {order!r}; write 'any', or leave it out for the order of calls")
    if "order" in row and not calls:
        raise DataError(f"{where}: order is of calls, and there are none; leave it out")
    schemas, answers = _functions(row, where)
    return {
        "calls": calls,
        "any_order": order == "any",
        "values": _values(row, calls, where),
        "functions": schemas,
        "possible_answers": answers,
    }


def _calls(row: Mapping[str, Any], functions: Collection[str], where: str) -> tuple[str, ...]:
    calls = row.get("calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, str) for call in calls):
        raise DataError(f"{where}: calls is {str(calls)[:40]!r}, and no list of calls; write them as texts in []")
    for call in calls:
        if api_key(call).partition("(")[0] not in functions:
            raise DataError(
                f"{where}: the function of {call!r}, in calls, is in no row of catalogue.jsonl; add a row that calls it"
            )
    if calls and api_key(row["api_call"]) not in map(api_key, calls):
        raise DataError(f"{where}: api_call {row['api_call']!r} is none of calls; add it where it belongs")
    return tuple(calls)


def _values(row: Mapping[str, Any], calls: tuple[str, ...], where: str) -> tuple[Values, ...]:
    """The accepted values of each call; an object alone is of ``api_call``."""
    if "values" not in row:
        return ()
    given = row["values"]
    texts = calls or (row["api_call"],)
    if isinstance(given, dict):
        key = api_key(row["api_call"])
        given = [given if api_key(call) == key else {} for call in texts]
    if not isinstance(given, list) or len(given) != len(texts) or not all(isinstance(one, dict) for one in given):
        raise DataError(
            f"{where}: values is {str(row['values'])[:40]!r}; write an object, or a list of {len(texts)}, one for "
            "each call"
        )
    return tuple(_values_of(call, one, where) for call, one in zip(texts, given, strict=True))


def _values_of(call: str, values: Mapping[str, Any], where: str) -> Values:
    """The accepted values of one call.

    Raises:
        DataError: they are no literals, or the call itself has a value that is none of them.
    """
    for parameter, options in values.items():
        if not isinstance(options, list) or not options or not all(isinstance(option, str) for option in options):
            raise DataError(
                f"{where}: values of {parameter} is {str(options)[:40]!r}; write a list of literals, each as a text: "
                '["3", "\'cm\'", ""]'
            )
        for option in options:
            if option and _literal(option) is None:
                raise DataError(
                    f"{where}: {option!r}, of {parameter} in values, is no Python literal; quote texts twice"
                )
    for parameter, written in _written(call).items():
        if parameter in values and written not in [_literal(option) for option in values[parameter] if option]:
            raise DataError(f"{where}: {call!r} has a value of {parameter} that is none of its values; add it to them")
    return tuple((parameter, tuple(options)) for parameter, options in values.items())


def _literal(text: str) -> str | None:
    """A literal in one form, whatever its quotes; None if the text is none."""
    try:
        return repr(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _written(call: str) -> dict[str, str]:
    """The keyword arguments of a call that are literals."""
    try:
        tree = ast.parse(call.strip(), mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    keywords = tree.keywords if isinstance(tree, ast.Call) else []
    literals = {keyword.arg: _literal(ast.unparse(keyword.value)) for keyword in keywords if keyword.arg}
    return {name: text for name, text in literals.items() if text is not None}


def _functions(row: Mapping[str, Any], where: str) -> tuple[str, str]:
    """The schemas and what BFCL's checker accepts, as JSON.

    Raises:
        DataError: the schemas are no list of objects that each have a name, or a right call is of none of them.
    """
    functions, answers = row.get("functions", []), row.get("possible_answers", [])
    if not isinstance(functions, list) or not all(isinstance(one, dict) and one.get("name") for one in functions):
        raise DataError(
            f"{where}: functions is {str(functions)[:40]!r}; write a list of objects with name, description, parameters"
        )
    names = [one["name"] for one in functions]
    is_list = isinstance(answers, list) and all(isinstance(one, dict) and len(one) == 1 for one in answers)
    if not is_list or not all(
        name in names and isinstance(one, dict) for call in answers for name, one in call.items()
    ):
        raise DataError(
            f"{where}: possible_answers is {str(answers)[:40]!r}; write a list of objects, each with one of functions "
            "and an object of its arguments' accepted values"
        )
    return _as_json(functions), _as_json(answers)


def _as_json(rows: list[Any]) -> str:
    return json.dumps(rows, indent=4) if rows else ""
