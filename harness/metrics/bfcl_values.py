"""Whether the value of an argument is accepted, by the rules of the Berkeley Function-Calling Leaderboard's checker.

:mod:`~.metrics.ast_bfcl` names the source. Types are compared for identity: ``True`` is no integer.
"""

import re
from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """``valid`` or the checker's ``error_type``, and what differs."""

    label: str
    message: str = ""


VALID = Verdict("valid")
_TYPES = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_IGNORED = re.compile(r"[ ,./\-_*^]")


def argument_verdict(value: Any, schema: dict[str, Any], accepted: list[Any]) -> Verdict:
    """The verdict on one argument.

    Args:
        value: the answer's.
        schema: of the parameter.
        accepted: its values.

    Raises:
        KeyError, TypeError, AttributeError, OverflowError: as the checker does, where the types do not fit.
    """
    described = schema["type"]
    wanted = _TYPES[described]
    of_entries = _TYPES[schema["items"]["type"]] if described in ("array", "tuple") else None
    if described == "tuple" and isinstance(value, tuple):
        value = list(value)
    if described == "float" and type(value) is int:
        value = float(value)
    error, is_variable = _type_verdict(value, accepted, wanted, of_entries)
    if error:
        return Verdict(error, f"the function takes {described}")
    if not is_variable and wanted is dict:
        return _dictionary(value, accepted)
    if not is_variable and wanted is list:
        return _dictionaries(value, accepted) if of_entries is dict else _list(value, accepted)
    if not is_variable and wanted is str:
        return VALID if standardised(value) in map(standardised, accepted) else Verdict("value_error:string")
    return VALID if value in accepted else Verdict("value_error:others")


def standardised(value: Any) -> Any:
    """A text without case, quotes' kind and separators; anything else as it is."""
    return _IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


def _type_verdict(value: Any, accepted: list[Any], wanted: type, of_entries: type | None) -> tuple[str, bool]:
    """The error, or none; and whether the value is a variable's name, or anything else of the accepted values' type."""
    type_of_accepted = next((type(one) for one in accepted if one != ""), None)
    is_variable = type_of_accepted not in (None, wanted)
    if type(value) is not wanted:
        return ("", True) if type(value) is type_of_accepted else ("type_error:simple", False)
    if of_entries is None or any(_entries_fit(value, one, of_entries) for one in accepted):
        return "", is_variable
    # An accepted value of the list's own type gives the checker's first error, another its second.
    return ("type_error:nested" if type(value) is type_of_accepted else "type_error:simple"), False


def _entries_fit(value: Any, accepted: Any, of_entries: type) -> bool:
    """Whether the types of a list's entries fit one accepted value; one that is no list says nothing about them."""
    if not isinstance(accepted, list):
        return True
    return not any(_type_verdict(entry, accepted, of_entries, None)[0] for entry in value)


def _list(value: list[Any], accepted: list[Any]) -> Verdict:
    lists = [[standardised(entry) for entry in _by_position(one)] for one in accepted]
    return VALID if [standardised(entry) for entry in value] in lists else Verdict("value_error:list/tuple")


def _dictionary(value: dict[Any, Any], accepted: list[Any]) -> Verdict:
    """Of one accepted dictionary each entry has an accepted value, and none is missing that may not be."""
    verdict = Verdict("dict_checker:unclear")
    for one in accepted:
        if one == "":
            continue
        verdict = _entries_verdict(value, one)
        if verdict == VALID:
            break
    return verdict


def _entries_verdict(value: dict[Any, Any], accepted: dict[str, list[Any]]) -> Verdict:
    verdict = VALID
    for key, entry in value.items():
        if key not in accepted:
            verdict = Verdict("value_error:dict_key", f"there is no key {key!r}")
            break
        options = [standardised(one) for one in _by_position(accepted[key])]
        if standardised(entry) not in options:
            verdict = Verdict("value_error:dict_value", f"{key!r} may be {options}")
            break
    for key, options in accepted.items():
        if key not in value and "" not in options:
            return Verdict("value_error:dict_key", f"{key!r} is missing")
    return verdict


def _by_position(values: Any) -> list[Any]:
    """The values by their numbers, which a dictionary among them does not have."""
    return [values[number] for number in range(len(values))]


def _dictionaries(value: list[Any], accepted: list[Any]) -> Verdict:
    """Each dictionary of a list is accepted in its place."""
    verdict = Verdict("list_dict_checker:unclear")
    for one in accepted:
        if len(value) != len(one):
            verdict = Verdict("value_error:list_dict_count", f"{len(value)} dictionaries instead of {len(one)}")
            continue
        for entry, right in zip(value, one, strict=True):
            verdict = _dictionary_in_list(entry, right)
            if verdict != VALID:
                break
        else:
            return VALID
    return verdict


def _dictionary_in_list(entry: Any, right: Any) -> Verdict:
    if right == "":
        return Verdict("dict_checker:unclear")
    return _entries_verdict(entry, right)
