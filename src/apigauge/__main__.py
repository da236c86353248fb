"""``apigauge`` and ``python -m apigauge``: the command line with the commands of all installed plugins."""

# The next line lets argcomplete's global completion run this module.
# PYTHON_ARGCOMPLETE_OK

import os
import sys
from collections.abc import Sequence
from functools import partial


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    from apigauge.harness.cli import main as cli
    from apigauge.harness.plugins import commands, manager

    arguments = sys.argv[1:] if argv is None else list(argv)
    # Plugins are loaded before the command line is parsed, since they add to it.
    verbose = bool(os.environ.get("APIGAUGE_VERBOSE")) or not {"-v", "--verbose"}.isdisjoint(arguments)
    return cli.main(arguments, add_plugin_commands=partial(commands.add, manager.load(verbose=verbose)))


if __name__ == "__main__":
    sys.exit(main())
