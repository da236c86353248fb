"""Items that accept more than one call does: several values of an argument, and several calls that must all be made."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from apigauge.benchmarks.types import Values
from apigauge.harness.metrics.calls import parse_call
from apigauge.harness.metrics.values import Value

# By parameter the values that are accepted; None stands for an argument that is left out.
Options = dict[str, tuple[Value | None, ...]]
Made = TypeVar("Made")


def options_of(values: Values) -> Options:
    """The accepted values of a call, read as a reference's arguments are."""
    return {name: tuple(_value(text) for text in texts) for name, texts in values}


def _value(text: str) -> Value | None:
    call = parse_call(f"f(x={text})", {}) if text else None
    return dict(call.keywords).get("x") if call is not None else None


def settled(bound: dict[str, Value], reference: dict[str, Value], options: Options) -> dict[str, Value]:
    """An answer's arguments with each accepted value replaced by what the reference says of that argument.

    Args:
        bound: the answer's arguments.
        reference: the reference's.
        options: what is accepted.
    """
    result = dict(bound)
    for name in options:
        if difference(name, bound.get(name), options):
            continue
        result.pop(name, None)
        if name in reference:
            result[name] = reference[name]
    return result


def first_difference(bound: dict[str, Value], reference: dict[str, Value], options: Options) -> tuple[str, str] | None:
    """The label and message of the first argument whose value is not accepted; None if there is none.

    Args:
        bound: the answer's arguments, :func:`settled`.
        reference: the reference's.
        options: what is accepted.
    """
    for name in options:
        got, want = bound.get(name), reference.get(name)
        if got != want and (message := difference(name, got, options)):
            return ("missing_argument" if got is None else "different_argument"), message
    return None


def difference(name: str, got: Value | None, options: Options) -> str:
    """How an argument differs from everything that is accepted for it; empty if it does not."""
    accepted = options[name]
    if got is None:
        return "" if None in accepted else f"{name} is missing; the item accepts {_listed(accepted)}"
    if any(want is not None and want.accepts(got) for want in accepted):
        return ""
    return f"{name} is {got.text}; the item accepts {_listed(accepted)}"


def _listed(accepted: Sequence[Value | None]) -> str:
    return " or ".join(value.text if value is not None else "nothing" for value in accepted[:5])


def first_missing(
    count: int, made: Sequence[Made], is_right: Callable[[int, Made], bool], *, any_order: bool
) -> int | None:
    """Which of several expected calls was not made; None if all were. Other calls may stand between them.

    Args:
        count: of expected calls.
        made: the calls in the order in which they were made.
        is_right: whether one made call is the expected call of that number.
        any_order: whether the order does not count.
    """
    if any_order:
        return _unmatched(count, made, is_right)
    position = 0
    for number in range(count):
        while position < len(made) and not is_right(number, made[position]):
            position += 1
        if position == len(made):
            return number
        position += 1
    return None


def _unmatched(count: int, made: Sequence[Made], is_right: Callable[[int, Made], bool]) -> int | None:
    """The first expected call that no assignment of made calls serves (Kuhn's algorithm)."""
    serves: dict[int, int] = {}

    def assign(number: int, seen: set[int]) -> bool:
        for position, call in enumerate(made):
            if position in seen or not is_right(number, call):
                continue
            seen.add(position)
            if position not in serves or assign(serves[position], seen):
                serves[position] = number
                return True
        return False

    return next((number for number in range(count) if not assign(number, set())), None)
