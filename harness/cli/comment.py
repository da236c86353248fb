"""``apigauge comment``: the gate's decision as one comment on the pull request that CI runs for."""

import argparse
from pathlib import Path
from typing import Any

from apigauge.harness.cli.output import print_json


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser(
        "comment",
        help="write the gate's decision to the pull request; in GitHub Actions and GitLab CI",
        description="Writes one comment for each title of the gate, and updates it from then on. The token is that of "
        "GITHUB_TOKEN (pull-requests: write) or GITLAB_TOKEN (an access token with the scope api).",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `apigauge gate --markdown FILE` wrote")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.gate.comment import forge, write

    made = write(forge(), arguments.file)
    if arguments.json:
        print_json({"comment": made.id, "created": made.created})
    else:
        print(f"{'created' if made.created else 'updated'} comment {made.id}")
    return 0
