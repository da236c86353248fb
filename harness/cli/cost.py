"""What a run may cost: ``--price``, ``--prices``, ``--max-cost``, ``--max-tokens``, and what a batch costs."""

import argparse
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
    add_price(cost)
    cost.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="begin no further answer once a run has cost so much; the same command with a higher limit goes on",
    )
    cost.add_argument(
        "--max-tokens", type=positive, metavar="N", help="likewise, once prompts and answers have so many tokens"
    )


def add_price(parser: argparse._ActionsContainer) -> None:
    """Declares a model's price, which :func:`price_for` reads."""
    parser.add_argument(
        "--price",
        nargs=2,
        type=float,
        metavar=("IN", "OUT"),
        help="US dollars for a million tokens of prompts and of answers",
    )
    parser.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help='prices in TOML: for each model a table, ["openai:my-model"], with input and output, in dollars for a '
        "million tokens, perhaps batch_input and batch_output; and as_of, the date of the table",
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
        if arguments.batch and not spec.startswith("openai:"):
            raise UsageError(f"--batch: is for openai:, not for {spec}")
    if arguments.batch:
        from apigauge.harness.cli.details import log_progress

        log_progress(lambda text: say(f"apigauge: {text}"))


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
    if arguments.batch and price and price.batch and price.batch == _half(price.prompt, price.completion):
        say(f"apigauge: --batch is counted at half the price: ${price.batch[0]:g} and ${price.batch[1]:g}")
    return Limits(arguments.max_tokens, arguments.max_cost, price)


def price_for(arguments: argparse.Namespace, spec: str) -> "Price | None":
    """A model's price; None without ``--price``, or where the file has none of it.

    Raises:
        UsageError: it is none, or the file cannot be read.
    """
    from apigauge.harness.evaluation.usage import Price

    is_batch = getattr(arguments, "batch", False)
    if arguments.price:
        prompt, completion = arguments.price
        return Price(prompt, completion, batch=_half(*arguments.price) if is_batch else None)
    table = _read(arguments.prices) if arguments.prices else {}
    row = table.get(spec)
    if row is None:
        return None
    numbers, batch = (_numbers(row, f"{kind}input", f"{kind}output") for kind in ("", "batch_"))
    is_wrong = isinstance(row, dict) and batch is None and any(name.startswith("batch_") for name in row)
    if numbers is None or is_wrong:
        raise UsageError(
            f"{arguments.prices}: {spec}: give input and output, in dollars for a million tokens; batch_input and "
            "batch_output likewise, if at all"
        )
    if batch is None and is_batch:
        batch = _half(*numbers)
    # TOML has dates of its own; a text is as good.
    return Price(*numbers, batch=batch, as_of=str(table.get("as_of", "")))


def _half(prompt: float, completion: float) -> tuple[float, float]:
    """What a batch costs where nothing else is said: half, as at OpenAI and those who offer the same."""
    return prompt / 2, completion / 2


def _numbers(row: object, *names: str) -> tuple[float, float] | None:
    """Two numbers of a table; None if one is missing or none."""
    values = [row.get(name) for name in names] if isinstance(row, dict) else []
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _read(file: Path) -> dict[str, Any]:
    try:
        import tomllib

        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--prices {file}: cannot be read as TOML: {error}") from error
