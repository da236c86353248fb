"""The command line: one small file per subcommand, each with ``add(subparsers)`` and the function it calls."""
