"""``apigauge plugins``: which packages add to apigauge, and what."""

import argparse
from typing import Any

from apigauge import extensions
from apigauge.harness.cli.output import add_json, print_json


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; plugins with a fault are named on standard error, as by every command."""
    rows = extensions.listing()
    if arguments.json:
        print_json({"plugins": rows})
        return 0
    from apigauge.harness.cli.tables import Column, print_table

    print_table(
        (Column("plugin"), Column("package"), Column("adds", folds=16)),
        [(row["name"], f"{row['package']} {row['version']}".strip(), _adds(row)) for row in rows],
    )
    return 0


def _adds(row: dict[str, Any]) -> str:
    """What a plugin adds, by table."""
    if not row["loaded"]:
        return "nothing: it has a fault"
    tables = ("commands", *extensions.KINDS)
    return "; ".join(f"{table}: {', '.join(row[table])}" for table in tables if row[table]) or "nothing"
