"""``apigauge hubs verify``: whether a typical use of each model runs in its hub, and whether a wrong one fails.

What is typical follows from a model's task, family or repository, as cards show it; what is wrong is a mistake that
people make with that kind of model, and that the real library refuses. A wrong use counts only where the typical one
runs: if that fails, the wrong one fails for whatever reason.
"""

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from apigauge.benchmarks.types import Api
from apigauge.harness.audit import huggingface_uses, tensorflowhub_uses, torchhub_uses
from apigauge.harness.audit.call_imports import strings
from apigauge.harness.audit.use import Use
from apigauge.sandboxes.verdict import Program, Sandbox, Verdict

# By hub: the uses of the models that calls name.
_USES: Mapping[str, Callable[[Iterable[tuple[str, ...]]], list[Use]]] = {
    "huggingface": huggingface_uses.uses,
    "tensorflowhub": tensorflowhub_uses.uses,
    "torchhub": torchhub_uses.uses,
}
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a model's uses.

    Attributes:
        model: its address.
        kind: its task, family or repository.
        loads: whether a row of the catalogue that names it loads; None if no row was run.
        typical: whether the typical use ran to its end; None if none is written for this kind.
        wrong: whether the wrong use failed by itself; None if the typical use did not run.
        reason: why the typical use failed, or what the wrong one ended with.
    """

    model: str
    kind: str
    loads: bool | None
    typical: bool | None
    wrong: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class ModelUses:
    """The uses of a catalogue's models."""

    rows: list[Measured]

    def to_json(self) -> dict[str, Any]:
        """Counts by kind, and every model."""
        return {
            "kinds": {kind: _counts(rows) for kind, rows in self._by_kind().items()},
            "all": _counts(self.rows),
            "models": [{name: getattr(row, name) for name in Measured.__slots__} for row in self.rows],
        }

    def to_lines(self) -> list[str]:
        """For the terminal: a table by kind, and the models that do not come out as on the real hub."""
        columns = ("load", "typical use runs", "wrong use fails")
        width = max(len(row.kind) for row in self.rows) if self.rows else 0
        lines = [f"{'kind':{width}}{'models':>8}" + "".join(f"{name:>18}" for name in columns)]
        for kind, rows in (*self._by_kind().items(), ("all", self.rows)):
            counts = _counts(rows)
            cells = (f"{counts[name]} of {counts[f'{name}_of']}" for name in ("load", "typical", "wrong"))
            lines.append(f"{kind:{width}}{counts['models']:8}" + "".join(f"{cell:>18}" for cell in cells))
        for title, chosen in (
            ("models whose typical use fails", [row for row in self.rows if row.typical is False]),
            ("models whose wrong use runs", [row for row in self.rows if row.wrong is False]),
        ):
            lines += ["", f"{title} ({len(chosen)}):"]
            lines += [f"  {row.model} ({row.kind}): {row.reason[:160]}" for row in chosen[:_SHOWN]]
            lines += [f"  and {len(chosen) - _SHOWN} more (--json has all)"] if len(chosen) > _SHOWN else []
        unwritten = sorted({row.kind for row in self.rows if row.typical is None})
        return [*lines, "", f"kinds of which no use is written: {', '.join(unwritten) or 'none'}"]

    def _by_kind(self) -> dict[str, list[Measured]]:
        sizes = Counter(row.kind for row in self.rows)
        kinds = sorted(sizes, key=lambda kind: (-sizes[kind], kind))
        return {kind: [row for row in self.rows if row.kind == kind] for kind in kinds}


def uses_of(hub: str, catalogue: Iterable[Api], pattern: str = "*") -> list[Use]:
    """The uses of the models that a catalogue's calls name, once each.

    Args:
        hub: its name.
        catalogue: its rows.
        pattern: of the models' addresses, as for a shell.
    """
    calls = [strings(api.call) for api in catalogue]
    return [use for use in _USES[hub](calls) if fnmatch.fnmatchcase(use.model, pattern)]


def named_by(uses: Iterable[Use], catalogue: Iterable[Api]) -> tuple[Api, ...]:
    """The rows of a catalogue whose calls name one of the models."""
    names = [set(use.named) for use in uses]
    return tuple(api for api in catalogue if any(one.issubset(strings(api.call)) for one in names))


def measure(
    uses: Iterable[Use],
    sandbox: Sandbox,
    rows: Iterable[tuple[str, bool]] = (),
    tick: Callable[[], None] = lambda: None,
) -> ModelUses:
    """Runs the uses, as many at once as the sandbox has workers.

    Args:
        uses: of :func:`uses_of`.
        sandbox: where they run, with the hub.
        rows: calls of the catalogue, and whether each loads.
        tick: called after each model.
    """
    loaded = [(frozenset(strings(call)), ok) for call, ok in rows]

    def run(use: Use) -> Measured:
        typical = sandbox.run(Program(use.typical)) if use.typical else None
        runs = typical is not None and typical.status == "passed"
        wrong = sandbox.run(Program(use.wrong)) if runs and use.wrong else None
        tick()
        return Measured(
            use.model,
            use.kind,
            any(loads) if (loads := [ok for texts, ok in loaded if texts.issuperset(use.named)]) else None,
            None if typical is None else runs,
            None if wrong is None else wrong.status == "failed",
            _reason(wrong or typical),
        )

    with ThreadPoolExecutor(sandbox.concurrency) as pool:
        return ModelUses(list(pool.map(run, uses)))


def _reason(verdict: Verdict | None) -> str:
    return "" if verdict is None else " ".join(f"{verdict.status}: {verdict.reason}".split())


def _counts(rows: list[Measured]) -> dict[str, int]:
    counts = {"models": len(rows)}
    for short, name in (("load", "loads"), ("typical", "typical"), ("wrong", "wrong")):
        values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        counts |= {short: sum(values), f"{short}_of": len(values)}
    return counts
