"""How long `apigauge --help` takes compared with an empty Python, and what the plugin adds to pytest's start, in one run."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(*command):
    best = []
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best.append(time.perf_counter() - start)
    return sorted(best)[len(best) // 2]


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def added_to_pytest():
    """Milliseconds of CPU time that pytest takes longer in a project that does not use the plugin, in pairs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_one.py").write_text("def test_one(): ...\n", encoding="utf-8")
        command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", folder)
        added = []
        for _ in range(25):
            took = []
            for more in ((), ("-p", "no:apigauge")):
                start = cpu()
                subprocess.run((*command, *more), check=True, capture_output=True, cwd=folder)
                took.append(cpu() - start)
            added.append((took[0] - took[1]) * 1000)
    return sorted(added)[len(added) // 2]


def main():
    empty = seconds(sys.executable, "-c", "pass")
    ours = seconds(sys.executable, "-m", "apigauge", "--help")
    print(f"apigauge --help {ours * 1000:.0f} ms, an empty Python {empty * 1000:.0f} ms (medians of 15)")
    added = added_to_pytest()
    print(f"pytest starts {added:.1f} ms of CPU time later with the plugin, unused (median of 25 pairs)")
    return int(ours > 0.25 or added > 10)


if __name__ == "__main__":
    sys.exit(main())
