"""Some cases of many: CI runs these, ``make test-all`` all."""

from collections.abc import Iterable
from typing import Any

import pytest


def few(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases as parameters of a test; all but one of ``every`` are marked ``exhaustive``."""
    return [
        case if place % every == 0 else pytest.param(*_values(case), marks=pytest.mark.exhaustive)
        for place, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
