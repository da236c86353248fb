"""Every attack against every kind of sandbox that promises to withstand it."""

import pytest

from apigauge.sandboxes.attacks import KINDS, load
from apigauge.sandboxes.attacks.run import run_one

# A second or two each, some hundreds of them.
pytestmark = [pytest.mark.slow, pytest.mark.attack]
MARKS = {"docker": [pytest.mark.docker], "process": [pytest.mark.bwrap], "bare": []}


def _marks(one, place, kind):
    """CI runs each attack in one of its sandboxes, in turns; all the others are ``exhaustive``."""
    kinds = [kind for kind in KINDS if kind in one.where]
    return MARKS[kind] if kind == kinds[place % len(kinds)] else [*MARKS[kind], pytest.mark.exhaustive]


CASES = [
    pytest.param(one, kind, id=f"{kind}-{one.family}-{one.name}", marks=_marks(one, place, kind))
    for kind in KINDS
    for place, one in enumerate(load())
    if kind in one.where
]


@pytest.mark.parametrize(("one", "kind"), CASES)
def test_an_attack_has_no_effect(one, kind, pair, host):
    """The attack gets the verdict it must get, and neither the next program nor the neighbour nor the machine notices.

    A sandbox made to pass this by looking for these programs would be worthless; the witness checks what any program
    would meet.
    """
    victim, neighbour = pair(kind)
    result = run_one(one, victim, kind, neighbour, [host])
    assert result.ok, f"{result.got} instead of {' | '.join(result.expected)}; {result.effect}\n{one.description}"
