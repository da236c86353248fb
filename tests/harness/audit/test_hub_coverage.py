"""Whether enough of a catalogue loads."""

from apigauge.harness.audit.attribution import Rule
from apigauge.harness.audit.hub_coverage import Coverage, Loaded


def coverage(*faults):
    """A row for each: None if it loads, else what its failure is attributed to."""
    rows = [
        Loaded(at, "f()", "torch", "hub", "", fault is None, "", "", None if fault is None else Rule(fault, "why"))
        for at, fault in enumerate(faults)
    ]
    return Coverage("b", {}, rows, 0.9)


def test_what_is_promised_is_of_the_rows_that_can_load_anywhere():
    assert coverage(*[None] * 8, "benchmark", "benchmark").is_enough
    assert coverage(*[None] * 9, "ours").is_enough
    assert not coverage(*[None] * 8, "ours", "benchmark").is_enough
