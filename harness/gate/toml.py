"""``apigauge.toml``: tests without a line of Python.

[[gate]]
benchmark = "mini"
model = "hf:./checkpoint"
baseline = "baseline.json"
"""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from apigauge.harness.gate.pytest_cases import Check, checks


class File(pytest.File):
    """One ``apigauge.toml``."""

    def collect(self) -> Iterator["Group"]:
        """The gates."""
        try:
            declared = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.CollectError(f"{self.path}: cannot be read: {error}") from error
        gates = declared.get("gate")
        if not isinstance(gates, list) or declared.keys() != {"gate"}:
            raise self.CollectError(f"{self.path}: one or more [[gate]] tables are expected, and nothing else")
        for gate in gates:
            found = checks(gate, self.config, self.path.parent)
            yield Group.from_parent(self, name=found[0].gate.name, checks=found)


class Group(pytest.Collector):
    """One ``[[gate]]``."""

    def __init__(self, *, checks: Sequence[Check], **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest passes name and parent
        self._checks = checks

    def collect(self) -> Iterator["Test"]:
        """A test for each metric and slice."""
        for check in self._checks:
            yield Test.from_parent(self, name=check.title, check=check)


class Test(pytest.Item):
    """One metric on one benchmark, or a part of it."""

    def __init__(self, *, check: Check, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest passes name and parent
        self._check = check

    def setup(self) -> None:
        """Makes and judges the run, or takes what another test has made of it."""
        self._check.finding(self.config)

    def runtest(self) -> None:
        """Fails where the metric got worse."""
        self._check.verify(self.config)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is declared, and the heading of its failure."""
        return self.path, None, f"{self._check.gate.name}: {self.name}"
