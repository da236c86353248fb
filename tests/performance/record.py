"""The performance record: ``docs/performance.json``, and the parts of ``docs/performance.md`` that are written from it.

``python record.py BENCHMARK.py ...`` runs benchmarks one after the other and keeps what each prints; a benchmark may also
write a part of its own by :func:`update`. A part is replaced whole, with the machine, its load and the versions at that
time, so that no table mixes two runs.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LIBRARIES = ("numpy", "torch", "transformers", "docker", "ray")


def update(part, lines, data, libraries=()):
    """Writes one part: Markdown lines for the page, data for the JSON file."""
    about = machine() | {"versions": installed() | dict(libraries)}
    file = DOCS / "performance.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    record[part] = {"about": about, "lines": lines, **data}
    file.write_text(json.dumps(dict(sorted(record.items())), indent=1, ensure_ascii=False) + "\n")
    page = DOCS / "performance.md"
    text = page.read_text()
    marks = f"<!-- record: {part} -->", f"<!-- end of record: {part} -->"
    body = "\n".join([marks[0], "", sentence(about), "", *lines, "", marks[1]])
    pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: body, text) if pattern.search(text) else f"{text.rstrip()}\n\n{body}\n")


def machine():
    """What the numbers depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": model,
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def installed():
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def sentence(about):
    versions = ", ".join(f"{name} {one}" for name, one in about["versions"].items())
    return (
        f"{about['date'][:10]}, {about['cores']} cores of {about['cpu']}, load {about['load'][0]} at the end, Python "
        f"{about['python']}, {versions}."
    )


def main(files):
    codes = []
    for file in files:
        started = time.monotonic()
        done = subprocess.run([sys.executable, file], stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="", flush=True)
        codes.append(done.returncode)
        name = Path(file).stem.removeprefix("bench_")
        shown = done.stdout.splitlines()
        if name != "peers":  # which has written its own
            data = {"code": done.returncode, "seconds": round(time.monotonic() - started, 1)}
            update(name, ["```text", *shown, "```"], data)
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
