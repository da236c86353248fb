# callee: print
import sys


def main(arguments):
    print("main with", len(arguments))
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.exit(status)
