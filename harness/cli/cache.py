"""``apigauge cache``: what is cached, and removing it; ``show`` and ``empty`` are of completions, by model."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.cli.cache_prune import declare_list, declare_prune
from apigauge.harness.cli.output import add_json, print_json

if TYPE_CHECKING:
    from apigauge.harness.generation.cache import Entry

# Of entries that an older version wrote.
_UNKNOWN = "(not recorded)"


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    declare_list(actions.add_parser("list", help="all that is cached: what, how much, when it was last used"))
    declare_prune(actions.add_parser("prune", help="delete what has not been used for long; never what is in use"))
    for name, function, text in (
        ("show", show, "how many answers are cached, of which models, and how much disk they take"),
        ("empty", empty, "delete the cached answers"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("--model", metavar="SPEC", help="only the answers of this model, as `show` names it")
        add_json(action)
        action.set_defaults(function=function)


def show(arguments: argparse.Namespace) -> int:
    """Prints the number and the size of the cached answers, by model."""
    from apigauge.harness.generation import cache

    models = _by_model(_chosen(arguments.model))
    total = {"entries": sum(row["entries"] for row in models), "bytes": sum(row["bytes"] for row in models)}
    if arguments.json:
        print_json({"folder": str(cache.folder()), **total, "models": models})
        return 0
    from apigauge.harness.cli.tables import Column, print_table

    print_table(
        (Column("model", folds=16), Column("answers", is_right=True), Column("MB", is_right=True)),
        [(row["model"], f"{row['entries']:,}", f"{row['bytes'] / 1e6:.2f}") for row in models],
        title=str(cache.folder()),
        caption=f"{total['entries']:,} answers, {total['bytes'] / 1e6:.2f} MB",
    )
    return 0


def empty(arguments: argparse.Namespace) -> int:
    """Deletes the cached answers."""
    chosen = list(_chosen(arguments.model))
    for entry in chosen:
        entry.path.unlink(missing_ok=True)
    deleted = {"entries": len(chosen), "bytes": sum(entry.size for entry in chosen)}
    if arguments.json:
        print_json(deleted)
    else:
        print(f"{deleted['entries']:,} answers deleted, {deleted['bytes'] / 1e6:.2f} MB")
    return 0


def _chosen(model: str | None) -> "Iterator[Entry]":
    """The entries of a model; all without one.

    Raises:
        UsageError: there are none of that model.
    """
    from apigauge.harness.generation import cache

    names = set()
    is_any = False
    for entry in cache.entries():
        name = entry.model or _UNKNOWN
        names.add(name)
        if model in (None, name):
            is_any = True
            yield entry
    if model is not None and not is_any:
        raise UsageError(f"--model {model}: no answers of it are cached{did_you_mean(model, names)}")


def _by_model(entries: "Iterator[Entry]") -> list[dict[str, Any]]:
    """Number and size of entries by model, the largest first."""
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry.model or _UNKNOWN
        row = rows.setdefault(name, {"model": name, "entries": 0, "bytes": 0})
        row["entries"] += 1
        row["bytes"] += entry.size
    return sorted(rows.values(), key=lambda row: (-row["bytes"], row["model"]))
