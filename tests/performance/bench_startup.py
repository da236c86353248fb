"""How long `apigauge --help` takes, beside an empty Python, in one run."""

import subprocess
import sys
import time


def seconds(*command):
    best = []
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best.append(time.perf_counter() - start)
    return sorted(best)[len(best) // 2]


def main():
    empty = seconds(sys.executable, "-c", "pass")
    ours = seconds(sys.executable, "-m", "apigauge.harness.cli.main", "--help")
    print(f"apigauge --help {ours * 1000:.0f} ms, an empty Python {empty * 1000:.0f} ms (medians of 15)")
    return int(ours > 0.25)


if __name__ == "__main__":
    sys.exit(main())
