"""Every attack against every kind of sandbox that promises to withstand it."""

import pytest

from apigauge.sandboxes.attacks import KINDS, load
from apigauge.sandboxes.attacks.run import run_one

# A second or two each, some hundreds of them.
pytestmark = [pytest.mark.slow, pytest.mark.attack]
MARKS = {"docker": [pytest.mark.docker], "process": [pytest.mark.bwrap], "bare": []}
CASES = [
    pytest.param(one, kind, id=f"{kind}-{one.family}-{one.name}", marks=MARKS[kind])
    for kind in KINDS
    for one in load()
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
