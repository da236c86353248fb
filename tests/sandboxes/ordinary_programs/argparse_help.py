# callee: argparse.ArgumentParser
import argparse
import sys

parser = argparse.ArgumentParser(description="Resize pictures.")
parser.add_argument("--width", type=int, default=64, help="pixels (default: %(default)s)")
parser.add_argument("names", nargs="*")
print(parser.prog)
print(parser.format_help())
print(parser.parse_args(["--width", "3", "a", "b"]))
print(vars(parser.parse_args()))
try:
    parser.parse_args(["--width", "wide"])
except SystemExit as end:
    print("exit", end.code)
parser.print_usage(sys.stderr)
