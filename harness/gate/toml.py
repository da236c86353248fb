"""``apigauge.toml``: declares tests without Python code.

[[gate]]
benchmark = "mini"
model = "hf:./checkpoint"
baseline = "baseline.json"
"""

import itertools
import tomllib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from apigauge.harness.gate.pytest_cases import Case, cases, verify


class File(pytest.File):
    """One ``apigauge.toml``."""

    def collect(self) -> Iterator["Group"]:
        """The gates."""
        try:
            content = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.CollectError(f"{self.path}: cannot be read: {error}") from error
        gates = content.get("gate")
        if not isinstance(gates, list) or content.keys() != {"gate"}:
            raise self.CollectError(f"{self.path}: only [[gate]] tables are expected, at least one")
        taken: set[str] = set()
        for gate in gates:
            if not isinstance(gate, dict):
                raise self.CollectError(f"{self.path}: only [[gate]] tables are expected, at least one")
            declared = cases(gate, self.config, self.path.parent)
            name = _unused(declared[0].gate.name, taken)
            taken.add(name)
            yield Group.from_parent(self, name=name, cases=declared)


def _unused(name: str, taken: Collection[str]) -> str:
    """The name of a gate's tests, with a number if another gate has it: a test's id selects it, and no other."""
    return next(
        one for one in itertools.chain([name], (f"{name}-{at}" for at in itertools.count(2))) if one not in taken
    )


class Group(pytest.Collector):
    """One ``[[gate]]``."""

    def __init__(self, *, cases: Sequence[Case], **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest passes name and parent
        self._cases = cases

    def collect(self) -> Iterator["Test"]:
        """One test for each metric and slice."""
        for case in self._cases:
            yield Test.from_parent(self, name=case.title, case=case)


class Test(pytest.Item):
    """One metric on a benchmark or a slice of it."""

    def __init__(self, *, case: Case, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest passes name and parent
        self._case = case

    def setup(self) -> None:
        """Makes and judges the run, unless another test of the session has done so."""
        self._case.finding(self.config)

    def runtest(self) -> None:
        """Fails on a regression."""
        verify([self._case], self.config)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is declared, and the heading of its failure."""
        return self.path, None, f"{self._case.gate.name}: {self.name}"
