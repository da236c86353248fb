"""Runs of the same answers in several environments, which differ only by what versions of libraries make of them."""

from collections.abc import Sequence
from itertools import pairwise

from apigauge.reports.views import RunView, section


def environment_of(run: RunView) -> str:
    """What a run's environment was called; empty for a run without a sandbox."""
    sandbox = section(run.manifest, "sandbox")
    return str(sandbox.get("environment_source") or sandbox.get("environment") or "")


def upgrades(runs: Sequence[RunView]) -> list[tuple[int, int]]:
    """Places of two runs that hold the same answers and ran them in other environments, ordered by environment.

    Of more than two such runs, each with the next one.
    """
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for place, run in enumerate(runs):
        environment = environment_of(run)
        if run.scored and environment:
            groups.setdefault((run.digest, run.scored.texts_digest), []).append((environment, place))
    steps = [step for group in groups.values() for step in pairwise(sorted(group))]
    return sorted((a, b) for (first, a), (second, b) in steps if first != second)
