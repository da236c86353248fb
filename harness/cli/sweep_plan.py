"""What a sweep would ask and cost, and in which order: the cheapest first, cells of one loaded model together.

Cells that differ in scoring alone share their answers: the first of them that has answers is the one whose answers the
others take.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.cost import check_cost, price_for
from apigauge.harness.cli.dry_run import plan_of
from apigauge.harness.cli.run import model_options
from apigauge.harness.cli.sweep_file import Cell
from apigauge.harness.cli.sweep_state import Board
from apigauge.harness.generation.backends import BACKENDS, split_spec
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark

# Options that change scores and no answer.
_SCORING = (
    "metrics", "reasoning", "sandbox", "accept-no-isolation", "sandbox-workers", "runtime", "environment", "hub",
    "inputs",
)  # fmt: skip
# Options of `run` that a baseline does not read.
_OF_MODELS = (
    "prompt", "retriever", "max-new-tokens", "samples", "temperature", "top-p", "top-k", "seed", "stop", "system",
    "chat-template-arg", "dtype", "device", "adapter",
)  # fmt: skip


@dataclass(slots=True)
class Planned:
    """A cell with its plan.

    Attributes:
        cell: from the file.
        arguments: of its run.
        options: of its model.
        plan: as of ``apigauge run --dry-run``; empty if there is an error.
        error: why there is none, as a file that is missing.
        shares: cells of the sweep with the same answers, itself among them.
    """

    cell: Cell
    arguments: argparse.Namespace
    options: ModelOptions
    plan: dict[str, Any] = field(default_factory=dict)
    error: ApigaugeError | OSError | None = None
    shares: "list[Planned]" = field(default_factory=list)

    @property
    def is_asking(self) -> bool:
        """Whether its own run asks the model: it is the first of those with its answers."""
        return self.shares[0] is self

    @property
    def loaded(self) -> tuple[str, ModelOptions]:
        """What is loaded for it: another sampling needs no other weights."""
        return self.cell.model, replace(self.options, sampling=Sampling())

    @property
    def cost(self) -> tuple[float, float, float]:
        """What its missing answers cost: dollars and tokens, both upper bounds; and answers."""
        if not self.plan:
            return (0.0, 0.0, 0.0)
        cost = self.plan["cost"]
        tokens = cost["prompt_tokens"] + cost["answer_tokens_at_most"]
        return (cost["dollars_at_most"] or 0.0, tokens, self.plan["answers"] - self.plan["answered"])


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """The benchmarks of a sweep, each read once."""

    data_dir: Path | None
    read: "dict[str, Benchmark]" = field(default_factory=dict)

    def __getitem__(self, name: str) -> "Benchmark":
        from apigauge.benchmarks import load_benchmark

        if name not in self.read:
            self.read[name] = load_benchmark(name, self.data_dir)
        return self.read[name]


def planned(cells: Sequence[Cell], board: Board, benchmarks: Benchmarks, general: argparse.Namespace) -> list[Planned]:
    """The cells in the order of their runs, and their numbers on the board.

    Raises:
        UsageError: options of a cell exclude one another, or a limit of cost lacks a price.
    """
    every = [_planned(cell, board, benchmarks, general) for cell in cells]
    groups: dict[str, list[Planned]] = {}
    for one in every:
        key = json.dumps({name: v for name, v in one.cell.options.items() if name not in _SCORING}, sort_keys=True)
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        # The first that has answers has them for all.
        group.sort(key=lambda one: not board[one.cell.name].answered)
        for one in group:
            one.shares = group
    for one in every:
        entry = board[one.cell.name]
        if one.plan:
            entry.items, entry.expected = one.plan["items"], one.plan["answers"]
            entry.dollars_at_most = one.plan["cost"]["dollars_at_most"] if one.is_asking else None
        board.refresh(entry)
    return _in_order(every)


def _planned(cell: Cell, board: Board, benchmarks: Benchmarks, general: argparse.Namespace) -> Planned:
    arguments = argparse.Namespace(**vars(cell.arguments))
    arguments.out = board.folder(cell.name)
    arguments.data_dir, arguments.workers = general.data_dir, general.workers
    try:
        check_cost(arguments)
        options = model_options(arguments)
        price = price_for(arguments, cell.model)
    except UsageError as error:
        raise UsageError(f"{cell.name}: {error}") from error
    if general.max_cost is not None and price is None and split_spec(cell.model)[0] == "openai":
        raise UsageError(f"{cell.name}: max-cost: needs the model's price: prices = FILE, or price = [IN, OUT]")
    one = Planned(cell, arguments, options)
    try:
        one.plan = plan_of(arguments, benchmarks[cell.benchmark], cell.model, options, runs_programs=True)
    except (ApigaugeError, OSError) as error:
        one.error = error
    return one


def _in_order(every: Sequence[Planned]) -> list[Planned]:
    """The cheapest first: models by their cheapest cell, then sets of answers, then as in the file."""
    models: list[tuple[str, ModelOptions]] = []  # options cannot be hashed
    model_of, position = {}, {}
    for number, one in enumerate(every):
        loaded = one.loaded
        if loaded not in models:
            models.append(loaded)
        model_of[one.cell.name], position[one.cell.name] = models.index(loaded), number
    cheapest = [
        min(one.shares[0].cost for one in every if model_of[one.cell.name] == number) for number in range(len(models))
    ]

    def key(one: Planned) -> tuple[Any, ...]:
        model, asking = model_of[one.cell.name], one.shares[0]
        return (cheapest[model], model, asking.cost, position[asking.cell.name], not one.is_asking)

    return sorted(every, key=key)


def notes(cells: Sequence[Planned], axes: Mapping[str, Sequence[Any]]) -> list[str]:
    """What the plan's axes do not do: options that a baseline does not read, seeds without sampling."""
    lines = []
    varied = [name for name in _OF_MODELS if len(axes.get(name, ())) > 1]
    for spec in dict.fromkeys(one.cell.model for one in cells):
        own = [one for one in cells if one.cell.model == spec]
        if not BACKENDS[split_spec(spec)[0]].runs_model:
            if varied and len(own) > 1:
                lines.append(f"{spec} reads no {' and no '.join(varied)}: its cells are alike; exclude all but one")
        elif "seed" in varied and all(one.options.sampling.temperature == 0 for one in own):
            lines.append(f"{spec}: temperature is 0, so its answers do not depend on the seed")
    return lines
