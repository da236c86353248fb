"""The command line: one small file per subcommand."""

import sys

if sys.platform == "win32":  # before anything asks for what only Unix has
    raise SystemExit("apigauge: runs on Linux and macOS; on Windows, use it within WSL (wsl --install)")
