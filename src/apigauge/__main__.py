"""``apigauge`` and ``python -m apigauge``: the command line with all installed plugins."""

# The next line lets argcomplete's global completion run this module.
# PYTHON_ARGCOMPLETE_OK

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    from apigauge.harness.cli import main as cli
    from apigauge.harness.plugins.manager import load

    return cli.main(argv, add_plugin_commands=lambda commands: load().hook.apigauge_commands(commands=commands))


if __name__ == "__main__":
    sys.exit(main())
