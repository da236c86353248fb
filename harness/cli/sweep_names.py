"""The names of a sweep's cells, which depend on each cell alone.

So values and axes that are added to the file, and another order of its lines, leave the folders of runs where they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

# Characters of one part, and of a whole name: folders' names may have 255 bytes.
_PART, _WHOLE = 60, 180
_DIGEST = 8


def names_of(cells: Sequence[Mapping[str, Any]], order: Sequence[str], defaults: Mapping[str, Any]) -> list[str]:
    """A folder's name for each cell: ``BENCHMARK-MODEL``, then ``-OPTION-VALUE`` for each value that is no default.

    Args:
        cells: the options of each that other cells may have otherwise, by long name.
        order: the long names of all options, in the order in which a name has them.
        defaults: the values of `apigauge run` by attribute: ``max_new_tokens``.
    """
    names = [_name(cell, order, defaults) for cell in cells]
    several = {name for name, count in Counter(name.casefold() for name in names).items() if count > 1}
    return [
        f"{name}-{_digest(cell)}" if name.casefold() in several else name
        for name, cell in zip(names, cells, strict=True)
    ]


def _name(cell: Mapping[str, Any], order: Sequence[str], defaults: Mapping[str, Any]) -> str:
    parts = [_part(cell[option]) for option in ("benchmark", "model") if option in cell]
    for option in order:
        is_default = option not in cell or cell[option] == defaults.get(option.replace("-", "_"))
        if option not in ("benchmark", "model") and not is_default:
            parts.append(f"{option}-{_part(cell[option])}")
    whole = "-".join(parts) or "run"
    return whole if len(whole) <= _WHOLE else f"{whole[:_WHOLE]}-{_digest(cell)}"


def _part(value: Any) -> str:
    """A value as part of a folder's name."""
    text = (
        json.dumps(value)
        if isinstance(value, bool)
        else "-".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in text)
    while "--" in plain:
        plain = plain.replace("--", "-")
    plain = plain.strip("-.")
    # What is cut, or has no character that a folder's name may have, is told from others by a digest.
    return plain if plain and len(plain) <= _PART else f"{plain[:_PART]}-{_digest(value)}".strip("-")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGEST]
