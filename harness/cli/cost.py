"""What a run may cost: ``--price``, ``--prices``, ``--max-cost`` and ``--max-tokens``."""

import argparse
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError
from apigauge.harness.cli.options import positive
from apigauge.harness.cli.output import say

if TYPE_CHECKING:
    from apigauge.harness.evaluation.usage import Limits, Price


def add_cost(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    cost = parser.add_argument_group("cost of hf:, vllm: and openai:")
    cost.add_argument(
        "--price",
        nargs=2,
        type=float,
        metavar=("IN", "OUT"),
        help="US dollars for a million tokens of prompts and of answers",
    )
    cost.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help='prices in TOML: for each model a table, ["openai:my-model"], with input and output, in dollars for a '
        "million tokens",
    )
    cost.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="begin no further answer once a run has cost so much; the same command with a higher limit goes on",
    )
    cost.add_argument(
        "--max-tokens", type=positive, metavar="N", help="likewise, once prompts and answers have so many tokens"
    )


def check_cost(arguments: argparse.Namespace) -> None:
    """Refuses options that make no sense, before anything is loaded.

    Raises:
        UsageError: as said; or the file of prices cannot be read.
    """
    if arguments.price and arguments.prices:
        raise UsageError("--price and --prices exclude each other")
    if arguments.max_cost is not None and not (arguments.price or arguments.prices):
        raise UsageError("--max-cost: needs the model's price: --price IN OUT, or --prices FILE")
    models = arguments.model or ()
    for spec in [models] if isinstance(models, str) else models:
        price_for(arguments, spec)


def limits_for(arguments: argparse.Namespace, spec: str) -> "Limits":
    """The limits of one model's run, with the model's price.

    Raises:
        UsageError: a price is none, the file of prices cannot be read, or lacks a model whose cost is limited.
    """
    from apigauge.harness.evaluation.usage import Limits

    price = price_for(arguments, spec)
    if arguments.prices and price is None:
        if arguments.max_cost is not None:
            raise UsageError(f"--max-cost: {arguments.prices} has no price of {spec}")
        say(f"apigauge: {arguments.prices} has no price of {spec}; its cost is not counted")
    return Limits(arguments.max_tokens, arguments.max_cost, price)


def price_for(arguments: argparse.Namespace, spec: str) -> "Price | None":
    """A model's price; None without ``--price``, or where the file has none of it.

    Raises:
        UsageError: it is none, or the file cannot be read.
    """
    from apigauge.harness.evaluation.usage import Price

    if arguments.price:
        return Price(*arguments.price)
    row = _read(arguments.prices).get(spec) if arguments.prices else None
    if row is None:
        return None
    values = [row.get(name) for name in ("input", "output")] if isinstance(row, dict) else []
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) != 2:
        raise UsageError(f"{arguments.prices}: {spec}: give input and output, in dollars for a million tokens")
    return Price(*numbers)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--prices {file}: cannot be read as TOML: {error}") from error
