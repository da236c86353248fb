"""``apigauge comment``: the gate's decision as one comment on the pull request that CI runs for."""

import argparse
from pathlib import Path

from apigauge.harness.cli.output import add_json, print_json


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.description = (
        "Writes one comment for each title of the gate, and updates it on later calls. The token is taken "
        "from GITHUB_TOKEN (pull-requests: write) or GITLAB_TOKEN (an access token with the scope api)."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `apigauge gate --markdown FILE` wrote")
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.gate.comment import forge, write

    comment = write(forge(), arguments.file)
    if arguments.json:
        print_json({"comment": comment.id, "created": comment.created})
    else:
        print(f"{'created' if comment.created else 'updated'} comment {comment.id}")
    return 0
