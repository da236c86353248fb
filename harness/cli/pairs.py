"""``--benchmark`` and ``--model`` of several values: every pair in turn, each model opened once."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.options import run_name
from apigauge.harness.cli.output import print_json, say

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark

Model = TypeVar("Model")


class Outcome(NamedTuple):
    """The result of one pair: an exit code, and what ``--json`` prints."""

    code: int
    result: dict[str, Any]


def for_each_pair(
    arguments: argparse.Namespace,
    open_model: Callable[[str], Model],
    work: "Callable[[Benchmark, Model], Outcome]",
) -> int:
    """Does the work for every pair of benchmark and model, model by model, and prints the results with ``--json``.

    Of several pairs one that fails is reported and the others still run. A single pair's failure is the command's.

    Args:
        arguments: of the command.
        open_model: opens a model by its ``--model``.
        work: does one pair.

    Returns:
        The highest exit code of all pairs.

    Raises:
        UsageError: there is no benchmark or no model, or one of them has a name that does not exist.
    """
    _check(arguments)
    from apigauge.benchmarks import load_benchmark

    if not is_several(arguments):
        benchmark = load_benchmark(arguments.benchmark[0], arguments.data_dir)
        outcome = work(benchmark, open_model(arguments.model[0]))
        if arguments.json:
            print_json(outcome.result)
        return outcome.code
    outcomes: list[Outcome] = []
    benchmarks: dict[str, Benchmark | Exception] = {}
    for name in arguments.benchmark:
        benchmarks[name] = _tried(partial(load_benchmark, name, arguments.data_dir))
    for spec in arguments.model:
        outcomes += _all_of_model(spec, benchmarks, open_model, work)
    if arguments.json:
        print_json({"runs": [outcome.result for outcome in outcomes]})
    if failed := [outcome.result for outcome in outcomes if "error" in outcome.result]:
        names = "; ".join(f"{result['benchmark']} by {result['model']}" for result in failed)
        say(f"apigauge: {len(failed)} of {len(outcomes)} runs failed: {names}")
    return max(outcome.code for outcome in outcomes)


def is_several(arguments: argparse.Namespace) -> bool:
    """Whether the command has more than one pair."""
    return len(arguments.benchmark) * len(arguments.model) > 1


def run_folder(arguments: argparse.Namespace, benchmark: str, spec: str) -> Path:
    """A pair's run folder: ``--out``; of several pairs a folder in it (or in ``runs``) for each."""
    if arguments.out and not is_several(arguments):
        return Path(arguments.out)
    return (arguments.out or Path("runs")) / run_name(benchmark, spec)


def _check(arguments: argparse.Namespace) -> None:
    """Finds what cannot work before anything is loaded, and drops what is named twice."""
    from apigauge.benchmarks import load_benchmark, names
    from apigauge.harness.generation.backends import split_spec

    for option in ("benchmark", "model"):
        values = list(dict.fromkeys(getattr(arguments, option) or ()))
        setattr(arguments, option, values)
        if not values:
            raise UsageError(f"--{option} is missing: give it on the command line or in a FILE of options")
        if file := next((value for value in values if value.endswith(".toml")), None):
            raise UsageError(f"--{option} {file}: a FILE of options stands before all options")
    for name in arguments.benchmark:
        if name not in names():
            load_benchmark(name)  # raises the error that lists the names
    for spec in arguments.model:
        split_spec(spec)


def _all_of_model(
    spec: str,
    benchmarks: "dict[str, Benchmark | Exception]",
    open_model: Callable[[str], Model],
    work: "Callable[[Benchmark, Model], Outcome]",
) -> Sequence[Outcome]:
    """One model on all benchmarks; opened if there is one that can be answered."""
    is_needed = any(not isinstance(benchmark, Exception) for benchmark in benchmarks.values())
    model = _tried(partial(open_model, spec)) if is_needed else None
    outcomes: list[Outcome] = []
    for name, benchmark in benchmarks.items():
        if isinstance(benchmark, Exception) or isinstance(model, Exception) or model is None:
            outcome: object = benchmark if isinstance(benchmark, Exception) else model
        else:
            say(f"apigauge: {name} by {spec}")
            outcome = _tried(partial(work, benchmark, model))
        if isinstance(outcome, Outcome):
            outcomes.append(Outcome(outcome.code, {"benchmark": name, "model": spec} | outcome.result))
            continue
        say(f"apigauge: {name} by {spec}: {outcome}")
        code = outcome.exit_code if isinstance(outcome, ApigaugeError) else ApigaugeError.exit_code
        outcomes.append(Outcome(code, {"benchmark": name, "model": spec, "error": str(outcome)}))
    return outcomes


Result = TypeVar("Result")


def _tried(function: Callable[[], Result]) -> Result | Exception:
    """The result, or the error that a message explains."""
    try:
        return function()
    except (ApigaugeError, OSError) as error:
        return error
